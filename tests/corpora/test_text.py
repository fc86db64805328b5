"""Text corpora: sentences and pairs of a grammar, readers of published formats, and refused input."""

import json
from collections import Counter

import numpy as np
import pandas as pd
import pytest
from places import DATA

from auscult.corpora.importing import import_corpus
from auscult.corpora.readers.conllu import read_conllu
from auscult.corpora.synthesis.grammar import Word, read_grammar, split_of
from auscult.corpora.synthesis.lexicon_files import TEXT_GRAMMARS
from auscult.corpora.synthesis.paradigms import PARADIGMS, Lexicon, minimal_pairs
from auscult.corpora.synthesis.text import write_text_corpus
from auscult.corpora.text import check_pairs, check_sentences, check_words, read_text_corpus
from auscult.errors import ConfigError, CorpusError, LabelError

REQUEST = {"grammar": "english", "sentences": {"train": 60, "valid": 4, "test": 20}, "pairs": 3, "seed": 2}


@pytest.fixture(scope="module")
def corpus(tmp_path_factory):
    folder = tmp_path_factory.mktemp("text") / "corpus"
    write_text_corpus(folder, corpus="written", **REQUEST)
    return read_text_corpus(folder)


def test_equal_arguments_write_equal_bytes(corpus, tmp_path):
    assert write_text_corpus(tmp_path / "again", corpus="written", **REQUEST).files == corpus.manifest.files


def test_splits_have_their_numbers_and_share_no_sentence(corpus):
    assert corpus.sentences["split"].value_counts().to_dict() == REQUEST["sentences"]
    assert corpus.sentences["text"].is_unique
    assert all(split_of(row.text) == row.split for row in corpus.sentences.itertuples())


def test_a_bigger_corpus_trains_on_no_sentence_of_a_pair(corpus, tmp_path):
    write_text_corpus(tmp_path / "big", corpus="big", **(REQUEST | {"sentences": {"train": 500}, "pairs": 0}))
    big = read_text_corpus(tmp_path / "big")
    assert not set(big.sentences["text"]) & {*corpus.pairs["good"], *corpus.pairs["bad"]}
    assert big.pairs.empty


def test_every_paradigm_has_its_pairs_which_differ_in_one_word(corpus):
    assert corpus.pairs["paradigm"].value_counts().to_dict() == dict.fromkeys(PARADIGMS, 3)
    for pair in corpus.pairs.itertuples():
        assert sum(a != b for a, b in zip(pair.good.split(), pair.bad.split(), strict=True)) == 1


def test_words_join_to_the_text_of_their_sentence(corpus):
    for name, words in corpus.parses().items():
        assert " ".join(words["word"]) == corpus.sentences.set_index("sentence")["text"][name]


@pytest.fixture(scope="module")
def sentences():
    grammar, generator = read_grammar("english", TEXT_GRAMMARS), np.random.default_rng(5)
    return [grammar.sentence(generator) for _ in range(1500)]


def test_no_fixed_distance_finds_most_arcs(sentences):
    """Otherwise attention to positions alone would pass for syntax."""
    offsets = {}
    for words in sentences:
        for place, word in enumerate(words):
            if word.head >= 0:
                offsets.setdefault(word.relation, Counter())[word.head - place] += 1
    commonest = {relation: max(counts.values()) / counts.total() for relation, counts in offsets.items()}
    found = sum(max(counts.values()) for counts in offsets.values())
    assert found / sum(counts.total() for counts in offsets.values()) < 0.48
    assert max(commonest.values()) < 0.62
    assert np.mean(list(commonest.values())) < 0.42


def test_most_singular_reflexives_refer_to_a_noun_with_a_gender(sentences):
    """Nouns without a gender take either form at random, which teaches a model that gender does not matter."""
    lexicon, genders = Lexicon(read_grammar("english", TEXT_GRAMMARS)), []
    for words in sentences:
        for word in words:
            if word.text in ("himself", "herself"):
                subjects = [other for other in words if other.head == word.head and other.relation == "nsubj"]
                genders += [lexicon.gender(subject) for subject in subjects if subject.pos == "NOUN"]
    assert len(genders) > 50
    assert np.mean([gender != "" for gender in genders]) > 0.7


