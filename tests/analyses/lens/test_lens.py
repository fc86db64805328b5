"""Lens: transcripts of the model itself at the last layer, planted letters, maps, utterances and controls."""

from dataclasses import asdict
from types import SimpleNamespace

import jiwer
import numpy as np
import pandas as pd
import pytest
import torch
from tiny_models import save_plain, tiny_model
from tiny_predictors import noise, tiny_predictor

from auscult.analyses.lens import analysis
from auscult.analyses.lens.analysis import exchanged, read_layers
from auscult.analyses.lens.columns import LENS_COLUMNS
from auscult.analyses.lens.items import choose_utterances
from auscult.analyses.lens.maps import fit_maps, other_layers
from auscult.analyses.lens.needs import trials
from auscult.analyses.lens.settings import LensSettings, LensSplits
from auscult.errors import AnalysisError
from auscult.models.checkpoints import import_checkpoint
from auscult.models.error_rates import count_edits
from auscult.models.tokens import word_tokenizer
from auscult.models.transcriber import load_transcriber

NAMES = {"corpus": "c", "model": "m", "step": "7"}
SETTINGS = LensSettings(n_resamples=100)
TEXTS = ("ab a", "c", "ba cab ac")


def spoken(texts=TEXTS, n_speakers=6, n_samples=6000, waveform=None):
    """Return a corpus of two splits, each with one utterance of every text by every speaker."""
    rows = [
        (f"{split}-{speaker}-{place}", f"{split}{speaker}", text, split)
        for split in ("train", "test")
        for speaker in range(n_speakers)
        for place, text in enumerate(texts)
    ]
    table = pd.DataFrame(rows, columns=["utterance", "speaker", "text", "split"])
    seeds = {name: place for place, name in enumerate(table["utterance"])}
    waveform = waveform or (lambda name: noise(n_samples + 400 * (seeds[name] % 3), seeds[name]))
    return SimpleNamespace(name="c", utterances=table, waveform=waveform)


def utterances_of_test(corpus):
    return corpus.utterances[corpus.utterances["split"] == "test"]


def one(table, layer, lens="direct", metric="word_error_rate", control=""):
    rows = table[(table["layer"] == layer) & (table["lens"] == lens) & (table["metric"] == metric)]
    (row,) = rows[rows["control"] == control].to_dict("records")
    return row


@pytest.fixture(scope="module")
def whisper(tmp_path_factory):
    folder = tmp_path_factory.mktemp("whisper")
    source = save_plain(tiny_model("whisper", init_std=0.5), folder / "in")
    word_tokenizer([f"word{number}" for number in range(45)]).save_pretrained(source)
    import_checkpoint(folder / "sealed", source=source)
    return load_transcriber(folder / "sealed")


@pytest.mark.parametrize("name", ["hubert-ctc", "wav2vec2-ctc", "whisper"])
def test_at_the_last_layer_the_lens_is_the_model_itself(name, request):
    model = request.getfixturevalue("whisper") if name == "whisper" else tiny_predictor(name)
    corpus = spoken(n_speakers=2)
    table = read_layers(corpus, model, names=NAMES, settings=SETTINGS)
    assert list(table.columns) == list(LENS_COLUMNS)
    rows = utterances_of_test(corpus)
    own = [model.transcribe([corpus.waveform(name)])[0] for name in rows["utterance"]]
    for unit in ("word", "character"):
        edits, lengths = count_edits(rows["text"].tolist(), own)[unit]
        for lens in ("direct", "affine"):  # the map of the last layer to itself is the identity
            assert one(table, "T2", lens, f"{unit}_error_rate")["value"] == edits.sum() / lengths.sum()
    for lens in ("direct", "affine"):
        assert one(table, "T2", lens, "word_agreement")["value"] == 1
    inputs = {"input", "embed", "T1", "T2"} | (set() if name == "whisper" else {"cnn"})
    assert set(table.loc[table["lens"] == "affine", "layer"]) == inputs
    assert set(table.loc[table["lens"] == "direct", "layer"]) == {"embed", "T1", "T2"}


