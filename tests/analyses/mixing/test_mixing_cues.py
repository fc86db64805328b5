"""Mass and hits of the cue: the right cell, disjoint halves, and a cost that is logged first."""

import logging
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest
from tiny_models import tiny_encoder

from auscult.analyses.mixing.analysis import MAP_COLUMNS, SENTENCE_COLUMNS, mix_cues
from auscult.analyses.mixing.ranking import MIXING_COLUMNS
from auscult.analyses.mixing.sentences import plan_sentences
from auscult.analyses.mixing.settings import MixingSettings
from auscult.analyses.mixing.waveforms import mix_waveform
from auscult.errors import AnalysisError
from auscult.models.acoustic import acoustic_model
from auscult.models.speech import SpeechModel

RUN = {"corpus": "french", "model": "m", "step": "7"}
METHODS = ("attention", "value_zeroing")
ALONE = MixingSettings(methods=("attention",), n_resamples=10)
KINDS = (("DET", "NOUN", "VERB"), ("DET", "NOUN", "VERB", "ADV"))


def cue_corpus(n=14):
    """Return sentences of noise, words of which last 50 ms and more, and the cues of their nouns and verbs."""
    random, utterances, segments, cues = np.random.default_rng(0), [], [], []
    waveforms = {}
    for i in range(n):
        name, pos = f"u{i:02d}", KINDS[i % 3 == 2]
        times = 400 + np.concatenate([[0], np.cumsum(800 + 400 * random.integers(0, 4, len(pos)))])
        waveforms[name] = random.normal(0, 0.1, times[-1] + 900).astype(np.float32)
        utterances.append([name, f"sentence {i}", len(waveforms[name]), "valid" if i == 0 else "test"])
        segments += [[name, "word", k, f"w{k}", a, b, p] for k, (a, b, p) in enumerate(zip(times, times[1:], pos))]
        cues += [[name, 1, "NOUN", 0, "plural"], [name, 2, "VERB", 0, "plural"]]
    names = ["utterance", "tier", "index", "label", "onset", "offset", "pos"]
    corpus = SimpleNamespace(
        name="french",
        utterances=pd.DataFrame(utterances, columns=["utterance", "text", "n_samples", "split"]),
        segments=pd.DataFrame(segments, columns=names),
        waveform=waveforms.__getitem__,
    )
    return corpus, pd.DataFrame(cues, columns=["utterance", "target_index", "target_pos", "cue_index", "number"])


@pytest.fixture(scope="module")
def planted():
    return cue_corpus()


@pytest.fixture(scope="module")
def hubert():
    return SpeechModel(tiny_encoder("hubert"))


@pytest.fixture(scope="module")
def tables(hubert, planted):
    return mix_cues(hubert, *planted, settings=MixingSettings(methods=METHODS, n_resamples=100), **RUN)


def test_the_tables_have_their_columns_and_every_target(tables):
    results, sentences, maps = tables
    assert list(results.columns) == list(MIXING_COLUMNS)
    assert list(sentences.columns) == list(SENTENCE_COLUMNS)
    assert list(maps.columns) == list(MAP_COLUMNS)
    assert len(sentences) == 13 * 2 * 2 * 2
    assert set(results["resampling_unit"]) == {"sentence"}


def test_a_share_is_the_cell_of_target_and_cue_among_the_words(tables, hubert, planted):
    corpus, _ = planted
    words = corpus.segments[corpus.segments["utterance"] == "u05"]
    waveform = corpus.waveform("u05")
    starts, stops, _ = hubert.timing.segment_frames(
        words["onset"].to_numpy(), words["offset"].to_numpy(), int(hubert.timing.n_frames(len(waveform)))
    )
    scores = mix_waveform(hubert, waveform, np.stack([starts, stops], axis=1), methods=METHODS)
    rows = tables[1].query("utterance == 'u05' and layer == 'T2' and target == 'verb'").set_index("method")
    for method in METHODS:
        row = scores[method]["T2"][2]
        assert rows.loc[method, "mass"] == pytest.approx(row[0], abs=1e-6)
        assert rows.loc[method, "hit"] == (row[0] >= np.delete(row, 2).max())
    assert rows["one_in_words"].tolist() == [1 / 4, 1 / 4]
    assert rows["chance"].tolist() == [1 / 3, 1 / 3]
    lengths = stops - starts
    assert rows.loc["attention", "cue_duration"] == pytest.approx(lengths[0] / lengths.sum())


def test_maps_are_means_over_one_kind_of_sentence_of_the_reporting_half(tables):
    _, sentences, maps = tables
    assert set(maps["row_pos"]) == {"DET", "NOUN", "VERB"}
    cell = maps.query("method == 'attention' and layer == 'T1' and row == 1 and column == 0")
    kind = [f"u{i:02d}" for i in range(1, 14) if i % 3 != 2]
    those = sentences.query("method == 'attention' and layer == 'T1' and target == 'noun' and half == 'test'")
    those = those[those["utterance"].isin(kind)]
    assert cell["value"].item() == pytest.approx(those["mass"].mean())
    assert cell["n"].item() == len(those)


