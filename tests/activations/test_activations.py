"""One pass over a corpus: correct frames are pooled, with the same result for any batch size and after a kill."""

import logging
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest
import torch
from extraction_cases import ARGUMENTS, CORPUS, Killed, made_up_corpus
from tiny_models import tiny_encoder

from auscult.activations.extraction import extract_activations
from auscult.activations.store import read_activations
from auscult.errors import AnalysisError, AudioError, CorpusError, ManifestError
from auscult.models.acoustic import acoustic_model
from auscult.models.frames import FrameTiming
from auscult.models.speech import SpeechModel


@pytest.fixture(scope="module")
def model():
    return SpeechModel(tiny_encoder("wav2vec2"))


@pytest.fixture(scope="module")
def extracted(model, tmp_path_factory):
    folder = tmp_path_factory.mktemp("activations") / "final"
    extract_activations(folder, model=model, **ARGUMENTS)
    return read_activations(folder)


def test_every_row_is_the_mean_of_its_frames(extracted, model):
    rows = np.random.default_rng(1).permutation(len(extracted.index))[:40]
    index = extracted.index.iloc[rows]
    for layer in extracted.layers:
        expected = []
        for row in index.itertuples():
            frames = model.frames([CORPUS.waveform(row.utterance)])[layer][0].double()
            centres = torch.from_numpy(model.timing.centres(len(frames)) / 2)
            inside = frames[(centres >= row.onset) & (centres <= row.offset)]
            middle = (row.onset + row.offset) / 2
            expected.append((inside if len(inside) else frames[(centres - middle).abs().argmin()][None]).mean(dim=0))
            assert (row.n_frames, row.nearest) == (max(1, len(inside)), len(inside) == 0)
        np.testing.assert_allclose(extracted.load(layer, rows), torch.stack(expected), atol=2e-5)


def test_the_index_is_in_the_order_of_the_corpus_with_all_columns(extracted):
    index = extracted.index
    assert list(index.columns) == [
        "shard",
        "row",
        "utterance",
        "tier",
        "index",
        "label",
        "onset",
        "offset",
        "n_frames",
        "nearest",
        "parent",
        "phone_class",
        "head",
        "speaker",
        "gender",
        "language",
        "split",
        "text",
        "n_samples",
        "sample_rate_hz",
    ]
    assert index["utterance"].unique().tolist() == CORPUS.utterances["utterance"].tolist()
    assert index.loc[index["utterance"] == "u0", "tier"].unique().tolist() == ["phone", "word", "utterance"]
    assert len(index) == len(CORPUS.segments) + len(CORPUS.utterances)
    assert (index["n_samples"] == index["utterance"].map(CORPUS.utterances.set_index("utterance")["n_samples"])).all()
    assert set(index["sample_rate_hz"]) == {16000}
    whole = index[index["tier"] == "utterance"].set_index("utterance")
    assert (whole["offset"] == CORPUS.utterances.set_index("utterance")["n_samples"]).all()
    assert (whole[["index", "label", "parent", "head"]].drop_duplicates().to_numpy().tolist()) == [[0, "", -1, -1]]


def test_shards_hold_whole_utterances_and_no_more_rows_than_asked(extracted):
    sizes = extracted.index.groupby("shard").size()
    assert len(sizes) > 2
    assert sizes.max() <= ARGUMENTS["shard_rows"]
    assert (extracted.index.groupby("utterance")["shard"].nunique() == 1).all()


def test_layers_keep_their_order_and_rows_any_order(extracted):
    assert extracted.layers == ("cnn", "embed", "T1", "T2")
    everything = extracted.load("T1")
    assert (everything.dtype, everything.shape) == (np.float32, (len(extracted.index), 32))
    rows = np.array([5, 0, 100, 5])
    assert np.array_equal(extracted.load("T1", rows), everything[rows])
    assert extracted.load("cnn", np.array([], dtype=int)).shape == (0, 16)


def test_an_unknown_layer_lists_those_that_exist(extracted):
    with pytest.raises(AnalysisError, match=r"expected one of the layers cnn, embed, T1, T2 of .*, found 'T3'"):
        extracted.load("T3")


@pytest.mark.parametrize("settings", [{"batch_s": 0.1}, {"shard_rows": 1}, {"shard_rows": 10**6, "batch_s": 1e6}])
def test_batch_and_shard_size_do_not_change_results(extracted, model, tmp_path, settings):
    extract_activations(tmp_path / "a", model=model, **(ARGUMENTS | settings))
    other = read_activations(tmp_path / "a")
    pd.testing.assert_frame_equal(
        other.index.drop(columns=["shard", "row"]), extracted.index.drop(columns=["shard", "row"])
    )
    for layer in extracted.layers:
        np.testing.assert_allclose(other.load(layer), extracted.load(layer), atol=2e-5)


