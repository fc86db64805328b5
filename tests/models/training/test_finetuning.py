"""Fine-tuning of small encoders: they learn, resume to the same bytes, and open as standard checkpoints."""

import json
from collections import Counter

import numpy as np
import pandas as pd
import pytest
import soundfile
import torch
from safetensors.torch import load_file
from tiny_models import tiny_encoder
from transformers import AutoModelForAudioClassification, AutoModelForCTC, Wav2Vec2CTCTokenizer

from auscult.corpora.corpus import read_corpus
from auscult.errors import AnalysisError, CheckpointError, ConfigError, CorpusError
from auscult.manifests import build_folder, check_folder, digest
from auscult.models.checkpoints import (
    import_checkpoint,
    initialise_checkpoint,
    load_encoder,
    load_model,
    save_checkpoint,
)
from auscult.models.speech import SpeechModel, load_speech_model
from auscult.models.training import pretraining
from auscult.models.training.architecture import build_encoder
from auscult.models.training.finetuner import Finetuner
from auscult.models.training.finetuning import QUALITY_COLUMNS, finetune_model
from auscult.models.training.finetuning_data import Batches, FrontEnd, stretch
from auscult.models.training.heads import build_headed, head_logits
from auscult.models.training.vocabulary import build_vocabulary, decode, encode, plain_text, vocabulary_json
from auscult.tables import read_table, write_table

TINY = {
    "conv_dim": (16, 16, 16),
    "conv_kernel": (10, 8, 8),
    "conv_stride": (5, 8, 8),
    "hidden": 32,
    "layers": 1,
    "heads": 2,
    "feed_forward": 64,
    "position_kernel": 8,
    "position_groups": 2,
}
PITCH_HZ = {"do": 200, "ti": 3000}
CTC = {"task": "ctc", "steps": [0, 5, 9]}
KEYWORD = {"task": "classes", "target": {"keyword": ["la", "ti"]}, "steps": [0, 5, 9]}
TASKS = pytest.mark.parametrize("task", [CTC, KEYWORD], ids=["ctc", "classes"])


def tune(rng, words):
    """Return sounds of 0.2 s, one a word (low tone, loud noise, high tone), with pauses, in a little noise."""
    times, parts = np.arange(3200) / 16000, [np.zeros(800)]
    for word in words:
        sound = rng.normal(0, 0.3, 3200) if word == "la" else 0.3 * np.sin(2 * np.pi * PITCH_HZ[word] * times)
        parts += [sound * np.hanning(3200), np.zeros(rng.integers(800, 1600))]
    waveform = np.concatenate(parts)
    return (waveform + rng.normal(0, 0.003, len(waveform))).astype(np.float32)


def write_corpus(folder, sizes):
    rng, rows = np.random.default_rng(0), []
    with build_folder(folder, {"corpus": "tunes"}) as partial:
        (partial / "audio").mkdir()
        for split, n_utterances in sizes.items():
            for number in range(n_utterances):
                words = ["do"] * rng.integers(1, 4)
                words.insert(rng.integers(0, len(words) + 1), ("la", "ti")[number % 2])
                waveform, name = tune(rng, words), f"{split}-{number}"
                soundfile.write(partial / "audio" / f"{name}.flac", waveform, 16000, subtype="PCM_16")
                rows.append(
                    (
                        name,
                        "tunes",
                        f"audio/{name}.flac",
                        16000,
                        len(waveform),
                        f"{split}{number % 2}",
                        "",
                        "",
                        " ".join(words).title(),
                        split,
                    )
                )
        columns = ["utterance", "corpus", "path", "sample_rate_hz", "n_samples", "speaker", "gender", "language"]
        utterances = pd.DataFrame(rows, columns=[*columns, "text", "split"])
        segments = pd.DataFrame(
            {
                "utterance": utterances["utterance"],
                "tier": "word",
                "index": 0,
                "label": "do",
                "onset": 0,
                "offset": utterances["n_samples"],
                "parent": -1,
            }
        )
        write_table(utterances, partial / "utterances.parquet")
        write_table(segments, partial / "segments.parquet")
    return folder