def test_halves_share_no_sentence_and_do_not_depend_on_the_model(tables, planted):
    _, sentences, _ = tables
    halves = sentences.groupby("text")["half"].nunique()
    assert (halves == 1).all()
    assert sentences.drop_duplicates("text")["half"].value_counts().to_dict() == {"test": 7, "valid": 6}
    other = mix_cues(SpeechModel(tiny_encoder("wavlm")), *planted, settings=ALONE, **RUN)[1]
    assert dict(zip(other["text"], other["half"])) == dict(zip(sentences["text"], sentences["half"]))


def test_the_same_call_gives_the_same_tables_and_fewer_sentences_the_same_values(tables, hubert, planted):
    again = mix_cues(hubert, *planted, settings=MixingSettings(methods=METHODS, n_resamples=100), **RUN)
    for one, other in zip(tables, again):
        pd.testing.assert_frame_equal(one, other)
    three = MixingSettings(methods=METHODS, max_sentences=3, n_resamples=10)
    few = mix_cues(hubert, *planted, settings=three, **RUN)[1]
    keys = ["utterance", "target", "layer", "method"]
    both = few.merge(tables[1], on=keys)
    assert few["utterance"].nunique() == 3
    np.testing.assert_allclose(both["mass_x"], both["mass_y"], atol=1e-6)


def test_the_cost_is_estimated_from_four_sentences_before_the_rest_runs(hubert, planted, caplog):
    with caplog.at_level(logging.INFO, logger="auscult"):
        mix_cues(hubert, *planted, settings=ALONE, layers=["T1"], **RUN)
    n_samples = planted[0].utterances.query("split == 'test'")["n_samples"].sum()
    logged = [message for message in caplog.messages if message.startswith("mixing: about")]
    assert len(logged) == 1
    assert f"s for 13 sentences ({n_samples} samples), estimated from 4 of them" in logged[0]


def test_a_word_without_a_frame_gets_the_nearest_and_is_counted(hubert, planted, caplog):
    corpus, cues = planted
    segments = corpus.segments.copy()
    short = (segments["utterance"] == "u03") & (segments["index"] == 0)
    segments.loc[short, "offset"] = segments.loc[short, "onset"] + 10
    squeezed = SimpleNamespace(**{**vars(corpus), "segments": segments})
    with caplog.at_level(logging.INFO, logger="auscult"):
        mix_cues(hubert, squeezed, cues, settings=ALONE, **RUN)
    assert "mixing: 1 words contain no frame's centre and received the nearest frame" in caplog.messages


def test_a_frame_on_the_border_of_two_words_belongs_to_the_first(planted, hubert):
    corpus, cues = planted
    centres = hubert.timing.centres(12) // 2
    segments = corpus.segments.copy()
    mine = segments.index[segments["utterance"] == "u01"]
    segments.loc[mine, "onset"] = centres[[0, 4, 7]]
    segments.loc[mine, "offset"] = centres[[4, 7, 11]]
    moved = SimpleNamespace(**{**vars(corpus), "segments": segments})
    sentence = next(s for s in plan_sentences(moved, cues, ["test"], None, 0) if s.utterance == "u01")
    assert sentence.spans(hubert.timing)[0].tolist() == [[0, 5], [5, 8], [8, min(12, sentence.n_samples)]]


def test_whispers_encoder_is_scored_like_any_other(planted):
    results, sentences, _ = mix_cues(
        SpeechModel(tiny_encoder("whisper")), *planted, settings=MixingSettings(methods=METHODS, n_resamples=10), **RUN
    )
    assert set(sentences["layer"]) == {"T1", "T2"}
    assert sentences["mass"].between(0, 1).all()
    assert set(results["metric"]) == {"cue_mass", "cue_hit", "cue_hit_difference"}


def test_a_cue_that_is_its_own_target_is_one_clear_line(hubert, planted):
    corpus, cues = planted
    with pytest.raises(
        AnalysisError, match="expected the cue of a word to be another word, found word 1 of utterance 'u01' as its own"
    ):
        mix_cues(hubert, corpus, cues.assign(cue_index=cues["target_index"]), **RUN)


def test_a_sentence_that_does_not_fit_into_memory_is_one_clear_line(hubert, planted):
    with pytest.raises(AnalysisError, match=r"found memory_mb: 0\.001: more samples than memory allows"):
        mix_cues(hubert, *planted, settings=MixingSettings(memory_mb=0.001), **RUN)


def test_a_corpus_without_targets_is_one_clear_line(hubert, planted):
    with pytest.raises(AnalysisError, match=r"expected targets with a known cue in splits train of corpus 'french'"):
        mix_cues(hubert, *planted, settings=MixingSettings(splits=("train",)), **RUN)


def test_a_cue_that_is_no_word_is_one_clear_line(hubert, planted):
    corpus, cues = planted
    cues = cues.assign(cue_index=9)
    with pytest.raises(AnalysisError, match=r"expected cue_index of utterance 'u01' to be one of its 3 words, found 9"):
        mix_cues(hubert, corpus, cues, **RUN)


def test_cues_without_a_column_are_one_clear_line(hubert, planted):
    corpus, cues = planted
    with pytest.raises(AnalysisError, match=r"expected columns utterance, .* in the cues, found no target_pos"):
        mix_cues(hubert, corpus, cues.drop(columns="target_pos"), **RUN)


def test_an_acoustic_baseline_is_one_clear_line(planted):
    with pytest.raises(AnalysisError, match="expected a transformer whose encoder has attention, found 'mel'"):
        mix_cues(acoustic_model("mel"), *planted, **RUN)