def test_the_head_on_each_layer_writes_what_the_predictor_says():
    predictor, corpus = tiny_predictor("wav2vec2-ctc"), spoken(n_speakers=2)
    settings = LensSettings(affine=False, n_resamples=100)
    table = read_layers(corpus, predictor, names=NAMES, settings=settings)
    assert set(table["lens"]) == {"direct"}
    rows = utterances_of_test(corpus).reset_index(drop=True)
    written = pd.DataFrame([predictor.transcribe_layers(corpus.waveform(name)) for name in rows["utterance"]])
    for layer in ("embed", "T1", "T2"):
        expected = jiwer.cer(rows["text"].tolist(), [" ".join(text.split()) for text in written[layer]])
        assert one(table, layer, metric="character_error_rate")["value"] == pytest.approx(expected)


class Planted:
    """A recogniser of letters whose layers hold them in other directions than the last one, or not at all.

    ``embed`` is noise, ``T1`` holds the letters in permuted dimensions, ``T2`` in others, and ``T3`` as the head reads.
    """

    layers = ("embed", "T1", "T2", "T3")
    letters = " abcd"

    def states(self, waveform):
        letters = torch.eye(5)[torch.as_tensor(waveform)]
        random = torch.from_numpy(np.random.default_rng(len(waveform)).normal(size=letters.shape)).float()
        return {
            "input": random[:, :2],
            "embed": random,
            "T1": letters[:, [1, 2, 3, 4, 0]] * 3 + 1,
            "T2": letters[:, [4, 3, 2, 1, 0]],
            "T3": letters,
        }

    def ready(self, layer, states):
        return states

    def write(self, readings, n_samples):
        return ["".join(self.letters[place] for place in states.argmax(-1)) for states in readings]


@pytest.fixture
def planted(monkeypatch):
    monkeypatch.setattr(analysis, "reader_of", lambda model: Planted())
    texts = ("abba dad", "dab cab", "cad bad a", "baba", "add c dad")
    said = lambda name: [Planted.letters.index(letter) for letter in texts[int(name[-1])]]  # noqa: E731
    return spoken(texts, waveform=said)


def test_a_map_reads_what_the_head_misses_and_no_other_map_does(planted):
    table = read_layers(planted, None, names=NAMES, settings=SETTINGS)
    assert one(table, "T3")["value"] == one(table, "T1", "affine")["value"] == one(table, "T2", "affine")["value"] == 0
    assert one(table, "T1", "affine", "word_agreement")["value"] == 1
    assert one(table, "T1")["value"] > 0.9
    assert one(table, "T2")["value"] > 0.9
    for layer, other in (("T1", "T2"), ("T2", "embed")):
        row = one(table, layer, "affine", control="other_map")
        assert row["map_of"] == other
        assert row["ci_low"] > 0.9
    assert one(table, "embed", "affine")["value"] > 0.9
    assert one(table, "input", "affine")["value"] > 0.9
    row = one(table, "T1", "affine")
    assert (row["n"], row["n_groups"], row["n_fit"], row["resampling_unit"]) == (30, 6, 30, "speaker")
    assert row["n_fit_frames"] == 6 * sum(map(len, ("abba dad", "dab cab", "cad bad a", "baba", "add c dad")))
    assert np.isnan(one(table, "T1")["n_fit"])


def test_the_example_is_of_median_length_and_by_the_same_rule_everywhere(planted):
    table = read_layers(planted, None, names=NAMES, settings=SETTINGS)
    assert set(table["example_of"]) == {"abba dad"}
    assert one(table, "T3")["example"] == "abba dad"
    assert one(table, "T1", "affine")["example"] == "abba dad"
    assert one(table, "T1")["example"] != "abba dad"


def test_a_recogniser_that_always_writes_the_same_is_at_chance(planted, monkeypatch):
    monkeypatch.setattr(Planted, "write", lambda self, readings, n_samples: ["dad"] * len(readings))
    table = read_layers(planted, None, names=NAMES, settings=SETTINGS)
    np.testing.assert_allclose(table["value"], table["chance"])


def test_a_recogniser_that_writes_nothing_has_no_agreement(planted, monkeypatch):
    monkeypatch.setattr(Planted, "write", lambda self, readings, n_samples: [""] * len(readings))
    table = read_layers(planted, None, names=NAMES, settings=SETTINGS)
    assert set(table["metric"]) == {"word_error_rate", "character_error_rate"}
    assert (table["value"] == 1).all()