@pytest.fixture(scope="session")
def tunes(tmp_path_factory):
    return write_corpus(tmp_path_factory.mktemp("corpora") / "tunes", {"train": 48, "valid": 16})


@pytest.fixture(scope="session")
def start(tmp_path_factory):
    folder = tmp_path_factory.mktemp("checkpoints") / "start"
    save_checkpoint(folder, build_encoder("masked_prediction", TINY, 5), {"made": "up"})
    return folder


@pytest.fixture
def finetune(tunes, start):
    def run(folder, **changes):
        settings = {"corpus": tunes, "start": start, "batch_size": 4, "peak_learning_rate": 5e-3, "seed": 3}
        finetune_model(
            checkpoints=folder / "checkpoints",
            quality_table=folder / "quality.csv",
            state=folder / "state",
            **{**settings, **changes},
        )
        return {int(path.name): digest(path / "model.safetensors") for path in (folder / "checkpoints").iterdir()}

    return run


def test_recogniser_learns_to_write_tunes_of_other_voices(tmp_path, finetune):
    finetune(
        tmp_path, task="ctc", steps=[0, 300], mask_probability=0.0, dropout=0.0, batch_size=8, peak_learning_rate=1e-2
    )
    table = read_table(tmp_path / "quality.csv")
    assert tuple(table.columns) == QUALITY_COLUMNS["ctc"]
    assert table["step"].astype(int).tolist() == [0, 100, 200, 300]
    assert table["character_error_rate"].iloc[-1] < 0.8 < 1 < table["character_error_rate"].iloc[0]
    assert table["number_spelt_right"].isna().all()


def test_classifier_learns_the_spoken_keyword(tmp_path, finetune):
    finetune(tmp_path, **{**KEYWORD, "steps": [0, 100]}, peak_learning_rate=3e-3)
    table = read_table(tmp_path / "quality.csv")
    assert tuple(table.columns) == QUALITY_COLUMNS["classes"]
    assert table["accuracy_valid"].iloc[-1] >= 0.8
    assert table["n_valid"].iloc[-1] == 16


@TASKS
def test_same_seed_gives_the_same_bytes_and_another_seed_others(tmp_path, finetune, task):
    first, again, other = (finetune(tmp_path / n, seed=seed, **task) for n, seed in (("a", 3), ("b", 3), ("c", 4)))
    assert first == again
    assert set(first) == {0, 5, 9}
    assert not set(first.values()) & set(other.values())


@TASKS
@pytest.mark.parametrize("dies_at", [1, 7, 10])
def test_fine_tuning_killed_and_run_again_ends_in_the_same_bytes(tmp_path, finetune, task, dies_at, monkeypatch):
    whole, advance = finetune(tmp_path / "whole", **task), Finetuner.advance

    def die(*_):
        raise KeyboardInterrupt

    monkeypatch.setattr(pretraining, "_SAVE_EVERY", 4)
    with monkeypatch.context() as patch:
        patch.setattr(Finetuner, "advance", lambda self: die() if self.step + 1 == dies_at else advance(self))
        patch.setattr("auscult.models.training.finetuning.write_table", die)
        with pytest.raises(KeyboardInterrupt):
            finetune(tmp_path / "resumed", **task)
    assert finetune(tmp_path / "resumed", **task) == whole
    assert (tmp_path / "resumed/quality.csv").read_bytes() == (tmp_path / "whole/quality.csv").read_bytes()
    assert not (tmp_path / "resumed/state").exists()


def test_finished_fine_tuning_is_not_repeated(tmp_path, finetune, monkeypatch):
    first = finetune(tmp_path, **CTC)
    monkeypatch.setattr(Finetuner, "__init__", lambda *_: pytest.fail("prepared what was finished before"))
    assert finetune(tmp_path, **CTC) == first


