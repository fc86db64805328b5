"""A sweep: shared data are computed once, and each checkpoint gives the same bytes as on its own."""

import numpy as np
import pytest
import torch
from extraction_cases import ARGUMENTS, CORPUS, Killed
from tiny_models import tiny_encoder

from auscult.activations.extraction import Extraction, extract_activations, extract_part, extract_sweep
from auscult.activations.store import read_activations
from auscult.errors import CheckpointError, ManifestError
from auscult.models.acoustic import acoustic_model
from auscult.models.loading import model_opener, open_model
from auscult.models.speech import SpeechModel

SETTINGS = {key: value for key, value in ARGUMENTS.items() if key not in ("recipe", "parents")}


def checkpoints(frozen=True):
    """Return three models with different blocks; the first two share a front end, or all front ends differ."""
    models = []
    for seed in range(3):
        encoder = tiny_encoder("hubert")
        torch.manual_seed(seed)
        for name, weights in encoder.named_parameters():
            if not name.startswith("feature_extractor") or seed == 2 or not frozen:
                torch.nn.init.normal_(weights, 0, 0.1)
        models.append(SpeechModel(encoder))
    return models


def sweep(folder, models, **changes):
    runs = [
        Extraction(folder / str(step), lambda model=model: model, {"step": step}, {"checkpoint": str(step)})
        for step, model in enumerate(models)
    ]
    return extract_sweep(runs, **(SETTINGS | changes))


@pytest.fixture
def counted(monkeypatch):
    """Count front-end passes and decoded recordings."""
    counts = {"front_end": 0, "waveform": 0}

    def count(owner, name):
        original = getattr(owner, name)

        def counting(self, *arguments):
            counts[name] += 1
            return original(self, *arguments)

        monkeypatch.setattr(owner, name, counting)

    count(SpeechModel, "front_end")
    count(type(CORPUS), "waveform")
    return counts


@pytest.mark.parametrize("frozen", [True, False])
def test_each_checkpoint_of_a_sweep_has_the_bytes_it_has_alone(tmp_path, frozen):
    models = checkpoints(frozen)
    together = sweep(tmp_path / "sweep", models)
    for step, (model, manifest) in enumerate(zip(models, together)):
        recipe, parents = {"step": step}, {"checkpoint": str(step)}
        alone = extract_activations(tmp_path / "alone", model=model, recipe=recipe, parents=parents, **SETTINGS)
        assert alone.files == manifest.files
        assert alone == manifest


def test_equal_front_ends_run_once_and_recordings_are_decoded_once(tmp_path, counted):
    sweep(tmp_path, checkpoints())
    n_batches = read_activations(tmp_path / "0").index["shard"].nunique()
    assert counted == {"front_end": 2 * n_batches, "waveform": len(CORPUS.utterances)}


def test_what_does_not_fit_into_memory_is_made_again_with_equal_results(tmp_path, counted):
    models = checkpoints()
    kept, again = sweep(tmp_path / "kept", models), sweep(tmp_path / "again", models, max_bytes=1)
    assert [one.files for one in kept] == [one.files for one in again]
    assert counted["waveform"] == 4 * len(CORPUS.utterances)


def test_another_normalisation_is_another_front_end():
    encoder = tiny_encoder("hubert")
    plain, other = (SpeechModel(encoder, {"do_normalize": normalised}) for normalised in (True, False))
    assert plain.front_end_digest == SpeechModel(encoder, {"do_normalize": True}).front_end_digest
    assert plain.front_end_digest != other.front_end_digest
    assert SpeechModel(tiny_encoder("whisper")).front_end_digest is None


def test_a_killed_sweep_goes_on_with_the_next_checkpoint_and_ends_in_the_same_bytes(tmp_path, monkeypatch):
    models, whole = checkpoints(), sweep(tmp_path / "whole", checkpoints(), shard_rows=10**6)
    calls, run = [], SpeechModel.frames

    def frames(self, waveforms, **shared):
        calls.append(models.index(self))
        if len(calls) == 2:
            raise Killed
        return run(self, waveforms, **shared)

    monkeypatch.setattr(SpeechModel, "frames", frames)
    with pytest.raises(Killed):
        sweep(tmp_path / "killed", models, shard_rows=10**6)
    assert not (tmp_path / "killed" / "0").exists()
    resumed = sweep(tmp_path / "killed", models, shard_rows=10**6)
    assert calls == [0, 1, 1, 2]
    assert resumed == whole


def scattered(folder, models, n_parts, shard_rows=40):
    """Divide a sweep among several jobs, and gather their parts."""
    settings = SETTINGS | {"shard_rows": shard_rows}
    runs = [
        Extraction(folder / str(step), lambda model=model: model, {"step": step}, {"checkpoint": str(step)})
        for step, model in enumerate(models)
    ]
    parts = [folder / f"part-{part}" for part in range(1, n_parts + 1)]
    for part, path in enumerate(parts, 1):
        extract_part(path, runs, part=part, n_parts=n_parts, **settings)
    return runs, settings, parts


