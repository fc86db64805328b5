"""The most probable CTC path: a slow Viterbi in plain Python, planted emissions, and texts that do not fit."""

import math

import numpy as np
import pytest
import torch

from auscult.alignment import ctc
from auscult.alignment.ctc import align_tokens
from auscult.alignment.long_paths import best_labels
from auscult.errors import LabelError

BLANK = 0


def slow_path(log_probs, tokens):
    """Return the label of each frame on the best path, by Viterbi on tokens with blanks around each."""
    states = [BLANK]
    for token in tokens:
        states += [token, BLANK]
    best = [[-math.inf] * len(states) for _ in log_probs]
    came_from = [[0] * len(states) for _ in log_probs]
    for frame, row in enumerate(log_probs):
        for state, label in enumerate(states):
            if frame == 0:
                best[0][state] = row[label] if state < 2 else -math.inf
                continue
            earlier = [state] + ([state - 1] if state else [])
            if state >= 2 and label not in (BLANK, states[state - 2]):
                earlier.append(state - 2)
            source = max(earlier, key=lambda candidate: best[frame - 1][candidate])
            best[frame][state], came_from[frame][state] = best[frame - 1][source] + row[label], source
    state = max(len(states) - 1, len(states) - 2, key=lambda candidate: best[-1][candidate])
    path = []
    for frame in range(len(log_probs) - 1, -1, -1):
        path.append(state)
        state = came_from[frame][state]
    return path[::-1], states, max(best[-1][-2:])


@pytest.mark.parametrize("tokens", [[1, 2, 3], [1, 1, 2, 2, 2], [3], [2, 1, 2, 1, 1, 3]])
@pytest.mark.parametrize("seed", range(4))
def test_the_path_is_that_of_a_slow_viterbi(tokens, seed):
    logits = torch.randn(25, 4, generator=torch.Generator().manual_seed(seed)) * 2
    log_probs = logits.log_softmax(-1)
    spans = align_tokens(log_probs, tokens, BLANK)
    path, states, score = slow_path(log_probs.tolist(), tokens)
    found = [np.flatnonzero(np.array(path) == 2 * place + 1) for place in range(len(tokens))]
    assert spans.starts.tolist() == [frames[0] for frames in found]
    assert spans.stops.tolist() == [frames[-1] + 1 for frames in found]
    means = [np.mean([log_probs[frame, states[path[frame]]].exp() for frame in frames]) for frames in found]
    np.testing.assert_allclose(spans.confidence, means, rtol=1e-5)
    emitted = torch.full((25,), BLANK)
    for token, start, stop in zip(tokens, spans.starts, spans.stops):
        emitted[start:stop] = token
    assert log_probs[torch.arange(25), emitted].sum().item() == pytest.approx(score, abs=1e-4)


def test_equal_neighbours_are_divided_by_a_blank_and_the_path_fills_just_enough_frames():
    spans = align_tokens(torch.zeros(6, 3).log_softmax(-1), [1, 1, 2, 2], BLANK)
    assert spans.starts.tolist() == [0, 2, 3, 5]
    assert spans.stops.tolist() == [1, 3, 4, 6]


def test_a_recording_too_short_for_its_text_is_refused():
    with pytest.raises(
        LabelError, match=r"at least 6 frames for the 4 tokens of the transcript, found 5: .* too short"
    ):
        align_tokens(torch.zeros(5, 3).log_softmax(-1), [1, 1, 2, 2], BLANK)


@pytest.mark.parametrize("block", [1, 7, 30, 1000])
def test_a_long_path_is_that_of_the_kernel_whatever_the_blocks(block):
    rng = np.random.default_rng(block)
    tokens = rng.integers(1, 4, 40).tolist()
    log_probs = torch.from_numpy(rng.normal(0, 2, (150, 4)).astype(np.float32)).log_softmax(-1)
    spans = align_tokens(log_probs, tokens, BLANK)
    expected = np.zeros(150, dtype=int)
    for token, start, stop in zip(tokens, spans.starts, spans.stops):
        expected[start:stop] = token
    assert best_labels(log_probs.numpy(), tokens, BLANK, block).tolist() == expected.tolist()


def test_an_hour_is_more_than_the_kernel_can_count_and_takes_the_other_path(monkeypatch):
    log_probs = torch.randn(60, 4, generator=torch.Generator().manual_seed(0)).log_softmax(-1)
    expected = align_tokens(log_probs, [1, 2, 2, 3], BLANK)
    monkeypatch.setattr(ctc, "_LARGEST", 0)
    monkeypatch.delattr(ctc, "forced_align")
    found = align_tokens(log_probs, [1, 2, 2, 3], BLANK)
    assert found.starts.tolist() == expected.starts.tolist()
    np.testing.assert_allclose(found.confidence, expected.confidence, rtol=1e-6)