def test_a_coordinated_participle_has_no_number_to_break():
    words = SENTENCES["agreement_coordinated"][0].replace("sing/VERB/2/conj/plural/sing", "sung/VERB/2/conj//sing")
    assert "agreement_coordinated" not in dict(
        minimal_pairs(say(words), Lexicon(read_grammar("english", TEXT_GRAMMARS)))
    )


def say(text):
    """Return words from ``text/POS/head/relation/number/lemma`` with heads counted from 1."""
    fields = [word.split("/") for word in text.split()]
    return [Word(w, pos, int(head) - 1, relation, number, lemma) for w, pos, head, relation, number, lemma in fields]


SENTENCES = {
    "agreement_adjacent": (
        "the/DET/2/det//the king/NOUN/3/nsubj/singular/king sings/VERB/0/root/singular/sing",
        "the king sing",
    ),
    "agreement_prepositional": (
        "the/DET/2/det//the king/NOUN/6/nsubj/singular/king near/ADP/5/case//near the/DET/5/det//the "
        "queens/NOUN/2/nmod/plural/queen sings/VERB/0/root/singular/sing",
        "the king near the queens sing",
    ),
    "agreement_relative": (
        "kings/NOUN/5/nsubj/plural/king that/PRON/4/obj//that nobody/NOUN/4/nsubj/singular/nobody "
        "loves/VERB/1/acl:relcl/singular/love sing/VERB/0/root/plural/sing",
        "kings that nobody loves sings",
    ),
    "agreement_coordinated": (
        "kings/NOUN/2/nsubj/plural/king see/VERB/0/root/plural/see a/DET/4/det/singular/a "
        "queen/NOUN/2/obj/singular/queen and/CCONJ/6/cc//and sing/VERB/2/conj/plural/sing",
        "kings see a queen and sings",
    ),
    "determiner_noun": (
        "these/DET/2/det/plural/this kings/NOUN/3/nsubj/plural/king sing/VERB/0/root/plural/sing",
        "this kings sing",
    ),
    "reflexive_number": (
        "the/DET/2/det//the queen/NOUN/3/nsubj/singular/queen praises/VERB/0/root/singular/praise "
        "herself/PRON/3/obj/singular/oneself",
        "the queen praises themselves",
    ),
    "reflexive_gender": (
        "the/DET/2/det//the queen/NOUN/3/nsubj/singular/queen praises/VERB/0/root/singular/praise "
        "herself/PRON/3/obj/singular/oneself",
        "the queen praises himself",
    ),
    "npi_licensor": (
        "no/DET/2/det//no king/NOUN/5/nsubj/singular/king has/AUX/5/aux/singular/have "
        "ever/ADV/5/advmod//ever sung/VERB/0/root//sing",
        "some king has ever sung",
    ),
    "npi_present": (
        "the/DET/2/det//the king/NOUN/5/nsubj/singular/king has/AUX/5/aux/singular/have "
        "often/ADV/5/advmod//often sung/VERB/0/root//sing",
        "the king has ever sung",
    ),
}


@pytest.mark.parametrize("paradigm", SENTENCES)
def test_a_paradigm_breaks_its_one_rule(paradigm):
    words, bad = SENTENCES[paradigm]
    lexicon = Lexicon(read_grammar("english", TEXT_GRAMMARS))
    assert dict(minimal_pairs(say(words), lexicon))[paradigm].bad == bad


def test_an_attractor_of_the_same_number_attracts_to_nothing():
    words = SENTENCES["agreement_prepositional"][0].replace("queens/NOUN/2/nmod/plural", "queen/NOUN/2/nmod/singular")
    assert "agreement_prepositional" not in dict(
        minimal_pairs(say(words), Lexicon(read_grammar("english", TEXT_GRAMMARS)))
    )