@pytest.mark.parametrize("n_parts", [1, 2, 5, 100])
def test_a_sweep_divided_among_jobs_has_the_same_bytes_and_every_shard_is_made_once(tmp_path, monkeypatch, n_parts):
    whole = sweep(tmp_path / "whole", checkpoints(), shard_rows=40)
    runs, settings, parts = scattered(tmp_path / "scattered", checkpoints(), n_parts)
    made = [path.name for part in parts for path in part.glob("*.safetensors")]
    n_shards = len(list((tmp_path / "whole/0").glob("shard-*")))
    assert n_shards > 2
    assert len(set(made)) == len(made) == 3 * n_shards
    counts = [len(list(part.glob("*.safetensors"))) for part in parts]
    assert max(counts) - min(counts) <= 1

    def not_again(self, *_, **__):
        raise AssertionError("a model was run although its part is finished")

    monkeypatch.setattr(SpeechModel, "frames", not_again)
    assert extract_sweep(runs, parts=parts, **settings) == whole


def test_parts_of_other_settings_or_damaged_ones_are_refused(tmp_path):
    runs, settings, parts = scattered(tmp_path, checkpoints(), 2)
    with pytest.raises(ManifestError, match=f"expected in {parts[0]} a part of this extraction, found one of other"):
        extract_sweep(runs, parts=parts, **(settings | {"batch_s": 1.0}))
    path = next(parts[1].glob("*.safetensors"))
    path.write_bytes(path.read_bytes()[:-1])
    with pytest.raises(ManifestError, match=f"expected SHA-256 .* for {path}"):
        extract_sweep(runs, parts=parts, **settings)


def test_a_killed_part_goes_on_with_its_next_shard(tmp_path, monkeypatch):
    calls, run = [], SpeechModel.frames

    def frames(self, waveforms, **shared):
        calls.append(1)
        if len(calls) == 4:
            raise Killed
        return run(self, waveforms, **shared)

    monkeypatch.setattr(SpeechModel, "frames", frames)
    monkeypatch.setitem(SETTINGS, "batch_s", 1000.0)  # one batch a shard
    with pytest.raises(Killed):
        scattered(tmp_path, checkpoints(), 1)
    scattered(tmp_path, checkpoints(), 1)
    n_shards = len(list((tmp_path / "part-1").glob("*.safetensors")))
    assert len(calls) == n_shards + 1


def test_checkpoints_of_different_architectures_are_no_sweep(tmp_path):
    models = [SpeechModel(tiny_encoder("hubert")), SpeechModel(tiny_encoder("hubert", num_hidden_layers=3))]
    message = r"expected checkpoints of one architecture in a sweep, found layers cnn, embed, T1, T2, T3 with .*/1, but"
    with pytest.raises(CheckpointError, match=message):
        sweep(tmp_path, models)
    assert not (tmp_path / "0").exists()


def test_a_checkpoint_missing_in_a_sweep_is_one_line(tmp_path):
    with pytest.raises(ManifestError, match=r"found none; train, fetch or import this checkpoint, or take its step"):
        model_opener(checkpoint=tmp_path / "hubert" / "400")


def test_acoustic_baselines_share_a_run(tmp_path, counted):
    models = [acoustic_model(name) for name in ("mel", "mfcc", "time")]
    sweep(tmp_path, models)
    assert counted["waveform"] == len(CORPUS.utterances)
    assert [read_activations(tmp_path / str(i)).load("input").shape[1] for i in range(3)] == [80, 13, 3]


def test_an_opener_opens_what_open_model_does():
    opener, parents = model_opener(features="mfcc")
    assert (type(opener()), parents) == (type(open_model(features="mfcc")[0]), {})


def test_activations_of_rimes_and_their_points_lie_beside_their_syllables(tmp_path):
    segments = CORPUS.segments.assign(onset_consonant="∅", tone="1")
    words = segments["tier"] == "word"
    # Words of 1600 samples become syllables; of the phones of 700 samples, those that begin in one are its own.
    segments.loc[words, "tier"] = "syllable"
    phones = segments["tier"] == "phone"
    segments.loc[phones, "parent"] = segments.loc[phones, "onset"] // 1600
    segments.loc[phones, "phone_class"] = "vowel"
    corpus = type(CORPUS)(CORPUS.utterances, segments, CORPUS.waveforms)
    tiers = ["syllable", "rime", "rime_50"]
    model = SpeechModel(tiny_encoder("hubert"))
    arguments = ARGUMENTS | {"corpus": corpus, "tiers": tiers}
    extract_activations(tmp_path / "a", model=model, **arguments)
    found = read_activations(tmp_path / "a")
    index = found.index.set_index(["tier", "utterance", "index"]).sort_index()
    row = index.loc["rime_50"].iloc[5]
    name, number = index.loc["rime_50"].index[5]
    rime = index.loc[("rime", name, number)]
    assert row["n_frames"] == 1
    assert row["onset"] == row["offset"] == rime["onset"] + (rime["offset"] - rime["onset"]) // 2
    frames = model.frames([corpus.waveform(name)])["T1"][0]
    nearest = np.abs(model.timing.centres(len(frames)) / 2 - row["onset"]).argmin()
    place = found.index.query("tier == 'rime_50' and utterance == @name and index == @number").index
    np.testing.assert_allclose(found.load("T1", place)[0], frames[nearest], atol=2e-5)
