"""The most probable CTC path of a long text, in little memory.

The kernel of :func:`torchaudio.functional.forced_align` counts its steps in 32 bits, and ends the process beyond that:
at 14 letters and 50 frames a second, after 24 minutes. Here the scores of every 2000th frame are kept, and the steps
between two of them are found again from the end of the recording to its beginning, for the states that the path can
have passed only.
"""

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

__all__ = ["best_labels"]

_BLOCK = 2000
_Scores = npt.NDArray[np.float64]


def best_labels(
    log_probs: npt.NDArray[np.float32], tokens: Sequence[int], blank: int, block: int = _BLOCK
) -> npt.NDArray[np.int64]:
    """Return the label of every frame on the most probable path that spells the tokens.

    Parameters
    ----------
    log_probs : logarithms of the posterior probabilities [shape=(n_frames, n_labels)]; enough frames for the tokens
    tokens : tokens of the text, at least one
    blank : index of the blank
    block : frames between two kept scores

    Returns
    -------
    labels [shape=(n_frames,)]
    """
    states = np.full(2 * len(tokens) + 1, blank)
    states[1::2] = tokens
    # A blank may be skipped between two tokens that differ.
    barred = np.full(len(states), -np.inf)
    barred[3::2][states[3::2] != states[1:-2:2]] = 0
    n_frames = len(log_probs)
    scores = np.full(len(states), -np.inf)
    scores[:2] = log_probs[0, states[:2]]
    kept = [scores]
    for frame in range(1, n_frames):
        scores = _advanced(scores, barred) + log_probs[frame].take(states)
        if frame % block == 0:
            kept.append(scores)
    state = len(states) - 1 - int(scores[-2] > scores[-1])
    path = np.empty(n_frames, dtype=np.int64)
    path[-1] = state
    for number in reversed(range(len(kept))):
        first = number * block
        last = min(first + block, n_frames - 1)
        lowest = max(0, state - 2 * (last - first))
        part = slice(lowest, state + 1)
        back = _steps_back(kept[number][part], barred[part], log_probs[first + 1 : last + 1], states[part])
        for frame in range(last, first, -1):
            state -= int(back[frame - first - 1, state - lowest])
            path[frame - 1] = state
    return states[path]


def _advanced(scores: _Scores, barred: _Scores) -> _Scores:
    """Return the best score of reaching each state from itself, the one before, or the one before that."""
    best = scores.copy()
    np.maximum(best[1:], scores[:-1], out=best[1:])
    np.maximum(best[2:], scores[:-2] + barred[2:], out=best[2:])
    return best


def _steps_back(
    scores: _Scores, barred: _Scores, log_probs: npt.NDArray[np.float32], states: npt.NDArray[np.int64]
) -> npt.NDArray[np.int8]:
    """Return by how many states the best path to each state goes back at each frame [shape=(n_frames, n_states)]."""
    back = np.empty((len(log_probs), len(states)), dtype=np.int8)
    for frame, row in enumerate(log_probs):
        best = _advanced(scores, barred)
        back[frame] = np.where(best == scores, 0, 2)
        back[frame, 1:][(best[1:] == scores[:-1]) & (best[1:] != scores[1:])] = 1
        scores = best + row.take(states)
    return back
