"""Translators: they learn, resume to the same bytes, decode as the standard decoder does, and load completely."""

import json
import shutil

import pytest
import torch

from auscult.corpora.corpus import read_corpus
from auscult.corpora.synthesis.speech import synthesise_corpus
from auscult.errors import AnalysisError, CheckpointError, ConfigError, CorpusError, ManifestError
from auscult.manifests import check_folder, digest
from auscult.models.checkpoints import load_encoder, save_checkpoint
from auscult.models.seals import checkpoint_digest
from auscult.models.training import pretraining
from auscult.models.training.architecture import build_encoder
from auscult.models.training.heads import build_headed
from auscult.models.training.translation import TRANSLATION_COLUMNS, train_translators
from auscult.models.training.translation_trainer import TranslationTrainer
from auscult.models.translators.architecture import MECHANISMS, build_translator, padded
from auscult.models.translators.interface import load_translator
from auscult.models.translators.subwords import END, Subwords, build_subwords
from auscult.tables import read_table

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
LETTERS = ["<pad>", "|", *"abcdefgh"]


@pytest.fixture(scope="module")
def spoken(tmp_path_factory):
    folder = tmp_path_factory.mktemp("corpora") / "first-person"
    synthesise_corpus(
        folder,
        corpus="first-person",
        languages=["english-first-person"],
        seed=2,
        female_share=0.3,
        sentences={"train": 16, "valid": 6, "test": 6},
        voices={"train": 4, "valid": 2, "test": 2},
        variation=False,
    )
    return folder


@pytest.fixture(scope="module")
def starts(tmp_path_factory):
    folder = tmp_path_factory.mktemp("starts")
    encoder = build_encoder("masked_prediction", TINY, 5)
    save_checkpoint(folder / "encoder", encoder, {"made": "up"})
    save_checkpoint(folder / "recogniser", build_headed(encoder, "ctc", LETTERS, 5, 0.1), {"made": "up"})
    return folder


@pytest.fixture
def train(spoken, starts):
    def run(folder, mechanism="end-to-end", steps=(0, 3, 5), seeds=(1,), **changes):
        names = [f"t-{seed}" for seed in seeds]
        settings = {
            "start": starts / "recogniser",
            "batch_size": 4,
            "peak_learning_rate": 5e-3,
            "corpus": spoken,
            "width": 4,
            **changes,
        }
        train_translators(
            checkpoints={name: folder / name for name in names},
            states={name: folder / f"{name}-state" for name in names},
            quality_tables={name: folder / f"{name}.csv" for name in names},
            seeds=dict(zip(names, seeds)),
            steps={name: list(steps) for name in names},
            mechanism=mechanism,
            **settings,
        )
        return {
            f"{name}/{step}": digest(folder / name / str(step) / "model.safetensors")
            for name in names
            for step in steps
        }

    return run


@pytest.mark.parametrize("mechanism", MECHANISMS)
def test_a_translator_learns_its_training_sentences(tmp_path, train, mechanism):
    train(tmp_path, mechanism, steps=(0, 60), batch_size=8)
    table = read_table(tmp_path / "t-1.csv")
    assert tuple(table.columns) == TRANSLATION_COLUMNS
    assert table["loss_train"].iloc[-1] < 0.7 * table["loss_valid"].iloc[0]


@pytest.mark.parametrize("mechanism", MECHANISMS)
def test_an_interrupted_training_ends_in_the_same_bytes(tmp_path, train, mechanism, monkeypatch):
    whole = train(tmp_path / "whole", mechanism)
    advance = TranslationTrainer.advance

    def stop(trainer):
        if trainer.step == 4:
            raise KeyboardInterrupt
        return advance(trainer)

    monkeypatch.setattr(TranslationTrainer, "advance", stop)
    with pytest.raises(KeyboardInterrupt):
        train(tmp_path / "broken", mechanism)
    monkeypatch.setattr(TranslationTrainer, "advance", advance)
    assert train(tmp_path / "broken", mechanism) == whole
    assert not (tmp_path / "broken" / "t-1-state").exists()


def test_a_seed_gives_the_same_bytes_whether_alone_or_beside_another(tmp_path, train):
    alone = train(tmp_path / "alone", "frozen", seeds=(2,))
    both = train(tmp_path / "both", "frozen", seeds=(1, 2))
    assert both["t-2/5"] == alone["t-2/5"] != both["t-1/5"]


def test_a_finished_training_is_not_repeated(tmp_path, train, monkeypatch):
    train(tmp_path)
    monkeypatch.setattr(pretraining, "run_training", None)
    monkeypatch.setattr("auscult.models.training.translation.run_training", None)
    train(tmp_path)


