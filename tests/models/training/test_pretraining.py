"""Training of the small models: they learn, resume to the same bytes, and follow from their seed."""

import json

import numpy as np
import pandas as pd
import pytest
import soundfile
import torch

from auscult.corpora.corpus import read_corpus
from auscult.errors import AnalysisError, ConfigError, CorpusError
from auscult.manifests import build_folder, check_folder, digest
from auscult.models.seals import checkpoint_digest
from auscult.models.speech import load_speech_model
from auscult.models.training import pretraining
from auscult.models.training.architecture import build_encoder, encoder_timing
from auscult.models.training.contrastive import Contrastive
from auscult.models.training.learner import learning_rate
from auscult.models.training.masked_prediction import MaskedPrediction
from auscult.models.training.pretrainer import Trainer
from auscult.models.training.pretraining import LOSS_COLUMNS, train_model
from auscult.models.training.units import fit_codebook, unit_features
from auscult.tables import read_table, write_table

TINY = {
    "conv_dim": (8, 8, 8),
    "conv_kernel": (10, 8, 8),
    "conv_stride": (5, 8, 8),
    "hidden": 16,
    "layers": 1,
    "heads": 2,
    "feed_forward": 32,
    "position_kernel": 8,
    "position_groups": 2,
    "codes": 16,
}


def sounds(seed: int) -> np.ndarray:
    """Return 1.6 s of a tone that glides up and down about twice per second, so that context predicts masked frames."""
    rng, times = np.random.default_rng(seed), np.arange(25600) / 16000
    octaves = 1.5 * np.sin(2 * np.pi * (rng.uniform(1.5, 2.5) * times + rng.random()))
    tone = np.sin(2 * np.pi * np.cumsum(800 * 2**octaves) / 16000)
    return (0.2 * tone + rng.normal(0, 0.003, 25600)).astype(np.float32)


@pytest.fixture(scope="session")
def corpus(tmp_path_factory):
    return write_corpus(tmp_path_factory.mktemp("corpora") / "sounds", {"train": 12, "valid": 4})


def write_corpus(folder, sizes):
    rows = [(f"{split}-{i}", split, 100 * len(split) + i) for split, n in sizes.items() for i in range(n)]
    with build_folder(folder, {"corpus": "sounds"}) as partial:
        (partial / "audio").mkdir()
        for name, _, seed in rows:
            soundfile.write(partial / "audio" / f"{name}.flac", sounds(seed), 16000, subtype="PCM_16")
        utterances = pd.DataFrame(
            [
                {
                    "utterance": name,
                    "corpus": "sounds",
                    "path": f"audio/{name}.flac",
                    "sample_rate_hz": 16000,
                    "n_samples": 25600,
                    "speaker": f"{split}{seed % 2}",
                    "gender": "",
                    "language": "",
                    "text": "",
                    "split": split,
                }
                for name, split, seed in rows
            ]
        )
        segments = pd.DataFrame(
            {
                "utterance": utterances["utterance"],
                "tier": "phone",
                "index": 0,
                "label": "a",
                "onset": 0,
                "offset": 25600,
                "parent": -1,
            }
        )
        write_table(utterances, partial / "utterances.parquet")
        write_table(segments, partial / "segments.parquet")
    return folder


def train(folder, corpus, **changes):
    settings = {
        "recipe": "masked_prediction",
        "architecture": TINY,
        "codebooks": {"mel": 6},
        "steps": [0, 6, 12],
        "batch_size": 4,
        "crop_s": 0.8,
        "peak_learning_rate": 5e-3,
        "seed": 3,
    }
    train_model(
        checkpoints=folder / "checkpoints",
        loss_table=folder / "loss.csv",
        state=folder / "state",
        corpus=corpus,
        **{**settings, **changes},
    )
    return {step: digest(path / "model.safetensors") for step, path in checkpoints(folder).items()}


def checkpoints(folder):
    return {int(path.name): path for path in (folder / "checkpoints").iterdir()}


