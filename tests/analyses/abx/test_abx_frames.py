from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest
import torch
from abx_reference import abx_cells, abx_score, warped_distance

from auscult.analyses.abx.analysis import (
    ABX_COLUMNS,
    AbxSettings,
    FrameComparison,
    abx_activations,
    abx_frames,
    abx_item_files,
)
from auscult.analyses.abx.frames import Limits, find_frames, item_frames, read_frames
from auscult.analyses.abx.items import read_items
from auscult.errors import AnalysisError, AudioError, CorpusError
from auscult.models.frames import FrameTiming

CENTRED = FrameTiming(320, 320)
N_FRAMES = 40
SETTINGS = AbxSettings(contexts=("in",), n_resamples=100, max_items_per_bin=None, max_cells=None, standardise=False)


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
    starts, stops = item_frames(CENTRED, onset, offset, counts, drop_last_frame=False)
    assert np.array_equal(starts, CENTRED.segment_frames(onset, offset, counts)[0])
    assert (stops > starts).all()
    dropped = item_frames(CENTRED, onset, offset, counts, drop_last_frame=True)
    for first, last, start, stop in zip(onset / 16000, offset / 16000, *dropped):
        expected = libri_light_slice(first, last, N_FRAMES)
        assert (start, stop) == expected if expected[1] > expected[0] else stop == start


@pytest.mark.parametrize("drop", [False, True])
def test_scores_of_a_models_frames_equal_three_nested_loops(speech, drop):
    model, corpus, items = speech
    frames = FrameComparison(drop_last_frame=drop)
    results, contrasts = abx_frames(
        model, corpus, items, frames=frames, settings=SETTINGS, limits=Limits(max_pairs=300)
    )
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
            kept,
            lambda i, j, f=frames: warped_distance(i, j, f, "angular"),
            "label",
            ["previous", "next", *([] if across else ["speaker"])],
            across,
        )
        assert row.value == pytest.approx(abx_score(cells), abs=1e-12)
    assert set(contrasts["distance"]) == {"angular, dtw"}


def test_batches_of_recordings_do_not_change_what_is_collected(speech):
    model, corpus, items = speech
    where = find_frames(model, corpus, items, drop_last_frame=False)[1]
    one, many = (
        list(read_frames(model, corpus, where, compared="dtw", limits=Limits(batch_s=seconds))) for seconds in (0.1, 60)
    )
    assert [found.layer for found in one] == list(model.layers)
    assert all(np.array_equal(a.x, b.x) for a, b in zip(one, many))


def test_layers_that_do_not_fit_into_memory_together_are_read_one_after_the_other(speech):
    model, corpus, items = speech
    where = find_frames(model, corpus, items, drop_last_frame=False)[1]
    one_layer = Limits(max_bytes=16 * int(where.sizes.sum()))
    together = abx_frames(model, corpus, items, settings=SETTINGS)[0]
    apart = abx_frames(model, corpus, items, settings=SETTINGS, limits=one_layer)[0]
    assert apart.equals(together)
    frames = read_frames(model, corpus, where, compared="dtw", limits=one_layer)
    assert all(found.x.nbytes == 16 * where.sizes.sum() for found in frames)


def test_a_layer_that_does_not_fit_into_memory_is_refused_before_it_is_read(speech):
    model, corpus, items = speech
    where = find_frames(model, corpus, items, drop_last_frame=False)[1]
    expected = rf"frames of a layer in 1e-07 GB or less, found .* GB \({where.sizes.sum()} × 4 numbers of layer 'T1'\);"
    with pytest.raises(AnalysisError, match=expected):
        next(read_frames(model, corpus, where, compared="dtw", limits=Limits(max_bytes=100)))


def test_only_recordings_of_compared_items_are_read(speech):
    model, corpus, items = speech
    heard = []
    corpus.waveform = lambda name: heard.append(name) or name
    alone = items.assign(label=items["label"].where(items["utterance"] != "u0", items["label"] + "!"), next="q")
    alone.loc[alone["utterance"] == "u0", "next"] = "elsewhere"
    abx_frames(model, corpus, alone, settings=replace(SETTINGS, speakers=("across",)))
    assert set(heard) == {"u1", "u2", "u3", "u4", "u5"}


def test_means_of_items_score_as_the_same_vectors_pooled_beforehand(speech):
    model, corpus, items = speech
    settings = replace(SETTINGS, contexts=("any",), speakers=("across",), distance="cosine")
    means = FrameComparison(frames="mean", distance="cosine")
    found = abx_frames(model, corpus, items, frames=means, settings=settings)[0]
    where = find_frames(model, corpus, items, drop_last_frame=False)[1]
    pooled = {found.layer: found.x for found in read_frames(model, corpus, where, compared="mean")}
    first = model.stored["T1"]["u0"][where.starts[0] : where.starts[0] + where.sizes[0]]
    assert pooled["T1"][0] == pytest.approx(first.mean(axis=0), abs=1e-6)
    index = items.assign(tier="phone", index=np.arange(len(items)))
    activations = SimpleNamespace(index=index, layers=model.layers, load=lambda layer, rows: pooled[layer][rows])
    target = {"name": "phone", "tier": "phone", "column": "label"}
    run = {"corpus": "given", "model": "given", "step": "final"}
    expected = abx_activations(activations, targets=[target], settings=settings, **run)
    assert found["value"].tolist() == expected[0]["value"].tolist()
    assert set(found["distance"]) == {"cosine, mean"}


def test_item_files_are_scored_each_by_its_own_settings(speech, tmp_path):
    model, corpus, items = speech
    path = tmp_path / "dev.item"
    lines = ["#file onset offset #phone prev-phone next-phone speaker"]
    lines += [
        f"{r.utterance} {r.onset / 16000} {r.offset / 16000} {r.label} p q {r.speaker}" for r in items.itertuples()
    ]
    path.write_text("\n".join(lines))
    targets = [{"name": "one", "items": path, "frames": "mean"}, {"name": "two", "items": path, "speakers": ["any"]}]
    results, contrasts = abx_item_files(model, corpus, targets=targets, run=("m", "7"), settings=SETTINGS)
    rows = results[["target", "model", "step", "speaker", "distance"]].drop_duplicates().to_numpy().tolist()
    assert rows[0] == ["one", "m", "7", "within", "angular, mean"]
    assert rows[-1] == ["two", "m", "7", "any", "angular, dtw"]
    assert set(contrasts["target"]) == {"one", "two"}
    read = read_items(path, corpus.utterances)
    again = abx_frames(model, corpus, read, frames=FrameComparison(frames="mean"), settings=SETTINGS)[0]
    assert results.query("target == 'one'")["value"].tolist() == again["value"].tolist()


def test_no_item_file_is_refused(speech):
    with pytest.raises(AnalysisError, match="expected at least one target for corpus 'given', found none"):
        abx_item_files(*speech[:2], targets=[])


def test_a_layer_that_does_not_exist_lists_those_that_do(speech):
    with pytest.raises(AnalysisError, match="expected layers of T1, T2, found 'T9'"):
        abx_frames(*speech, layers=["T9"])


def test_items_without_frames_are_refused(speech):
    model, corpus, items = speech
    with pytest.raises(AnalysisError, match="expected items of at least one frame, found none among 30"):
        abx_frames(
            model,
            corpus,
            items.assign(offset=items["onset"] + 1),
            frames=FrameComparison(drop_last_frame=True),
        )


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