@pytest.mark.parametrize("mechanism", MECHANISMS)
def test_greedy_decoding_is_that_of_the_standard_generate(tmp_path, train, spoken, mechanism):
    train(tmp_path, mechanism, steps=(0, 30), batch_size=8)
    translator, corpus = load_translator(tmp_path / "t-1" / "30"), read_corpus(spoken)
    waveforms = [corpus.waveform(name) for name in corpus.utterances["utterance"][:4]]
    states, lengths = padded(translator.states(waveforms)[translator.stages[-1]])
    tags = torch.tensor([translator.subwords.tag(name) for name in ("french", "italian", "spanish", "french")])
    mask = (torch.arange(states.shape[1]) < lengths[:, None]).long()
    wanted = translator.model.decoder.generate(
        input_ids=tags[:, None],
        encoder_hidden_states=states,
        encoder_attention_mask=mask,
        max_new_tokens=12,
        do_sample=False,
        num_beams=1,
        eos_token_id=END,
        pad_token_id=0,
        use_cache=False,
    )
    found = translator.model.write(states, lengths, tags, 12)
    assert found == [[token for token in row[1:] if token > END] for row in wanted.tolist()]


@pytest.mark.parametrize("mechanism", MECHANISMS)
def test_a_batch_gives_the_states_of_each_alone(tmp_path, train, spoken, mechanism):
    train(tmp_path, mechanism, steps=(0, 2))
    translator, corpus = load_translator(tmp_path / "t-1" / "2"), read_corpus(spoken)
    waveforms = [corpus.waveform(name) for name in corpus.utterances["utterance"][:3]]
    together = translator.states(waveforms)
    for place, waveform in enumerate(waveforms):
        for stage, rows in translator.states([waveform]).items():
            torch.testing.assert_close(rows[0], together[stage][place], atol=2e-5, rtol=1e-4)