@pytest.mark.parametrize("recipe", ["masked_prediction", "contrastive"])
def test_loss_falls_on_sounds_of_other_speakers(tmp_path, corpus, recipe):
    train(tmp_path, corpus, recipe=recipe, steps=[0, 150], peak_learning_rate=1e-2)
    losses = read_table(tmp_path / "loss.csv")
    assert list(losses.columns) == list(LOSS_COLUMNS)
    assert losses["step"].astype(int).tolist() == [0, 50, 100, 150]
    assert losses["loss_valid"].iloc[-1] < 0.95 * losses["loss_valid"].iloc[0]
    assert losses["accuracy_valid"].iloc[-1] > losses["accuracy_valid"].iloc[0]


@pytest.mark.parametrize("recipe", ["masked_prediction", "contrastive"])
def test_same_seed_gives_the_same_bytes_and_another_seed_others(tmp_path, corpus, recipe):
    first, again, other = (
        train(tmp_path / name, corpus, recipe=recipe, seed=seed) for name, seed in (("a", 3), ("b", 3), ("c", 4))
    )
    assert first == again
    assert set(first) == {0, 6, 12}
    assert not set(first.values()) & set(other.values())


@pytest.fixture
def killed(monkeypatch, corpus):
    """Train until the step given is about to be taken, or all are taken but the table is not written."""

    def run(folder, step, **changes):
        advance = Trainer.advance

        def die(*_):
            raise KeyboardInterrupt

        with monkeypatch.context() as patch:
            patch.setattr(Trainer, "advance", lambda self: die() if self.step + 1 == step else advance(self))
            patch.setattr(pretraining, "write_table", die)
            with pytest.raises(KeyboardInterrupt):
                train(folder, corpus, **changes)

    monkeypatch.setattr(pretraining, "_SAVE_EVERY", 4)
    return run


@pytest.mark.parametrize("dies_at", [1, 7, 10, 13])
def test_training_killed_and_run_again_ends_in_the_same_bytes(tmp_path, corpus, killed, dies_at):
    whole = train(tmp_path / "whole", corpus)
    killed(tmp_path / "resumed", dies_at)
    assert train(tmp_path / "resumed", corpus) == whole
    assert (tmp_path / "resumed/loss.csv").read_bytes() == (tmp_path / "whole/loss.csv").read_bytes()
    assert not (tmp_path / "resumed/state").exists()


def test_resumed_training_repeats_no_more_than_the_steps_since_the_last_save(tmp_path, corpus, killed, monkeypatch):
    killed(tmp_path, 10)
    taken = []
    advance = Trainer.advance
    monkeypatch.setattr(Trainer, "advance", lambda self: taken.append(self.step + 1) or advance(self))
    train(tmp_path, corpus)
    assert taken == [9, 10, 11, 12]


def test_checkpoints_deleted_while_interrupted_are_sealed_again(tmp_path, corpus, killed, monkeypatch):
    whole = train(tmp_path / "whole", corpus)
    killed(tmp_path / "resumed", 13)
    (tmp_path / "resumed/checkpoints/6/manifest.json").unlink()
    monkeypatch.setattr(Trainer, "advance", lambda *_: pytest.fail("took a step that was taken before"))
    assert train(tmp_path / "resumed", corpus) == whole
    check_folder(tmp_path / "resumed/checkpoints/6")


def test_damaged_state_is_discarded(tmp_path, corpus, killed):
    killed(tmp_path / "a", 10)
    content = tmp_path / "a/state/latest/training.pt"
    content.write_bytes(content.read_bytes()[:-100])
    assert train(tmp_path / "a", corpus) == train(tmp_path / "b", corpus)


def test_state_of_other_settings_is_discarded(tmp_path, corpus, killed):
    killed(tmp_path / "a", 10, peak_learning_rate=1e-3)
    assert train(tmp_path / "a", corpus) == train(tmp_path / "b", corpus)


def test_finished_training_is_not_repeated(tmp_path, corpus, monkeypatch):
    before = train(tmp_path, corpus)
    monkeypatch.setattr(pretraining, "Trainer", lambda *_: pytest.fail("trained again"))
    assert train(tmp_path, corpus) == before