def test_memory_for_frames_does_not_change_the_training(tmp_path, finetune, monkeypatch):
    whole, made = finetune(tmp_path / "a", **CTC), FrontEnd.__init__
    monkeypatch.setattr(FrontEnd, "__init__", lambda self, *a, **_: made(self, *a, limit_bytes=5000))
    assert finetune(tmp_path / "b", **CTC) == whole


def test_stretched_frames_change_the_training_and_their_cache_does_not(tmp_path, finetune, monkeypatch):
    plain, stretched = finetune(tmp_path / "a", **CTC), finetune(tmp_path / "b", **CTC, time_warp=0.2)
    assert stretched[0] == plain[0]
    assert stretched[9] != plain[9]
    made = FrontEnd.__init__
    monkeypatch.setattr(FrontEnd, "__init__", lambda self, *a, **_: made(self, *a, limit_bytes=5000))
    assert finetune(tmp_path / "c", **CTC, time_warp=0.2) == stretched


def test_each_utterance_passes_the_front_end_once(tmp_path, finetune, monkeypatch):
    computed, compute = Counter(), FrontEnd._compute

    def count(front, waveform):
        computed[id(front), waveform.tobytes()] += 1
        return compute(front, waveform)

    monkeypatch.setattr(FrontEnd, "_compute", count)
    finetune(tmp_path, **(CTC | {"steps": [30]}), time_warp=0.2)
    assert len(computed) >= 48
    assert set(computed.values()) == {1}


def test_the_head_alone_learns_in_its_steps(tmp_path, finetune, start):
    finetune(tmp_path, **CTC, head_steps=5)
    before, *after = (
        load_encoder(folder).state_dict() for folder in (start, *(tmp_path / "checkpoints" / n for n in "59"))
    )
    assert [all(torch.equal(value, found[name]) for name, value in before.items()) for found in after] == [True, False]
    heads = [load_file(tmp_path / "checkpoints" / step / "model.safetensors")["lm_head.weight"] for step in "059"]
    assert not torch.equal(heads[0], heads[1])
    assert not torch.equal(heads[1], heads[2])


def test_front_end_frames_are_those_of_transformers(tunes, start):
    corpus, speech = read_corpus(tunes), load_speech_model(start)
    expected = speech.front_end([corpus.waveform("train-0")])[0]
    torch.testing.assert_close(FrontEnd(corpus, speech).frames("train-0"), expected, atol=1e-5, rtol=1e-4)


def test_stretched_frames_keep_their_ends_and_their_order():
    frames = torch.arange(40.0)[:, None] * torch.tensor([1.0, -2.0])
    for seed in range(5):
        found = stretch(np.random.default_rng(seed), frames, 0.25)
        assert 30 <= len(found) <= 50
        assert (found.diff(dim=0)[:, 0] > 0).all()
        torch.testing.assert_close(found[[0, -1]], frames[[0, -1]])
    assert stretch(np.random.default_rng(0), frames, 0.0) is frames


def test_recogniser_opens_as_the_standard_architecture_with_its_tokens(tmp_path, finetune):
    finetune(tmp_path, **CTC)
    for step in (0, 9):
        folder = tmp_path / f"checkpoints/{step}"
        check_folder(folder)
        model, report = AutoModelForCTC.from_pretrained(folder, output_loading_info=True)
        assert type(model).__name__ == "HubertForCTC"
        assert not report["missing_keys"]
        tokens = json.loads((folder / "vocab.json").read_text())
        assert list(tokens) == ["<pad>", "|", "a", "d", "i", "l", "o", "t"]
        assert model.config.pad_token_id == 0
        tokenizer = Wav2Vec2CTCTokenizer.from_pretrained(folder)
        assert tokenizer.decode([2, 2, 0, 2, 1, 3]) == "aa d"
        assert json.loads((folder / "preprocessor_config.json").read_text())["do_normalize"] is True
        assert load_speech_model(folder).layers == ("cnn", "embed", "T1")