def test_an_unknown_grammar_raises(tmp_path):
    with pytest.raises(ConfigError, match="expected a language among english, found 'engish'"):
        write_text_corpus(tmp_path / "x", corpus="x", **(REQUEST | {"grammar": "engish"}))


def test_an_unknown_split_raises(tmp_path):
    with pytest.raises(
        ConfigError, match="expected a positive number of sentences for splits among train, valid, test"
    ):
        write_text_corpus(tmp_path / "x", corpus="x", **(REQUEST | {"sentences": {"dev": 3}}))


def words(*heads):
    return pd.DataFrame(
        {
            "sentence": "s",
            "index": range(len(heads)),
            "word": list("abcdef")[: len(heads)],
            "pos": "X",
            "head": heads,
            "relation": "dep",
        }
    )


TABLE = pd.DataFrame({"sentence": ["s"], "corpus": "c", "language": "", "text": ["a b"], "split": "test"})


@pytest.mark.parametrize(
    ("heads", "message"),
    [
        ((-1, -1), "expected one root in the parse of sentence 's', found 2: 'a', 'b'"),
        ((1, 0), "expected one root in the parse of sentence 's', found 0: none"),
        ((-1, 2, 1), "expected a tree in the parse of sentence 's', found heads that run in a circle above 'b'"),
        ((-1, 5), "expected heads from -1 to 1 in the parse of sentence 's', found 5 of 'b'"),
    ],
)
def test_a_parse_that_is_no_tree_raises(heads, message):
    with pytest.raises(CorpusError, match=message):
        check_words(words(*heads), TABLE)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"text": " "}, "expected words in every sentence, found none in sentence 's'"),
        ({"split": "dev"}, "expected split to be one of train, valid, test, found 'dev' for sentence 's'"),
    ],
)
def test_a_sentence_that_cannot_be_raises(change, message):
    with pytest.raises(CorpusError, match=message):
        check_sentences(TABLE.assign(**change))


def test_a_table_without_a_column_raises():
    with pytest.raises(CorpusError, match=r"expected columns sentence, index, .* in the words table, found no head"):
        check_words(words(-1, 0).drop(columns="head"), TABLE)


def test_a_sentence_without_words_raises():
    with pytest.raises(CorpusError, match="expected words of sentence 't', found none"):
        check_words(words(-1, 0), pd.concat([TABLE, TABLE.assign(sentence="t")]))


def pair(**change):
    return pd.DataFrame([{"pair": "p", "corpus": "c", "paradigm": "agreement", "good": "a b", "bad": "a c"} | change])


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"bad": "a b"}, r"expected two different sentences in pair 'p' \(agreement\), found 'a b' twice"),
        ({"good": ""}, "expected text in column 'good' of every pair, found none in pair 'p'"),
    ],
)
def test_a_pair_that_cannot_be_raises(change, message):
    with pytest.raises(CorpusError, match=message):
        check_pairs(pair(**change))


CONLLU = """# sent_id = one
# text = I don't know
1\tI\tI\tPRON\t_\tNumber=Sing\t4\tnsubj\t_\t_
2-3\tdon't\t_\t_\t_\t_\t_\t_\t_\t_
2\tdo\tdo\tAUX\t_\t_\t4\taux\t_\t_
3\tn't\tnot\tPART\t_\t_\t4\tadvmod\t_\t_
4\tknow\tknow\tVERB\t_\t_\t0\troot\t_\t_
4.1\tit\tit\tPRON\t_\t_\t_\t_\t4:obj\t_

"""


def import_text(tmp_path, reader, name, content, **options):
    (tmp_path / "source").mkdir()
    (tmp_path / "source" / name).write_text(content, encoding="utf-8")
    import_corpus(tmp_path / "out", corpus="c", reader=reader, source=tmp_path / "source", options=options)
    return read_text_corpus(tmp_path / "out")