def test_checkpoint_names_recipe_step_and_corpus(tmp_path, corpus):
    train(tmp_path, corpus, steps=[0, 2], identity={"study": "test"})
    manifest = check_folder(tmp_path / "checkpoints/2")
    assert (manifest.recipe["step"], manifest.recipe["seed"], manifest.recipe["study"]) == (2, 3, "test")
    assert manifest.parents == {"corpus": check_folder(corpus).sha256}


def test_learning_rate_rises_to_its_peak_and_falls():
    rates = [learning_rate(step, 200, 1e-3, 0.1) for step in range(1, 201)]
    assert np.argmax(rates) == 19
    assert rates[19] == pytest.approx(1e-3)
    assert rates[-1] == pytest.approx(1e-5)


def test_masked_loss_is_the_sum_of_both_codebooks_at_masked_frames():
    objective = MaskedPrediction(
        build_encoder("masked_prediction", TINY, 0), {"mel": 5, "pitch": 3}, unmasked_weight=0.0
    ).eval()
    waveforms, mask = torch.randn(2, 8000), torch.zeros(2, 24, dtype=torch.bool)
    mask[:, 4:9] = True
    units = {"mel": torch.randint(0, 5, (2, 24)), "pitch": torch.randint(0, 3, (2, 24))}
    units["mel"][0, 5] = -1
    loss, _ = objective(waveforms, units, mask)
    frames = objective.encoder(waveforms, mask_time_indices=mask).last_hidden_state
    by_hand = 0.0
    for name, head in objective.heads.items():
        logs = torch.log_softmax(head(frames), dim=-1)
        where = [(i, t) for i in range(2) for t in range(4, 9) if units[name][i, t] >= 0]
        by_hand += -sum(logs[i, t, units[name][i, t]] for i, t in where) / len(where)
    assert loss.item() == pytest.approx(by_hand.item(), rel=1e-5)


def test_contrastive_loss_compares_with_masked_frames_of_the_crop_that_have_another_code():
    objective = Contrastive(build_encoder("contrastive", TINY, 0), diversity_weight=0.0).eval()
    waveforms, mask = torch.randn(2, 8000), torch.zeros(2, 24, dtype=torch.bool)
    mask[:, 4:9] = True
    loss, _ = objective(waveforms, {}, mask)
    output = objective.encoder(waveforms, mask_time_indices=mask)
    codes, _ = objective.quantizer(output.extract_features)
    predicted, quantised = objective.project_hid(output.last_hidden_state), objective.project_q(codes)
    terms = []
    for i in range(2):
        for t in range(4, 9):
            rivals = [s for s in range(4, 9) if s == t or not torch.equal(codes[i, s], codes[i, t])]
            cosines = [torch.cosine_similarity(predicted[i, t], quantised[i, s], dim=0) for s in rivals]
            terms.append(-torch.log_softmax(torch.stack(cosines) / 0.1, dim=0)[rivals.index(t)])
    assert loss.item() == pytest.approx(torch.stack(terms).mean().item(), rel=1e-4)


def test_default_encoder_has_frames_of_20_ms():
    timing = encoder_timing({})
    assert (timing.receptive_field_samples, timing.hop_samples) == (400, 320)
    frames = build_encoder("masked_prediction", {}, 0)(torch.randn(1, 32000)).last_hidden_state
    assert frames.shape == (1, timing.n_frames(32000), 128)


def test_training_leaves_the_random_state_alone(tmp_path, corpus):
    torch.manual_seed(0)
    before = torch.get_rng_state()
    train(tmp_path, corpus, recipe="contrastive", steps=[1])
    assert torch.equal(before, torch.get_rng_state())