def test_classifier_opens_as_the_standard_architecture_with_its_classes(tmp_path, finetune):
    finetune(tmp_path, **KEYWORD)
    model = AutoModelForAudioClassification.from_pretrained(tmp_path / "checkpoints/9")
    assert type(model).__name__ == "HubertForSequenceClassification"
    assert model.config.id2label == {0: "la", 1: "ti"}
    assert not (tmp_path / "checkpoints/9/vocab.json").exists()


def test_step_0_is_random_throughout_and_later_front_ends_are_the_pretrained_one(tmp_path, finetune, start):
    finetune(tmp_path, **CTC)
    pretrained = load_encoder(start).state_dict()
    untrained, tuned = (load_encoder(tmp_path / f"checkpoints/{step}").state_dict() for step in (0, 9))
    front = [name for name in pretrained if name.startswith("feature_extractor") and name.endswith("conv.weight")]
    assert front
    assert all(torch.equal(pretrained[name], tuned[name]) for name in front)
    assert not any(torch.equal(pretrained[name], untrained[name]) for name in front)
    learnt = "encoder.layers.0.feed_forward.output_dense.weight"
    assert not torch.equal(pretrained[learnt], tuned[learnt])


@pytest.mark.parametrize("name", ["hubert", "wav2vec2", "wav2vec2-layer-norm", "wavlm"])
@pytest.mark.parametrize("task", ["ctc", "classes"])
def test_logits_of_a_batch_are_those_of_the_model_on_single_waveforms(name, task):
    model = build_headed(tiny_encoder(name), task, ["a", "b", "c"], 0, 0.1).eval()
    waveforms = [np.random.default_rng(n).standard_normal(n).astype(np.float32) for n in (4000, 9000, 6500)]
    speech = SpeechModel(model.base_model, {"do_normalize": False})
    with torch.no_grad():
        logits, n_frames = head_logits(model, speech.front_end(waveforms))
        for waveform, row, n in zip(waveforms, logits, n_frames):
            single = model(torch.from_numpy(waveform)[None]).logits[0]
            torch.testing.assert_close(row[:n] if task == "ctc" else row, single, atol=2e-5, rtol=1e-4)


def test_hidden_frames_are_replaced_by_the_embedding_of_masked_frames():
    model = build_headed(tiny_encoder("hubert"), "ctc", ["a", "b"], 0, 0.0).eval()
    cnn = [torch.randn(20, 16), torch.randn(20, 16)]
    mask = torch.ones(2, 20, dtype=torch.bool)
    with torch.no_grad():
        logits, _ = head_logits(model, cnn, mask)
    torch.testing.assert_close(logits[0], logits[1])


def test_every_utterance_comes_once_per_epoch_in_a_batch_of_similar_lengths():
    lengths = {f"u{i}": 1000 + 100 * i for i in range(20)}
    batches = Batches(lengths, 4, seed=7)
    epochs = [[batches.names_of(step) for step in range(first, first + 5)] for first in (1, 6)]
    for epoch in epochs:
        assert sorted(name for batch in epoch for name in batch) == sorted(lengths)
        assert np.mean([np.ptp([lengths[name] for name in batch]) for batch in epoch]) < 800
    assert epochs[0] != epochs[1]
    assert Batches(lengths, 4, seed=7).names_of(8) == epochs[1][2]


def test_estimate_leaves_no_trace(tunes, start):
    settings = {
        "task": "ctc",
        "target": None,
        "steps": [0, 3],
        "batch_size": 4,
        "peak_learning_rate": 5e-3,
        "dropout": 0.1,
        "mask_probability": 0.02,
        "augmented_share": 0.5,
        "time_warp": 0.1,
        "matrix_rate": 0.0,
        "warmup": 0.1,
        "head_steps": 0,
        "seed": 3,
    }
    losses = []
    for asked in (False, True):
        finetuner = Finetuner(read_corpus(tunes), start, settings, "cpu")
        if asked:
            seconds, audio_s = finetuner.estimate()
            assert seconds > 0
            assert 3 * 4 * 0.5 < audio_s < 3 * 4 * 2
        losses.append([finetuner.advance() for _ in range(3)])
    assert losses[0] == losses[1]