def test_conllu_ranges_and_empty_nodes_are_no_words(tmp_path):
    corpus = import_text(tmp_path, "conllu", "a.conllu", CONLLU, language="english")
    assert corpus.words["word"].tolist() == ["I", "do", "n't", "know"]
    assert corpus.words["head"].tolist() == [3, 3, 3, -1]
    assert corpus.words["number"].tolist() == ["singular", "", "", ""]
    assert corpus.sentences[["sentence", "corpus", "language", "text", "split"]].to_numpy().tolist() == [
        ["one", "c", "english", "I don't know", "test"]
    ]


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("0\troot", "1\troot", "expected one root in the parse of sentence 'one', found 0"),
        (
            "4\tnsubj",
            "_\tnsubj",
            "expected a head and a relation of word 1 .'I'. in sentence 'one', found none; .* .line 1 of .*a.conllu",
        ),
        ("1\tI\t", "one\tI\t", "expected CoNLL-U in .*a.conllu, found"),
    ],
)
def test_a_faulty_conllu_file_raises(tmp_path, old, new, message):
    with pytest.raises(CorpusError, match=message):
        import_text(tmp_path, "conllu", "a.conllu", CONLLU.replace(old, new))
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(
    "content",
    [
        "\ufeff" + CONLLU,
        CONLLU.replace("\n", "\r\n"),
        CONLLU.rstrip("\n"),
        "# newdoc\n\n" + CONLLU,
        CONLLU.rstrip("\n") + "\n\t\n\n\n",
        CONLLU.replace("2\tdo", "# a remark\n2\tdo"),
        CONLLU.replace("sent_id = one", "sent_id = one\n# sender = m\u0308"),
    ],
)
def test_conllu_with_oddities_is_read(tmp_path, content):
    corpus = import_text(tmp_path, "conllu", "a.conllu", content)
    assert corpus.words["word"].tolist() == ["I", "do", "n't", "know"]
    assert corpus.sentences["text"].tolist() == ["I don't know"]


def test_repeated_names_of_sentences_are_numbered(tmp_path, caplog):
    corpus = import_text(tmp_path, "conllu", "a.conllu", CONLLU * 2 + CONLLU.replace("= one", "= one-2"))
    assert corpus.sentences["sentence"].tolist() == ["one", "one-2", "one-2-2"]
    assert "2 sentences have a sent_id that occurred before and were numbered" in caplog.text


FAULTY = CONLLU.replace("0\troot", "1\troot") + CONLLU.replace("4\tknow", "5\tknow") + CONLLU


def test_all_faulty_sentences_are_named_at_once(tmp_path):
    expected = (
        r"one root in .* sentence 'one', found 0: none; .* \(line 1 of .*a.conllu\); expected words 1 … 4 in sentence "
        r"'one-2', found 1, 2, 3, 5 \(line 10 of .*\); 2 of 3 sentences are faulty: correct them, or leave them out"
    )
    with pytest.raises(CorpusError, match=expected):
        import_text(tmp_path, "conllu", "a.conllu", FAULTY)


def test_faulty_sentences_are_left_out_on_request(tmp_path, caplog):
    corpus = import_text(tmp_path, "conllu", "a.conllu", FAULTY, faulty="leave_out")
    assert len(corpus.sentences) == 1
    assert "2 faulty sentences left out, the first: expected one root" in caplog.text


def test_conllu_in_another_encoding_is_stated(tmp_path):
    (tmp_path / "a.conllu").write_bytes(CONLLU.replace("know", "wüßte").encode("latin-1"))
    with pytest.raises(LabelError, match=r"expected text in UTF-8 in .*a.conllu, found byte 0xfc in line 2; convert"):
        read_conllu(tmp_path)
    assert read_conllu(tmp_path, encoding="latin-1")["sentences.parquet"]["text"].tolist() == ["I don't wüßte"]


def test_a_file_of_comments_alone_is_named(tmp_path):
    with pytest.raises(CorpusError, match=r"expected sentences in .*a.conllu, found none; check the files"):
        import_text(tmp_path, "conllu", "a.conllu", "# nothing\n")