def test_stages_are_before_and_after_the_adapter_which_shortens(tmp_path, train, spoken):
    waveform = read_corpus(spoken).waveform("english-first-person-test-00000")
    lengths = {}
    for mechanism in MECHANISMS:
        train(tmp_path / mechanism, mechanism, steps=(0, 2))
        states = load_translator(tmp_path / mechanism / "t-1" / "2").states([waveform])
        lengths[mechanism] = [len(rows[0]) for rows in states.values()]
    assert len(lengths["end-to-end"]) == 1
    before, after = lengths["compressing"]
    assert after == -(-before // 8)
    assert lengths["frozen"][1] <= lengths["frozen"][0]


def test_a_frozen_encoder_stays_as_it_was_and_the_others_learn(tmp_path, train, starts):
    heads = load_translator_weights(starts / "recogniser")
    for mechanism in MECHANISMS:
        train(tmp_path / mechanism, mechanism, steps=(0, 4))
        model = load_translator(tmp_path / mechanism / "t-1" / "4").model
        weights = model.encoder.state_dict()
        same = {name: torch.equal(weights[name], value) for name, value in heads.items()}
        assert all(same.values()) == (mechanism == "frozen")
        assert all(kept for name, kept in same.items() if name.startswith("feature_extractor"))


def test_while_the_decoder_learns_alone_the_encoder_stays_and_then_learns_more_slowly(tmp_path, train, starts):
    before, changes = load_translator_weights(starts / "recogniser"), {}
    for name, more in {"alone": {"decoder_steps": 4}, "slow": {"encoder_rate": 0.01}, "fast": {}}.items():
        train(tmp_path / name, steps=(0, 4), **more)
        after = load_translator(tmp_path / name / "t-1" / "4").model.encoder.state_dict()
        changes[name] = max(float((after[key] - value).abs().max()) for key, value in before.items())
    assert changes["alone"] == 0 < changes["slow"] < changes["fast"]


def load_translator_weights(folder):
    return {name: value for name, value in load_encoder(folder).state_dict().items() if "masked" not in name}


def test_runs_of_a_character_are_averaged_and_blanks_dropped():
    encoder = build_encoder("masked_prediction", TINY, 5)
    head = torch.nn.Linear(32, 3)
    with torch.no_grad():
        head.weight.zero_()
        head.weight[:3, :3] = torch.eye(3)
        head.bias.zero_()
    model, _ = build_translator(
        encoder, "frozen", n_subwords=8, seed=1, width=4, layers=2, dropout=0.1, recogniser=head
    )
    model.adapter.recogniser.load_state_dict(head.state_dict())
    states = torch.zeros(1, 6, 32)
    for frame, token in enumerate([1, 1, 0, 2, 2, 2]):
        states[0, frame, token], states[0, frame, 10] = 1.0, frame
    (kept,) = model.adapter.compress(states, torch.tensor([6]))
    assert kept[:, 10].tolist() == [0.5, 4.0]
    (nothing,) = model.adapter.compress(states[:, 2:3], torch.tensor([1]))
    assert nothing[:, 10].tolist() == [2.0]


def test_subwords_are_words_and_endings_of_their_own():
    subwords = build_subwords(["sono stanco oggi", "sono stanca", "ero qui"], ["stanco stanca"], ["italian"])
    assert subwords.names == ("<pad>", "</s>", "<italian>", "a", "o", "▁ero", "▁oggi", "▁qui", "▁sono", "▁stanc")
    numbers = subwords.encode("sono stanca oggi")
    assert [subwords.names[number] for number in numbers] == ["▁sono", "▁stanc", "a", "▁oggi", "</s>"]
    assert subwords.decode(numbers) == "sono stanca oggi"


def test_subwords_of_words_with_two_stems_are_the_same_in_any_order():
    terms = ["vecchio vecchia", "vecchi vecchie", "vecchio vecchie"]
    first, second = (build_subwords(["vecchio vecchie"], order, ["italian"]) for order in (terms, terms[::-1]))
    assert first == second


def test_a_language_that_was_not_trained_is_named():
    subwords = Subwords(("<pad>", "</s>", "<italian>", "▁a"))
    with pytest.raises(CorpusError, match=r"expected a target language among italian, .* found 'german'; correct"):
        subwords.tag("german")


def test_no_references_no_subwords():
    with pytest.raises(CorpusError, match="expected translations of the training utterances, found none"):
        build_subwords([], [], ["italian"])


def test_frozen_needs_a_recogniser(tmp_path, train, starts):
    with pytest.raises(CheckpointError, match=r"expected a recogniser .* as start of mechanism 'frozen'"):
        train(tmp_path, "frozen", start=starts / "encoder")


def test_an_unknown_mechanism_is_named(tmp_path, train):
    with pytest.raises(
        ConfigError, match="expected a mechanism among end-to-end, compressing, frozen, found 'cascade'"
    ):
        train(tmp_path, "cascade")


def test_a_loss_that_is_not_finite_ends_the_training(tmp_path, train):
    with pytest.raises(
        AnalysisError, match=r"expected a finite loss, found nan at step \d of 5 \(mechanism 'end-to-end'"
    ):
        train(tmp_path, peak_learning_rate=float("inf"))


def test_a_model_that_is_no_translator_is_refused(starts):
    with pytest.raises(CheckpointError, match=r"expected a translator .* found 'hubert'; name a model of source"):
        load_translator(starts / "encoder")


def test_a_plain_folder_opens_and_a_changed_sealed_one_is_refused(tmp_path, train, spoken):
    train(tmp_path, steps=(0, 1))
    folder, waveform = tmp_path / "t-1" / "1", read_corpus(spoken).waveform("english-first-person-test-00000")
    expected = load_translator(folder).states([waveform])["encoder"][0]
    settings = folder / "preprocessor_config.json"
    settings.write_text(settings.read_text() + "\n")
    with pytest.raises(ManifestError, match=r"expected SHA-256 .*preprocessor_config.json.*; move manifest.json away"):
        load_translator(folder)
    (folder / "manifest.json").unlink()
    torch.testing.assert_close(load_translator(folder).states([waveform])["encoder"][0], expected)


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("vocab.json", None, r"expected .*vocab.json, the subwords of the decoder, found no such file; copy it"),
        ("vocab.json", "[]{", r"expected a JSON object of subwords in .*vocab.json, found: .*; copy it again"),
        ("vocab.json", "3", r"expected a JSON object of subwords in .*vocab.json, found: .*; copy it again"),
        ("model.safetensors", None, r"expected .*model.safetensors, found no weights; download or copy"),
        ("model.safetensors", "{}", r"expected weights that load from .*; fetch it again"),
    ],
)
def test_a_faulty_plain_folder_is_refused_without_advice_to_delete_it(tmp_path, train, name, content, message):
    train(tmp_path, steps=(0, 1))
    folder = tmp_path / "t-1" / "1"
    (folder / "manifest.json").unlink()
    (folder / name).unlink()
    if content is not None:
        (folder / name).write_text(content)
    with pytest.raises(CheckpointError, match=message) as caught:
        load_translator(folder)
    assert "delete" not in str(caught.value)


def test_a_plain_folder_starts_a_translator_with_the_digest_of_its_files(tmp_path, train, starts):
    shutil.copytree(starts / "recogniser", tmp_path / "mine", ignore=shutil.ignore_patterns("manifest.json"))
    sealed, plain = (
        train(tmp_path / name, steps=(0, 1), start=start)
        for name, start in (("a", starts / "recogniser"), ("b", tmp_path / "mine"))
    )
    assert plain == sealed
    assert check_folder(tmp_path / "b/t-1/1").parents["start"] == checkpoint_digest(tmp_path / "mine")


def test_the_folder_has_the_standard_form(tmp_path, train):
    train(tmp_path, steps=(0, 1))
    folder = tmp_path / "t-1" / "1"
    config = json.loads((folder / "config.json").read_text())
    assert config["model_type"] == "speech-encoder-decoder"
    assert config["adapter"] == {"mechanism": "end-to-end"}
    names = json.loads((folder / "vocab.json").read_text())
    assert list(names)[:2] == ["<pad>", "</s>"]
    assert {"<french>", "<italian>", "<spanish>"} <= set(names)
