"""Translations of first-person sentences: every sentence is covered, and words that refer to the speaker agree."""

from itertools import islice

import pandas as pd
import pytest

from auscult.corpora.corpus import read_corpus
from auscult.corpora.synthesis.grammar import read_grammar
from auscult.corpora.synthesis.lexicon_files import has_translations
from auscult.corpora.synthesis.speech import plan_items, synthesise_corpus
from auscult.corpora.translations import (
    REFERENCES,
    TARGET_LANGUAGES,
    read_references,
    reference_table,
    term_pairs,
    translate,
)
from auscult.errors import ConfigError, CorpusError

LANGUAGE = "english-first-person"
SMALL = {
    "corpus": "toy",
    "languages": [LANGUAGE],
    "sentences": {"train": 10, "valid": 4, "test": 12},
    "voices": {"train": 10, "valid": 2, "test": 4},
    "seed": 7,
    "female_share": 0.3,
}


def texts(n=400):
    return [" ".join(word.text for word in words) for words in islice(read_grammar(LANGUAGE).sentences(0), n)]


@pytest.fixture(scope="module")
def corpus(tmp_path_factory):
    folder = tmp_path_factory.mktemp("translations") / "toy"
    synthesise_corpus(folder, **SMALL)
    return read_corpus(folder)


@pytest.mark.parametrize("target", TARGET_LANGUAGES)
def test_every_sentence_has_a_translation_whose_genders_differ_in_its_terms_alone(target):
    for text in texts():
        found = translate(text, LANGUAGE, target)
        words = list(zip(found.male.split(), found.female.split(), strict=True))
        assert [pair for pair in words if pair[0] != pair[1]] == list(found.terms)
        assert len(found.terms) >= 1


def test_at_least_24_qualities_differ_in_gender_in_every_language():
    qualities = {row["word"] for row in read_grammar(LANGUAGE).lexicon["adjective"]}
    assert len(qualities) >= 24
    for target in TARGET_LANGUAGES:
        forms = {translate(f"I am {quality}", LANGUAGE, target).terms for quality in qualities}
        assert len(forms) == len(qualities)


@pytest.mark.parametrize(
    ("text", "target", "female", "terms"),
    [
        ("I am tired", "spanish", "estoy cansada", (("cansado", "cansada"),)),
        ("I am old", "spanish", "soy vieja", (("viejo", "vieja"),)),
        ("I was not very old at home", "spanish", "no era muy vieja en casa", (("viejo", "vieja"),)),
        ("I was never nervous", "french", "je n'étais jamais nerveuse", (("nerveux", "nerveuse"),)),
        ("I stayed worried", "french", "je suis restée inquiète", (("resté", "restée"), ("inquiet", "inquiète"))),
        (
            "I have been so glad today",
            "italian",
            "sono stata così contenta oggi",
            (("stato", "stata"), ("contento", "contenta")),
        ),
    ],
)
def test_sentences_are_translated_part_by_part(text, target, female, terms):
    found = translate(text, LANGUAGE, target)
    assert (found.female, found.terms) == (female, terms)


def test_a_sentence_with_an_unknown_part_is_named():
    with pytest.raises(ConfigError, match=r"expected a sentence of frame, .* found 'I am purple'; add its words"):
        translate("I am purple", LANGUAGE, "spanish")


def test_other_languages_have_no_translations():
    assert has_translations(LANGUAGE)
    assert not has_translations("english")


def test_references_agree_with_the_speaker_and_the_wrong_ones_do_not(corpus):
    table = read_references(corpus.folder, corpus.utterances)
    for row in table.itertuples():
        found = translate(row.text, LANGUAGE, row.target_language)
        other = {"male": "female", "female": "male"}[row.gender]
        assert (row.reference, row.wrong_reference) == (getattr(found, row.gender), getattr(found, other))
        assert all(right in row.reference and wrong in row.wrong_reference for right, wrong in term_pairs(row.terms))


