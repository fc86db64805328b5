"""Number cues of hand-written sentences and of a small French corpus; waveforms with words silenced or cut out."""

import numpy as np
import pytest
from french_cues import CHAT, CHATS, DANSE, DANSENT, LE, LES, PLURAL, SINGULAR, tables

from auscult.corpora.corpus import read_corpus
from auscult.corpora.cues import CUE_COLUMNS, close_span, cue_spans, cues, cut_spans, has_cues
from auscult.corpora.synthesis.speech import synthesise_corpus
from auscult.errors import CorpusError

VITE = ("vite", "v i t", "ADV", "", 2, "advmod", "vite")


def changed(word, **changes):
    names = ("label", "sound", "pos", "number", "head", "relation", "lemma")
    return tuple({**dict(zip(names, word)), **changes}.values())


def found(*sentences):
    """Return (target, cue) of the first sentence."""
    table = cues(*tables(*sentences))
    words = [word[0] for word in sentences[0]]
    first = table[table["utterance"] == "u0"]
    return [(words[target], words[cue]) for target, cue in zip(first["target_index"], first["cue_index"])]


def test_determiner_is_the_cue_of_its_noun_and_of_the_verb():
    table = cues(*tables(SINGULAR, PLURAL))
    assert tuple(table.columns) == CUE_COLUMNS
    assert table.to_numpy().tolist() == [
        ["u0", 1, "NOUN", 0, "singular", "chat", "chats"],
        ["u0", 2, "VERB", 0, "singular", "danse", "dansent"],
        ["u1", 1, "NOUN", 0, "plural", "chats", "chat"],
        ["u1", 2, "VERB", 0, "plural", "dansent", "danse"],
    ]


def test_word_heard_in_its_number_is_no_target_and_makes_its_subject_none():
    mange = (
        changed(DANSE, label="est", sound="ɛ", lemma="être"),
        changed(DANSENT, label="sont", sound="s ɔ̃", lemma="être"),
    )
    assert found((LE, CHAT, mange[0]), (LES, CHATS, mange[1])) == []


def test_verb_whose_subject_noun_is_heard_in_its_number_is_no_target():
    cheval = changed(CHAT, label="cheval", sound="ʃ ə v a l", lemma="cheval")
    chevaux = changed(CHATS, label="chevaux", sound="ʃ ə v o", lemma="cheval")
    assert found((LE, cheval, DANSE), (LES, chevaux, DANSENT)) == []
    assert found((LES, chevaux, DANSENT), (LE, cheval, DANSE)) == []


def test_word_spelt_alike_in_both_numbers_is_no_target():
    souris = [changed(word, label="souris", sound="s u ʁ i", lemma="souris") for word in (CHAT, CHATS)]
    assert found((LE, souris[0], DANSE), (LES, souris[1], DANSENT)) == [("danse", "le")]


def test_numeral_beside_the_determiner_is_a_second_cue():
    deux = ("deux", "d ø", "NUM", "plural", 1, "nummod", "deux")
    assert found((LES, CHATS, DANSENT, deux), SINGULAR) == []


def test_words_before_a_vowel_are_left_out_for_liaison_would_tell():
    souvent = changed(VITE, label="avec", sound="a v ɛ k")
    assert found((*SINGULAR, souvent), PLURAL) == []
    assert found((*SINGULAR, VITE), PLURAL) == [("chat", "le"), ("danse", "le")]


def test_copula_of_a_relative_clause_is_a_second_cue():
    clause = (
        ("qui", "k i", "PRON", "", 5, "nsubj", "qui"),
        ("est", "ɛ", "AUX", "singular", 5, "cop", "être"),
        ("triste", "t ʁ i s t", "ADJ", "singular", 1, "acl:relcl", "triste"),
    )
    assert found((*SINGULAR, *clause), PLURAL) == []


def test_pronoun_subject_gives_no_cue():
    il = ("il", "i l", "PRON", "singular", 1, "nsubj", "il")
    assert found((il, changed(DANSE, head=-1)), PLURAL, SINGULAR) == []


def test_word_whose_other_number_is_never_said_is_no_target():
    assert found(SINGULAR) == []


def test_cues_in_synthesised_french_are_determiners_of_the_right_number(tmp_path):
    synthesise_corpus(
        tmp_path / "c",
        corpus="c",
        languages=["french"],
        sentences={"test": 60},
        voices={"test": 2},
        seed=1,
        variation=False,
    )
    corpus = read_corpus(tmp_path / "c")
    assert has_cues(corpus.segments)
    table = cues(corpus.segments, corpus.utterances)
    texts = corpus.utterances.set_index("utterance")["text"].str.split()
    said = {(texts[row.utterance][row.cue_index], row.number) for row in table.itertuples()}
    singular = {"le", "la", "un", "une", "ce", "cette", "mon", "ma"}
    assert said <= {(word, "singular") for word in singular} | {(w, "plural") for w in ("les", "des", "ces", "mes")}
    assert len(table) > 30
    assert set(table["target_pos"]) == {"NOUN", "VERB"}
    assert all(texts[row.utterance][row.target_index] == row.word for row in table.itertuples())
    spans = cue_spans(corpus.segments, table)
    assert (spans["cue_offset"] <= spans["target_onset"]).all()


def test_corpus_without_syntax_raises():
    segments, utterances = tables(SINGULAR)
    assert not has_cues(segments.drop(columns="head"))
    with pytest.raises(CorpusError, match="to find number cues, found no head; use a corpus synthesised with syntax"):
        cues(segments.drop(columns="head"), utterances)


def test_the_gap_is_as_long_whatever_stood_there_and_holds_nothing_of_it():
    short, long = np.ones(2000, dtype=np.float32), np.ones(2300, dtype=np.float32)
    short[500:1000], long[500:1300] = 7, 9
    closed = close_span(short, 500, 1000, 600)
    np.testing.assert_array_equal(closed, close_span(long, 500, 1300, 600))
    assert len(closed) == 500 + 600 + 1000
    assert (closed[500:1100] == 0).all()
    assert (closed[:420] == 1).all()
    assert (closed[1180:] == 1).all()
    assert np.abs(np.diff(closed)).max() < 0.02
    assert (short[:500] == 1).all()


def test_a_gap_at_either_end_of_a_recording_fades_what_there_is():
    assert close_span(np.ones(100), 0, 90, 5)[:5].tolist() == [0] * 5
    closed = close_span(np.ones(100), 10, 100, 5)
    assert len(closed) == 15
    assert (np.diff(closed[:10]) < 0).all()
    assert closed[9] < 0.02


def test_cut_spans_are_the_samples_alone():
    waveform = np.arange(10)
    assert [part.tolist() for part in cut_spans(waveform, [(2, 4), (5, 6)])] == [[2, 3], [5]]


def test_span_outside_of_the_recording_raises():
    with pytest.raises(CorpusError, match="within the recording of 10 samples, found 8–12; take them from the segm"):
        close_span(np.zeros(10), 8, 12, 5)
