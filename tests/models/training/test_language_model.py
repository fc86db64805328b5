"""Training of small BERTs: it learns, resumes to the same bytes, and its regulariser changes syntactic attention."""

import numpy as np
import pandas as pd
import pytest
import torch

from auscult.analyses.syntax.likelihood import score_loss
from auscult.corpora.synthesis.text import write_text_corpus
from auscult.corpora.text import read_text_corpus
from auscult.errors import ConfigError, CorpusError
from auscult.models.text import load_text_model
from auscult.models.training import pretraining
from auscult.models.training.language_model import train_language_model
from auscult.models.training.language_trainer import LanguageTrainer, complete_text_architecture, mask_tokens
from auscult.models.training.syntax_regulariser import attention_along, parse_arcs, permuted_arcs

SIZES = {"hidden": 32, "layers": 2, "heads": 2, "feed_forward": 64}
SETTINGS = {
    "architecture": SIZES,
    "steps": [0, 4, 12],
    "batch_size": 16,
    "mask_share": 0.3,
    "peak_learning_rate": 0.01,
    "matrix_rate": 1.0,
    "warmup": 0.1,
    "seed": 3,
}


@pytest.fixture(scope="module")
def corpus(tmp_path_factory):
    folder = tmp_path_factory.mktemp("text") / "corpus"
    write_text_corpus(folder, corpus="c", grammar="english", sentences={"train": 200, "valid": 16}, pairs=0, seed=1)
    return folder


def train(folder, corpus, **change):
    settings = SETTINGS | change
    train_language_model(
        checkpoints=folder / "checkpoints",
        loss_table=folder / "loss.csv",
        state=folder / "state",
        corpus=corpus,
        **settings,
    )
    return folder / "checkpoints"


@pytest.fixture(scope="module")
def trained(tmp_path_factory, corpus):
    return train(tmp_path_factory.mktemp("trained"), corpus)


def test_the_loss_falls_in_training_and_in_the_sealed_checkpoints(trained, corpus):
    losses = pd.read_csv(trained.parent / "loss.csv")
    assert losses["step"].tolist() == [0, 4, 12]
    texts = read_text_corpus(corpus).sentences["text"].iloc[:50].tolist()
    measured = [
        score_loss(load_text_model(trained / step), texts, n_resamples=0, seed=0)["value"][0] for step in ("0", "12")
    ]
    assert measured[1] < measured[0] - 0.2
    assert measured[0] == pytest.approx(np.log(len(load_text_model(trained / "0").tokenizer)), abs=0.2)


def test_an_interrupted_training_ends_in_the_same_bytes(trained, corpus, tmp_path, monkeypatch):
    def killed(self):
        if self.step == 8:
            raise KeyboardInterrupt
        return advance(self)

    advance = LanguageTrainer.advance
    monkeypatch.setattr(pretraining, "_SAVE_EVERY", 5)
    monkeypatch.setattr(LanguageTrainer, "advance", killed)
    with pytest.raises(KeyboardInterrupt):
        train(tmp_path, corpus)
    assert not (tmp_path / "checkpoints" / "12").exists()
    monkeypatch.setattr(LanguageTrainer, "advance", advance)
    train(tmp_path, corpus)
    for name in ("0/manifest.json", "4/manifest.json", "12/manifest.json"):
        assert (tmp_path / "checkpoints" / name).read_bytes() == (trained / name).read_bytes()
    assert (tmp_path / "loss.csv").read_bytes() == (trained.parent / "loss.csv").read_bytes()
    assert not (tmp_path / "state").exists()


def test_seeds_differ_from_the_first_weight_on(trained, corpus, tmp_path):
    other = train(tmp_path, corpus, steps=[0, 1], seed=4)
    assert (other / "0/model.safetensors").read_bytes() != (trained / "0/model.safetensors").read_bytes()


def test_a_regularised_model_starts_from_the_same_weights(trained, corpus, tmp_path):
    other = train(tmp_path, corpus, steps=[0, 1], syntax_regulariser=-1.0)
    assert (other / "0/model.safetensors").read_bytes() == (trained / "0/model.safetensors").read_bytes()


def attended(corpus, strength, until=None, arcs="syntax"):
    """Return the syntactic attention of a model trained for 30 steps, before masks."""
    settings = SETTINGS | {
        "architecture": complete_text_architecture(SIZES),
        "steps": [30],
        "regulariser_until": until,
        "regulariser_arcs": arcs,
        "syntax_regulariser": strength,
    }
    source = read_text_corpus(corpus)
    trainer = LanguageTrainer(source, settings, "cpu")
    for _ in range(30):
        trainer.advance()
    trainer.encoder.set_attn_implementation("eager")
    row = torch.tensor([trainer.tokens["train"][0]])
    with torch.no_grad():
        attentions = trainer.encoder.bert(row, output_attentions=True).attentions
    parses = source.parses("train")
    return attention_along(attentions, [parse_arcs(next(iter(parses.values()))["head"].to_numpy())]).item()