@pytest.mark.parametrize(
    ("architecture", "message"),
    [
        ({"width": 3}, "expected sizes among conv_dim, .* found 'width'; remove or correct it"),
        (
            {"conv_dim": (8, 8)},
            "expected lists of equal length for conv_dim, conv_kernel and conv_stride .* found 2, 7, 7 entries; give",
        ),
        ({"hidden": 30}, "expected 'hidden' to be a multiple of 'heads' .* found 30 and 4"),
        ({"conv_stride": (5, 2, 1, 1, 1, 1, 1)}, r"at least 80 samples \(5 ms\), found 10"),
    ],
)
def test_sizes_that_do_not_fit_raise(architecture, message):
    with pytest.raises(ConfigError, match=message):
        build_encoder("masked_prediction", architecture, 0)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        (
            {"recipe": "autoencoder"},
            "expected a training recipe among masked_prediction, contrastive, found 'autoencoder'",
        ),
        ({"steps": [0, 9, 4]}, r"expected ascending steps that end above 0, found \[0, 9, 4\]"),
        ({"codebooks": {}}, "expected at least one codebook for recipe 'masked_prediction', found none"),
        (
            {"crop_s": 0.05},
            r"expected crops of at least 10 frames .*, found 2 in 0\.05 s; set crop_s to 0\.2\d* or more",
        ),
        ({"batch_size": 0}, "expected a positive batch_size, found 0"),
    ],
)
def test_settings_that_cannot_train_raise(tmp_path, corpus, changes, message):
    with pytest.raises(ConfigError, match=message):
        train(tmp_path, corpus, **changes)


def test_corpus_without_training_voices_raises(tmp_path):
    folder = write_corpus(tmp_path / "c", {"test": 2})
    with pytest.raises(
        CorpusError, match=r"utterances of split 'train' in corpus 'sounds' .* found only test; give some"
    ):
        train(tmp_path, folder)


def test_corpus_shorter_than_a_crop_raises(tmp_path):
    folder = write_corpus(tmp_path / "c", {"train": 2, "valid": 1})
    with pytest.raises(
        CorpusError, match=r"one crop of 1\.98 s in split 'valid' of corpus 'sounds', found 1\.60 s of audio"
    ):
        train(tmp_path, folder, crop_s=2.0)


def test_diverging_loss_raises_and_seals_nothing_after_it(tmp_path, corpus):
    with pytest.raises(AnalysisError, match=r"expected a finite loss, found (nan|inf) at step \d+ of 12 .*lower"):
        train(tmp_path, corpus, peak_learning_rate=1e30)
    assert 12 not in checkpoints(tmp_path)


def test_the_number_of_threads_changes_losses_by_rounding_only(tmp_path, corpus):
    losses = []
    for threads in (1, 2):
        train(tmp_path / str(threads), corpus, threads=threads)
        losses.append(read_table(tmp_path / str(threads) / "loss.csv")["loss_valid"].to_numpy())
    np.testing.assert_allclose(*losses, rtol=1e-3)  # sums of float32 in another order, grown over a few steps


def test_a_teacher_s_states_are_the_units_of_the_second_iteration(tmp_path, corpus):
    train(tmp_path / "first", corpus)
    teacher = tmp_path / "first/checkpoints/12"
    taught = train(tmp_path / "second", corpus, codebooks={"T1": 5}, teacher=teacher)
    manifest = json.loads((tmp_path / "second/checkpoints/12/manifest.json").read_text())
    assert manifest["parents"]["teacher"] == checkpoint_digest(teacher)
    # The units are the nearest centres of the layer's frames.
    model, source = load_speech_model(teacher), read_corpus(corpus)
    waveforms = [source.waveform(name) for name in source.utterances["utterance"]]
    frames = [unit_features("T1", waveform, model.timing, model) for waveform in waveforms]
    assert np.allclose(frames[0], model.frames([waveforms[0]])["T1"][0].numpy())
    codebook = fit_codebook("T1", frames, 5, 3)
    assert len(np.unique(codebook.assign(frames[0]))) > 1
    assert taught[12] != train(tmp_path / "third", corpus, codebooks={"mel": 5})[12]


def test_a_teacher_with_other_frames_raises(tmp_path, corpus):
    train(tmp_path / "first", corpus)
    other = {**TINY, "conv_stride": (5, 8, 4)}
    with pytest.raises(
        ConfigError, match=r"expected a teacher with frames of .* samples every 160, found .* every 320"
    ):
        train(
            tmp_path / "second",
            corpus,
            architecture=other,
            codebooks={"T1": 5},
            teacher=tmp_path / "first/checkpoints/12",
        )