def test_vocabulary_is_blank_delimiter_and_characters_of_lower_cased_text():
    tokens = build_vocabulary(["Ça va", "bœuf | a"])
    assert tokens == ("<pad>", "|", "a", "b", "f", "u", "v", "ç", "œ")
    assert encode("ça Vb!", tokens) == [7, 2, 1, 6, 3]
    assert decode([7, 7, 0, 2, 1, 1, 0, 6, 0, 6], tokens) == "ça vv"
    assert plain_text("  A |b ") == "a b"
    assert json.loads(vocabulary_json(tokens)) == {token: number for number, token in enumerate(tokens)}


def test_vocabulary_without_a_text_raises():
    with pytest.raises(CorpusError, match="expected transcripts in column 'text' of the training utterances, found"):
        build_vocabulary(["", " "])


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"task": "tagging"}, "expected a task among ctc, classes, found 'tagging'; correct 'task'"),
        ({"task": "classes"}, "expected a target for task 'classes' and none for 'ctc', found none for 'classes'"),
        ({**KEYWORD, "task": "ctc"}, "a target for task 'classes' and none for 'ctc', found {'keyword'.* for 'ctc'"),
        ({**CTC, "steps": [3, 1]}, r"expected ascending steps that end above 0, found \[3, 1\]"),
        ({**CTC, "batch_size": 0}, "expected a positive batch_size, found 0"),
    ],
)
def test_settings_that_cannot_be_fine_tuned_raise(tmp_path, finetune, changes, message):
    with pytest.raises(ConfigError, match=message):
        finetune(tmp_path, **{"steps": [1], **changes})


def test_encoder_of_a_family_without_heads_raises():
    with pytest.raises(
        CheckpointError, match=r"expected an encoder of hubert, wav2vec2, wavlm .* found 'data2vec-audio'"
    ):
        build_headed(tiny_encoder("data2vec-audio"), "ctc", ["a"], 0, 0.1)


def test_corpus_without_a_split_raises(tmp_path, finetune):
    folder = write_corpus(tmp_path / "c", {"train": 2})
    with pytest.raises(CorpusError, match="split 'valid' in corpus 'tunes' to fine-tune a model, found only train;"):
        finetune(tmp_path, corpus=folder, **CTC)


def test_valid_split_without_a_keyword_raises(tmp_path, finetune):
    folder = write_corpus(tmp_path / "c", {"train": 4, "valid": 1})
    with pytest.raises(
        CorpusError, match=r"with a class of .* in split 'valid' of corpus 'tunes', found none in 1; use"
    ):
        finetune(tmp_path, corpus=folder, task="classes", target={"column": "speaker"}, steps=[1])


def test_diverging_loss_raises_and_seals_nothing_after_it(tmp_path, finetune):
    with pytest.raises(
        AnalysisError, match=r"expected a finite loss, found (nan|inf) at step \d+ of 9 .*lower the peak"
    ):
        finetune(tmp_path, peak_learning_rate=1e30, **CTC)
    assert not (tmp_path / "checkpoints/9").exists()


def test_sealed_model_loads_whole(tmp_path, finetune):
    finetune(tmp_path, **CTC)
    assert type(load_model(tmp_path / "checkpoints/5")).__name__ == "HubertForCTC"


def test_copies_and_untrained_controls_of_a_recogniser_keep_its_tokens(tmp_path, finetune):
    finetune(tmp_path, **CTC)
    tokens = (tmp_path / "checkpoints/9/vocab.json").read_bytes()
    import_checkpoint(tmp_path / "copy", source=tmp_path / "checkpoints/9")
    initialise_checkpoint(tmp_path / "untrained", like=tmp_path / "copy", seed=1)
    assert (tmp_path / "copy/vocab.json").read_bytes() == (tmp_path / "untrained/vocab.json").read_bytes() == tokens