def test_no_conllu_file_raises(tmp_path):
    with pytest.raises(CorpusError, match=r"expected CoNLL-U files \*.conllu in .*, found none"):
        import_text(tmp_path, "conllu", "a.txt", CONLLU)


PAIR = {
    "sentence_good": "Susan revealed herself.",
    "sentence_bad": "Susan revealed themselves.",
    "UID": "anaphor",
    "pairID": "0",
    "field": "morphology",
    "linguistics_term": "anaphor_agreement",
}


def test_blimp_lines_become_pairs(tmp_path):
    lines = "".join(json.dumps(PAIR | {"pairID": str(number)}) + "\n" for number in range(3))
    corpus = import_text(tmp_path, "blimp", "a.jsonl", lines, max_pairs=2)
    assert corpus.pairs["pair"].tolist() == ["anaphor-0", "anaphor-1"]
    assert corpus.pairs["phenomenon"].tolist() == ["anaphor_agreement"] * 2
    assert corpus.sentences.empty


def test_equal_sentences_are_left_out_and_counted(tmp_path, caplog):
    pairs = [PAIR | {"pairID": str(number)} for number in range(20)]
    pairs[3] |= {"sentence_bad": PAIR["sentence_good"]}
    with caplog.at_level("WARNING"):
        corpus = import_text(tmp_path, "blimp", "a.jsonl", "\ufeff" + "\n".join(map(json.dumps, pairs)), max_pairs=4)
    assert corpus.pairs["pair"].tolist() == ["anaphor-0", "anaphor-1", "anaphor-2", "anaphor-4"]
    assert "1 of 20 pairs have two equal sentences and are left out: anaphor-3" in caplog.text


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ('{"UID": "anaphor", "accuracy": 0.9}', "expected a pair with keys .* in line 1 of .*a.jsonl, found no"),
        ("mean,0.9", "expected a pair with keys .* found no sentence_good"),
        (
            json.dumps(PAIR | {"sentence_bad": PAIR["sentence_good"]}),
            "expected two different sentences in every pair of .*, found 'Susan .*' twice in pair 'anaphor-0' .1 of 1",
        ),
    ],
)
def test_a_faulty_line_of_pairs_raises(tmp_path, line, message):
    with pytest.raises(CorpusError, match=message):
        import_text(tmp_path, "blimp", "a.jsonl", line)


def test_an_unknown_option_of_a_text_reader_raises(tmp_path):
    with pytest.raises(ConfigError, match="expected options of reader 'blimp' among files, max_pairs, found 'split'"):
        import_text(tmp_path, "blimp", "a.jsonl", json.dumps(PAIR), split="test")


def test_a_corpus_of_speech_is_no_text(tmp_path):
    from auscult.manifests import build_folder

    with build_folder(tmp_path / "speech", {"corpus": "c"}) as partial:
        (partial / "utterances.parquet").write_text("")
    with pytest.raises(
        CorpusError, match=r"expected sentences.parquet or pairs.parquet in .*, found utterances.parquet"
    ):
        read_text_corpus(tmp_path / "speech")


@pytest.mark.skipif(not (DATA / "ud").is_dir(), reason="the UD sample is not in ../shared/data")
def test_the_treebank_sample_has_its_known_size(tmp_path):
    import_corpus(tmp_path / "ud", corpus="ud", reader="conllu", source=DATA / "ud")
    corpus = read_text_corpus(tmp_path / "ud")
    assert (len(corpus.sentences), len(corpus.words)) == (2001, 25147)


@pytest.mark.skipif(not (DATA / "blimp").is_dir(), reason="the BLiMP sample is not in ../shared/data")
def test_the_sample_of_minimal_pairs_has_its_known_size(tmp_path):
    import_corpus(tmp_path / "blimp", corpus="blimp", reader="blimp", source=DATA / "blimp")
    assert read_text_corpus(tmp_path / "blimp").pairs["paradigm"].value_counts().tolist() == [1000] * 5
