from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest
import torch
from abx_reference import abx_cells, abx_score, warped_distance

from auscult.abx import ABX_COLUMNS, abx_frames
from auscult.abx_frames import collect_sequences, item_frames
from auscult.errors import AnalysisError, AudioError, CorpusError
from auscult.frames import FrameTiming

CENTRED = FrameTiming(320, 320)
N_FRAMES = 40


class GivenModel:
    """A model whose frames are given; its waveforms are names of utterances."""

    name, layers, sample_rate_hz, timing = "given", ("T1", "T2"), 16000, CENTRED

    def __init__(self, stored):
        self.stored = stored

    def frames(self, names):
        return {layer: [torch.from_numpy(self.stored[layer][name]) for name in names] for layer in self.layers}


@pytest.fixture
def speech():
    """Return a model, a corpus and items: five of three labels in each of six recordings by three speakers."""
    rng = np.random.default_rng(0)
    names = [f"u{i}" for i in range(6)]
    about = {"utterance": names, "sample_rate_hz": 16000, "n_samples": 320 * N_FRAMES}
    corpus = SimpleNamespace(name="given", utterances=pd.DataFrame(about), waveform=lambda name: name)
    stored = {
        layer: {name: rng.normal(size=(N_FRAMES, 4)).astype(np.float32) for name in names} for layer in ("T1", "T2")
    }
    rows = []
    for place, name in enumerate(names):
        for onset in (100, 2000, 4000, 6000, 9000):
            label, length = rng.choice(list("aei")), int(rng.integers(300, 1900))
            rows.append((name, onset, onset + length, label, "p", "q", f"s{place % 3}"))
    columns = ["utterance", "onset", "offset", "label", "previous", "next", "speaker"]
    return GivenModel(stored), corpus, pd.DataFrame(rows, columns=columns)


def libri_light_slice(onset_s, offset_s, n_frames, frame_s=0.02):
    """Frames of an item as Libri-Light's evaluation cuts them."""
    return max(0, int(np.ceil(onset_s / frame_s - 0.5))), min(n_frames, int(np.floor(offset_s / frame_s - 0.5)))


def test_frames_are_cut_exactly_or_as_libri_light_cuts_them():
    rng = np.random.default_rng(0)
    onset = rng.integers(0, 12000, 500)
    offset = np.minimum(onset + rng.integers(1, 3000, 500), 13600)
    counts = np.full(500, N_FRAMES)
    starts, stops = item_frames(CENTRED, onset, offset, counts)
    assert np.array_equal(starts, CENTRED.segment_frames(onset, offset, counts)[0])
    assert (stops > starts).all()
    dropped = item_frames(CENTRED, onset, offset, counts, drop_last_frame=True)
    for first, last, start, stop in zip(onset / 16000, offset / 16000, *dropped):
        expected = libri_light_slice(first, last, N_FRAMES)
        assert (start, stop) == expected if expected[1] > expected[0] else stop == start


@pytest.mark.parametrize("drop", [False, True])
def test_scores_of_a_models_frames_equal_three_nested_loops(speech, drop):
    model, corpus, items = speech
    results, contrasts = abx_frames(model, corpus, items, drop_last_frame=drop, max_pairs=300, n_resamples=100)
    assert list(results.columns) == list(ABX_COLUMNS)
    counts = np.full(len(items), N_FRAMES)
    starts, stops = item_frames(CENTRED, items["onset"].to_numpy(), items["offset"].to_numpy(), counts, drop)
    kept = items[stops > starts].reset_index(drop=True)
    spans = [(start, stop) for start, stop in zip(starts, stops) if stop > start]
    assert results["n"].max() <= len(kept)
    for row in results.itertuples():
        frames = [model.stored[row.layer][name][a:b] for name, (a, b) in zip(kept["utterance"], spans)]
        across = "speaker" if row.speaker == "across" else None
        cells = abx_cells(
            kept, lambda i, j, f=frames: warped_distance(i, j, f, "angular"),
            "label", ["previous", "next", *([] if across else ["speaker"])], across,
        )  # fmt: skip
        assert row.value == pytest.approx(abx_score(cells), abs=1e-12)
    assert set(contrasts["distance"]) == {"angular, dtw"}


def test_batches_of_recordings_do_not_change_what_is_collected(speech):
    model, corpus, items = speech
    one, many = (collect_sequences(model, corpus, items, batch_s=seconds) for seconds in (0.1, 60))
    assert all(np.array_equal(one.frames[layer], many.frames[layer]) for layer in model.layers)


def test_a_layer_that_does_not_exist_lists_those_that_do(speech):
    with pytest.raises(AnalysisError, match="expected layers of T1, T2, found 'T9'"):
        abx_frames(*speech, layers=["T9"])


def test_items_without_frames_are_refused(speech):
    model, corpus, items = speech
    with pytest.raises(AnalysisError, match="expected items of a frame or more, found none among 30"):
        abx_frames(model, corpus, items.assign(offset=items["onset"] + 1), drop_last_frame=True)


def test_items_of_a_recording_that_does_not_exist_are_refused(speech):
    model, corpus, items = speech
    with pytest.raises(CorpusError, match=r"expected recordings of corpus 'given', found items of 'u9' \(1 such"):
        abx_frames(model, corpus, items.assign(utterance="u9"))


def test_another_sample_rate_is_refused(speech):
    model, corpus, items = speech
    corpus.utterances["sample_rate_hz"] = 8000
    with pytest.raises(CorpusError, match="expected recordings at 16000 Hz for model 'given', found 8000 Hz in 'u0'"):
        abx_frames(model, corpus, items)


def test_a_recording_shorter_than_a_frame_is_refused(speech):
    model, corpus, items = speech
    corpus.utterances["n_samples"] = 100
    with pytest.raises(AudioError, match=r"expected at least 320 samples .* found 100 in utterance 'u0' of corpus 'gi"):
        abx_frames(model, corpus, items)