def test_a_killed_run_goes_on_after_its_last_shard_and_ends_in_the_same_bytes(extracted, model, tmp_path, monkeypatch):
    calls = []

    def frames(self, waveforms, run=SpeechModel.frames):
        calls.append(len(waveforms))
        if len(calls) == 3:
            raise Killed
        return run(self, waveforms)

    monkeypatch.setattr(SpeechModel, "frames", frames)
    with pytest.raises(Killed):
        extract_activations(tmp_path / "a", model=model, **ARGUMENTS)
    assert not (tmp_path / "a").exists()
    n_shards = extracted.index["shard"].nunique()
    manifest = extract_activations(tmp_path / "a", model=model, **ARGUMENTS)
    assert len(calls) == 3 + n_shards - 2
    assert manifest == extracted.manifest


def test_what_was_left_by_other_settings_is_not_taken_up(model, tmp_path, monkeypatch):
    stale = tmp_path / ".partial-a"
    stale.mkdir()
    (stale / "shard-00000.safetensors").write_bytes(b"something else")
    extract_activations(tmp_path / "a", model=model, **ARGUMENTS)
    assert np.isfinite(read_activations(tmp_path / "a").load("cnn")).all()


def test_segments_without_a_frame_are_counted_in_the_log(model, tmp_path, caplog):
    with caplog.at_level(logging.INFO):
        extract_activations(tmp_path / "a", model=model, **ARGUMENTS)
    index = read_activations(tmp_path / "a").index
    phones = index[index["tier"] == "phone"]
    assert phones["nearest"].sum() > 5
    assert f"phone: {len(phones)} segments, {phones['nearest'].sum()} without a frame centre inside" in caplog.text


def test_a_baseline_goes_the_same_way(tmp_path):
    extract_activations(tmp_path / "a", model=acoustic_model("time"), **ARGUMENTS)
    activations = read_activations(tmp_path / "a")
    assert activations.layers == ("input",)
    words = activations.index.query("tier == 'word'")
    middle_s = (words["onset"] + words["offset"]) / 32000
    # A word cut by the end of the recording lacks its last frames: up to half a window, 12.5 ms.
    np.testing.assert_allclose(activations.load("input", words.index)[:, 0], middle_s, atol=0.0125)


def test_fewer_utterances_are_spread_over_the_corpus(model, tmp_path):
    arguments = ARGUMENTS | {"max_utterances": 3, "tiers": ("utterance",), "splits": ("train",)}
    extract_activations(tmp_path / "a", model=model, **arguments)
    index = read_activations(tmp_path / "a").index
    assert index["utterance"].tolist() == ["u0", "u3", "u6"]
    assert index["tier"].unique().tolist() == ["utterance"]


def refuse(model, tmp_path, kind, match, **changes):
    with pytest.raises(kind, match=match):
        extract_activations(tmp_path / "a", model=model, **(ARGUMENTS | changes))
    assert not (tmp_path / "a").exists()


def test_recordings_at_another_rate_are_refused(model, tmp_path):
    message = r"expected recordings at 16000 Hz for model 'wav2vec2', found 8000 Hz in utterance 'u0'; import"
    refuse(model, tmp_path, AudioError, message, corpus=made_up_corpus(rate=8000))


def test_an_utterance_shorter_than_the_receptive_field_is_named(tmp_path):
    deaf = SimpleNamespace(name="deaf", layers=("input",), sample_rate_hz=16000, timing=FrameTiming(5000, 320))
    message = r"expected at least 5000 samples .* found \d+ in utterance 'u\d' of corpus 'made-up'; leave it out"
    refuse(deaf, tmp_path, AudioError, message)


def test_a_tier_or_split_that_the_corpus_lacks_is_named(model, tmp_path):
    refuse(model, tmp_path, CorpusError, "expected segments of tier 'syllable' in corpus 'made-up'", tiers=["syllable"])
    refuse(model, tmp_path, CorpusError, "expected utterances in splits valid of corpus 'made-up'", splits=["valid"])


def test_frames_that_are_not_numbers_are_refused_with_the_utterance(model, tmp_path):
    corpus = made_up_corpus()
    corpus.waveforms["u4"][100] = np.nan
    refuse(model, tmp_path, AudioError, r"expected finite activations, .* layer 'cnn' .* 'u4'", corpus=corpus)


def test_a_folder_of_something_else_is_refused(extracted, tmp_path):
    from auscult.manifests import build_folder

    with build_folder(tmp_path / "other", {}) as partial:
        (partial / "a.txt").write_text("a")
    with pytest.raises(ManifestError, match=r"expected an activations folder in .*, found no index.parquet"):
        read_activations(tmp_path / "other")