def test_training_has_all_languages_and_a_test_sentence_one_dealt_evenly_to_speakers(corpus):
    table = read_references(corpus.folder, corpus.utterances)
    counts = table.groupby(["split", "utterance"]).size()
    assert set(counts["train"]) == {3}
    assert set(counts["test"]) == set(counts["valid"]) == {1}
    assert table[table["split"] == "test"].groupby(["speaker", "target_language"]).size().eq(1).all()


def test_the_share_of_women_is_that_of_training_voices_and_half_elsewhere(corpus):
    voices = corpus.utterances.drop_duplicates("speaker").groupby(["split", "gender"]).size()
    assert voices["train"].to_dict() == {"female": 3, "male": 7}
    assert voices["test"].to_dict() == {"female": 2, "male": 2}


def test_voices_and_sentences_of_other_splits_do_not_change_with_the_share():
    plans = [
        list(plan_items([LANGUAGE], {"train": 4, "test": 4}, {"train": 4, "test": 4}, 1, female_share=share))
        for share in (None, 0.25)
    ]
    assert [item for item in plans[0] if item.split == "test"] == [item for item in plans[1] if item.split == "test"]
    assert {item.voice.gender for item in plans[1] if item.split == "train"} == {"female", "male"}


def test_a_corpus_without_translations_has_no_table_of_them(tmp_path):
    synthesise_corpus(
        tmp_path / "plain", corpus="plain", languages=["english"], sentences={"test": 2}, voices={"test": 2}, seed=1
    )
    plain = read_corpus(tmp_path / "plain")
    assert not (plain.folder / REFERENCES).exists()
    with pytest.raises(CorpusError, match=r"expected translations beside the utterances in .*references.parquet"):
        read_references(plain.folder, plain.utterances)


def change(column, value, rows):
    def apply(utterances):
        return utterances.assign(**{column: utterances[column].where(~rows(utterances), value)})

    return apply


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        (change("gender", "", lambda u: u["speaker"] == "test-f000"), "expected the gender of every speaker, found ''"),
        (change("gender", "mixed", lambda u: u["split"] == "test"), "expected gender female or male, found 'mixed'"),
        (
            change("gender", "male", lambda u: u["split"] == "test"),
            r"expected women and men in split 'test' of toy, found only male speakers \(4\)",
        ),
        (change("text", " ", lambda u: u["split"] == "test"), r"expected a transcript, found ' ' .* \(12 of 46 rows"),
        (
            change("speaker", "train-m000", lambda u: u["speaker"] == "test-m000"),
            r"expected test speakers that are not in the training split, found 'train-m000' in both splits of toy",
        ),
    ],
)
def test_what_would_make_numbers_meaningless_is_refused(corpus, changed, message):
    with pytest.raises(CorpusError, match=message):
        read_references(corpus.folder, changed(corpus.utterances))


def test_references_may_be_columns_of_the_utterances(corpus):
    table = reference_table(corpus.utterances).drop_duplicates("utterance")
    utterances = corpus.utterances.merge(table, on="utterance")
    assert len(read_references(corpus.folder, utterances)) == len(utterances)
    empty = utterances.assign(reference="")
    with pytest.raises(CorpusError, match="expected a translation, found ''"):
        read_references(corpus.folder, empty)


def test_terms_are_pairs_of_words():
    assert term_pairs("stata stato;stanca stanco") == [("stata", "stato"), ("stanca", "stanco")]
    assert term_pairs("") == []
    with pytest.raises(
        CorpusError, match="expected gendered words as pairs 'right wrong' joined by ';', found 'stata'"
    ):
        term_pairs("stata;stanca stanco")


def test_the_table_is_empty_for_languages_without_translations():
    row = {"utterance": "a", "speaker": "s", "gender": "male", "language": "english", "text": "x", "split": "test"}
    assert reference_table(pd.DataFrame([row])).empty