def test_maps_are_those_of_least_squares():
    rng = np.random.default_rng(0)
    x, rotation = rng.normal(size=(400, 6)), rng.normal(size=(6, 4))
    x[:, 5] = 2.0  # a constant dimension
    y = x @ rotation + 0.5 + 0.1 * rng.normal(size=(400, 4))
    parts = [{"T1": torch.from_numpy(x[rows]), "T2": torch.from_numpy(y[rows])} for rows in np.split(np.arange(400), 8)]
    maps = fit_maps(iter(parts))
    design = np.column_stack([x[:, :5], np.ones(400)])
    expected = design @ np.linalg.lstsq(design, y, rcond=None)[0]
    np.testing.assert_allclose(maps["T1"](torch.from_numpy(x)).numpy(), expected, atol=1e-4)
    np.testing.assert_allclose(maps["T2"](torch.from_numpy(y)).numpy(), y, atol=1e-4)
    assert maps["T1"].n_frames == 400


@pytest.mark.parametrize("n", range(2, 30))
def test_the_control_of_a_layer_is_the_map_of_another(n):
    layers = ("embed", *(f"T{place}" for place in range(1, n + 1)))
    others = other_layers(layers)
    assert list(others) == list(layers[:-1])
    assert sorted(others.values()) == sorted(layers[:-1])
    assert all(layer != other for layer, other in others.items())


def test_an_encoder_of_one_block_has_no_other_map():
    assert other_layers(("embed", "T1")) == {}


@pytest.mark.parametrize("n", [2, 3, 17])
def test_chance_gives_every_utterance_another_one(n):
    partners = exchanged(n, seed=4)
    assert len(partners) == min(5, n - 1)
    assert all(sorted(row) == list(range(n)) for row in partners)
    assert (partners != np.arange(n)).all()
    assert len({tuple(row) for row in partners}) == len(partners)
    assert np.array_equal(partners, exchanged(n, seed=4))


def test_utterances_are_spread_over_speakers_who_have_one_purpose():
    items = choose_utterances(spoken(), LensSettings(n_fit=8, n_test=9), seed=0)
    assert len(items.fit) == 8
    assert len({name.split("-")[1] for name in items.fit}) == 6
    assert items.test["speaker"].value_counts().tolist() == [2, 2, 2, 1, 1, 1]
    assert not {name.split("-")[0] for name in items.fit} & {name.split("-")[0] for name in items.test["utterance"]}
    same = choose_utterances(spoken(), LensSettings(n_fit=8, n_test=9), seed=0)
    assert items.fit == same.fit


def test_without_maps_no_split_is_needed_to_fit_on():
    corpus = spoken()
    corpus.utterances = utterances_of_test(corpus)
    assert choose_utterances(corpus, LensSettings(affine=False), seed=0).fit == []
    message = (
        r"expected utterances of split train in corpus 'c' to read layers of, found only test; name another split in "
        r"analyses: lens: splits, or set affine: false if there is none to fit on"
    )
    with pytest.raises(AnalysisError, match=message):
        choose_utterances(corpus, LensSettings(), seed=0)


def test_a_speaker_of_both_splits_is_refused():
    corpus = spoken()
    corpus.utterances["speaker"] = corpus.utterances["speaker"].str.slice(-1)
    message = (
        r"expected test speakers of corpus 'c' that the maps were not fitted on, found 6 in both roles \(0, 1, 2, "
        r"…\); divide the speakers, or set affine: false in analyses: lens"
    )
    with pytest.raises(AnalysisError, match=message):
        choose_utterances(corpus, LensSettings(), seed=0)


def test_an_empty_transcript_is_refused():
    message = r"a transcript of every test utterance of corpus 'c', found an empty one for 'test-0-1' \(6 in all\); add"
    with pytest.raises(AnalysisError, match=message):
        choose_utterances(spoken(("a", " ", "b")), LensSettings(), seed=0)


def test_what_a_corpus_lacks_is_known_once_it_is_imported():
    corpus = spoken(("a", " ", "b"))
    items = SimpleNamespace(corpus=corpus, seed=0)
    section = {**asdict(LensSettings()), "corpora": ["c"]}
    ((what, choose),) = trials(section, items)
    assert what == "transcripts and speakers"
    with pytest.raises(AnalysisError, match="found an empty one for 'test-0-1'"):
        choose()
    corpus.utterances["text"] = "a"
    assert choose() == 6


def test_splits_are_read_as_named():
    corpus = spoken()
    both = LensSettings(splits=LensSplits(test=("train", "test")), affine=False)
    assert len(choose_utterances(corpus, both, seed=0).test) == 36
    settings = LensSettings(splits=LensSplits(fit=("test",), test=("train",)))
    assert choose_utterances(corpus, settings, seed=0).test["utterance"].str.startswith("train").all()