def test_the_regulariser_suppresses_and_promotes_syntactic_attention(corpus):
    suppressed, left_alone, promoted = (attended(corpus, strength) for strength in (1.0, 0.0, -1.0))
    assert suppressed < left_alone < promoted


def test_a_regulariser_that_ends_before_it_starts_does_nothing(corpus):
    assert attended(corpus, 1.0, until=0) == pytest.approx(attended(corpus, 0.0), abs=1e-3)


def test_syntactic_attention_by_hand():
    first = torch.full((1, 2, 4, 4), 0.1)  # [CLS] a b [SEP], two heads
    second = first.clone()
    second[0, 1, 2, 1] = 0.7  # b looks at a
    arcs = [parse_arcs(np.array([1, -1]))]
    assert attention_along([first, second], arcs).item() == pytest.approx(0.7)
    assert attention_along([first, first], arcs).item() == pytest.approx(0.1)


def test_the_control_has_as_many_pairs_at_the_same_distances_and_no_arc():
    heads = np.array([1, 4, 3, 1, -1, 4, 8, 8, 5])
    arcs = np.sort(parse_arcs(heads), axis=1)
    for seed in range(20):
        pairs = permuted_arcs(heads, np.random.default_rng(seed))
        assert sorted(pairs[:, 1] - pairs[:, 0]) == sorted(arcs[:, 1] - arcs[:, 0])
        assert len({*map(tuple, pairs)}) == len(arcs)
        assert not {*map(tuple, pairs)} & {*map(tuple, arcs)}


def test_pairs_of_the_nearest_distance_replace_those_that_are_all_arcs():
    pairs = permuted_arcs(np.array([3, 0, 1, -1]), np.random.default_rng(0))  # 0–3, 0–1 and 1–2 are arcs
    assert sorted(map(tuple, pairs)) == [(0, 2), (1, 3), (2, 3)]


def test_the_control_acts_on_other_pairs(corpus):
    source = read_text_corpus(corpus)
    settings = SETTINGS | {
        "architecture": complete_text_architecture(SIZES),
        "regulariser_until": None,
        "syntax_regulariser": 1.0,
    }
    syntax, control = (
        LanguageTrainer(source, settings | {"regulariser_arcs": arcs}, "cpu") for arcs in ("syntax", "permuted")
    )
    for mine, others in zip(syntax.arcs, control.arcs, strict=True):
        assert len(others) == min(len(mine), len(mine) * (len(mine) + 1) // 2 - len(mine))
        assert not {*map(tuple, np.sort(mine, axis=1))} & {*map(tuple, others)}
    assert syntax.batch_loss(1)[1] != control.batch_loss(1)[1]


def test_unknown_arcs_of_the_regulariser_raise(corpus, tmp_path):
    with pytest.raises(ConfigError, match="expected regulariser_arcs among syntax, permuted, found 'random'"):
        train(tmp_path, corpus, regulariser_arcs="random")


def test_masks_hide_words_only_and_as_often_as_asked():
    tokens = torch.tensor([[2, *[7] * 200, 3, 0]] * 100)
    inputs, hidden = mask_tokens(tokens, np.random.default_rng(0), 0.25, 4, 50)
    assert not hidden[:, [0, -2, -1]].any()
    assert hidden.float().sum().item() / 20000 == pytest.approx(0.25, abs=0.01)
    shares = [(inputs[hidden] == token).float().mean().item() for token in (4, 7)]
    assert shares == pytest.approx([0.8, 0.1 + 0.1 / 50], abs=0.015)
    assert (inputs[~hidden] == tokens[~hidden]).all()


def test_at_least_one_word_of_a_batch_is_hidden():
    _, hidden = mask_tokens(torch.tensor([[2, 7, 8, 3]]), np.random.default_rng(0), 1e-9, 4, 50)
    assert hidden.sum() == 1


def test_unknown_sizes_raise():
    with pytest.raises(
        ConfigError, match=r"expected sizes among hidden, layers, .* of a language model, found 'conv_dim'"
    ):
        complete_text_architecture({"conv_dim": [3]})
    with pytest.raises(
        ConfigError, match="expected 'hidden' to be a multiple of 'heads' in 'architecture', found 10 and 4"
    ):
        complete_text_architecture({"hidden": 10})


def test_a_mask_share_of_everything_raises(tmp_path, corpus):
    with pytest.raises(
        ConfigError, match="expected a positive batch_size and a mask_share between 0 and 1, found 16 and 1"
    ):
        train(tmp_path, corpus, mask_share=1.0)


def test_a_corpus_without_validation_sentences_raises(tmp_path):
    write_text_corpus(tmp_path / "c", corpus="c", grammar="english", sentences={"train": 5}, pairs=0, seed=1)
    with pytest.raises(CorpusError, match="expected sentences of split 'valid' in corpus 'c', found none"):
        train(tmp_path, tmp_path / "c")
