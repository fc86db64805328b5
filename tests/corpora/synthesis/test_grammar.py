from itertools import islice

import numpy as np
import pytest

from auscult.corpora.synthesis.grammar import read_grammar
from auscult.corpora.synthesis.lexicon_files import languages
from auscult.errors import ConfigError

UNIVERSAL = {"ADJ", "ADP", "ADV", "AUX", "CCONJ", "DET", "NOUN", "NUM", "PART", "PRON", "SCONJ", "VERB"}


def _sentences(language, n=300, seed=0):
    return list(islice(read_grammar(language).sentences(seed), n))


def _write(folder, rules, table="word\tcategory\tpos\tnumber\tgender\tlemma\ndog\tnoun\tNOUN\t\t\tdog\n"):
    (folder / "toy.tsv").write_text(table)
    (folder / "toy.toml").write_text(f'espeak = "en-us"\n[rules]\n{rules}\n')
    return read_grammar("toy", folder)


@pytest.mark.parametrize("language", languages())
def test_every_sentence_is_a_tree_with_one_root(language):
    for words in _sentences(language):
        roots = [index for index, word in enumerate(words) if word.head == -1]
        assert [words[index].relation for index in roots] == ["root"]
        for index in range(len(words)):
            steps = 0
            while words[index].head >= 0:
                index, steps = words[index].head, steps + 1
                assert steps < len(words)


# Homophone, reading and first-person sentences are short, with few parts of speech, by design.
@pytest.mark.parametrize(
    "language", sorted(set(languages()) - {"french-homophones", "english-reading", "english-first-person"})
)
def test_sentences_are_new_of_speakable_length_and_tagged(language):
    drawn = _sentences(language)
    assert len({tuple(word.text for word in words) for words in drawn}) == 300
    assert 5 < np.mean([len(words) for words in drawn]) < 9
    assert max(map(len, drawn)) <= 13
    assert {word.pos for words in drawn for word in words} <= UNIVERSAL
    assert len({word.pos for words in drawn for word in words}) >= 9


@pytest.mark.parametrize(("language", "n"), [("english", 250), ("dutch", 250), ("mandarin", 250), ("french", 150)])
def test_lexicons_are_large_enough(language, n):
    rows = [row for rows in read_grammar(language).lexicon.values() for row in rows]
    assert len({row["lemma"] for row in rows}) >= n


def test_homophones_are_determiners_nouns_and_verbs_of_either_number():
    words = [word for sentence in _sentences("french-homophones") for word in sentence]
    assert {word.pos for word in words} == {"DET", "NOUN", "VERB"}
    shares = [np.mean([word.number == "plural" for word in words if word.pos == pos]) for pos in ("NOUN", "VERB")]
    assert all(0.4 < share < 0.6 for share in shares)


def test_what_is_read_is_of_few_words_in_many_sentences():
    drawn = _sentences("english-reading", 2000)
    assert len({tuple(word.text for word in words) for words in drawn}) == 2000
    assert len({word.text for words in drawn for word in words}) == 105
    assert 4 < np.mean([len(words) for words in drawn]) < 6


@pytest.mark.parametrize("language", ["english", "dutch", "french"])
def test_subjects_agree_with_their_verbs_in_number(language):
    pairs = [
        (word.number, words[word.head].number)
        for words in _sentences(language)
        for word in words
        if word.relation == "nsubj" and words[word.head].pos == "VERB" and word.number and words[word.head].number
    ]
    assert len(pairs) > 100
    assert all(subject == verb for subject, verb in pairs)
    assert {subject for subject, _ in pairs} == {"singular", "plural"}


@pytest.mark.parametrize("language", ["dutch", "french"])
def test_determiners_agree_with_their_nouns_in_gender(language):
    gender = {(row["word"], row["number"]): row["gender"] for row in read_grammar(language).lexicon["noun_animate"]}
    articles = {"het": "neuter", "dit": "neuter", "le": "masculine", "la": "feminine", "une": "feminine"}
    found = [
        (articles[word.text], gender[head.text, head.number])
        for words in _sentences(language)
        for word in words
        if word.relation == "det" and word.text in articles
        for head in [words[word.head]]
        if (head.text, head.number) in gender
    ]
    assert len(found) > 30
    assert all(article == noun for article, noun in found)


def test_the_indefinite_article_follows_the_next_word():
    texts = [" " + " ".join(word.text for word in words) for words in _sentences("english", 1500)]
    assert any(" an " in text for text in texts)
    assert not any(f" a {vowel}" in text for text in texts for vowel in "aeiou")


def test_equal_seeds_give_equal_sentences():
    assert _sentences("dutch", 20, seed=5) == _sentences("dutch", 20, seed=5)
    assert _sentences("dutch", 20, seed=5) != _sentences("dutch", 20, seed=6)


def test_an_unknown_language_is_refused_with_those_that_exist():
    names = "dutch, english, english-first-person, english-reading, french, french-homophones, mandarin"
    with pytest.raises(ConfigError, match=f"among {names}, found 'klingon'; correct it"):
        read_grammar("klingon")


def test_a_rule_that_names_nothing_is_refused(tmp_path):
    with pytest.raises(ConfigError, match=r"expected every symbol of toy.toml .*, found 'verb'; correct the name"):
        _write(tmp_path, 'S = ["1 nsubj:noun *verb"]')


def test_a_rule_without_a_head_is_refused(tmp_path):
    with pytest.raises(ConfigError, match=r"expected a weight and one starred symbol, found '1 nsubj:noun' for S"):
        _write(tmp_path, 'S = ["1 nsubj:noun"]')


def test_a_symbol_that_cannot_be_read_is_refused(tmp_path):
    with pytest.raises(ConfigError, match=r"expected relation:symbol\(n\) or \*symbol\(n\), found '\*noun\[' in toy"):
        _write(tmp_path, 'S = ["1 *noun["]')


def test_a_category_without_a_fitting_word_is_refused(tmp_path):
    table = "word\tcategory\tpos\tnumber\tgender\tlemma\ndog\tnoun\tNOUN\tsingular\t\tdog\n"
    grammar = _write(tmp_path, 'S = ["1 *noun(plural)"]', table)
    with pytest.raises(ConfigError, match=r"a word of category noun \(plural\) in lexicons/toy.tsv, found none"):
        grammar.sentence(np.random.default_rng(0))


def test_a_grammar_too_small_for_the_demand_says_so(tmp_path):
    grammar = _write(tmp_path, 'S = ["1 *noun"]')
    with pytest.raises(ConfigError, match="to yield more than 1 different sentences, found no new one in 1000 draws"):
        list(islice(grammar.sentences(0), 2))
