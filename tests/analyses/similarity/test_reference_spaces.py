import numpy as np
import pandas as pd
import pytest
from reference import plant

from auscult.analyses.similarity.reference_spaces import (
    ARTICULATORY_FEATURES,
    articulatory_space,
    cooccurrence_vectors,
    identity_space,
    lexical_space,
    match_items,
    read_vectors,
    reference_space,
    sample_items,
)
from auscult.errors import AnalysisError, LabelError

SENTENCES = [
    f"the {noun} {verb} a {thing}"
    for noun in ("cat", "dog", "cow")
    for verb in ("sees", "likes")
    for thing in ("door", "book", "cup")
]


def features(phone):
    return dict(zip(ARTICULATORY_FEATURES, articulatory_space([phone])[0]))


def keys(index, rows):
    return set(map(tuple, index.iloc[rows][["utterance", "tier", "index"]].to_numpy()))


def test_every_model_is_asked_about_the_same_items_whatever_else_its_index_holds():
    index = plant().index
    other = pd.concat([index.assign(tier="word"), index.sample(frac=1, random_state=1)], ignore_index=True)
    mine, theirs = (keys(i, sample_items(i, "phone", 50, seed=3)) for i in (index, other))
    assert mine == theirs
    assert len(mine) == 50
    assert mine != keys(index, sample_items(index, "phone", 50, seed=4))


def test_items_without_label_are_not_sampled_unless_they_are_utterances():
    index = plant().index
    index.loc[:99, "label"] = ""
    assert sample_items(index, "phone", 10**6, seed=0).min() == 100
    assert len(sample_items(index.assign(tier="utterance", label=""), "utterance", 10**6, seed=0)) == 480


def test_items_are_found_in_the_index_of_another_model():
    index = plant().index
    other = index.sample(frac=1, random_state=0).reset_index(drop=True)
    rows = np.array([5, 2, 400])
    there = other.iloc[match_items(index, rows, other, "mel")]
    assert (there["utterance"].to_numpy() == index["utterance"].iloc[rows].to_numpy()).all()
    assert (there["index"].to_numpy() == index["index"].iloc[rows].to_numpy()).all()


def test_one_hot_vectors_stand_for_labels_and_nan_for_none():
    space = identity_space(["b", "a", "", "b", None])
    assert np.array_equal(space[:2], [[0, 1], [1, 0]])
    assert np.isnan(space[[2, 4]]).all()
    assert np.array_equal(space[3], space[0])


@pytest.mark.parametrize(
    ("phone", "expected"),
    [
        ("p", {"stop": 1, "labial": 1, "voiced": 0, "aspirated": 0}),
        ("b", {"stop": 1, "labial": 1, "voiced": 1}),
        ("pʰ", {"stop": 1, "labial": 1, "aspirated": 1}),
        ("v", {"fricative": 1, "labiodental": 1, "voiced": 1, "labial": 0}),
        ("θ", {"fricative": 1, "dental": 1, "voiced": 0}),
        ("tʃ", {"affricate": 1, "fricative": 0, "postalveolar": 1, "voiced": 0}),
        ("ʈʂʰ", {"affricate": 1, "retroflex": 1, "aspirated": 1}),
        ("ŋ", {"nasal": 1, "velar": 1, "voiced": 1}),
        ("w", {"approximant": 1, "labial": 1, "velar": 1, "rounded": 1}),
        ("l", {"approximant": 1, "lateral": 1, "alveolar": 1}),
        ("i", {"vowel": 1, "height": 0.5, "backness": -0.5, "rounded": 0, "gliding": 0, "voiced": 1}),
        ("y", {"vowel": 1, "height": 0.5, "backness": -0.5, "rounded": 1}),
        ("ɑ", {"vowel": 1, "height": -0.5, "backness": 0.5}),
        ("ɚ", {"vowel": 1, "rhotic": 1, "height": 0}),
    ],
)
def test_phones_have_the_features_of_the_ipa_chart(phone, expected):
    assert {name: features(phone)[name] for name in expected} == pytest.approx(expected)


def test_a_diphthong_glides_and_a_pause_has_no_features():
    assert features("aɪ")["gliding"] > 0.8
    assert features("aɪ")["height"] == pytest.approx((-0.5 + 0.35) / 2)
    assert np.isnan(articulatory_space(["sil", ""])).all()


def test_no_two_phones_of_a_language_have_the_same_features():
    consonants = [*"pbtdkɡmnŋfvθðszʃh", "ts", "tsʰ", "tɕ", *"ɕʂxlɹjw"]
    phones = [*consonants, *"iɪeɛæɑouyøə", "aɪ", "aʊ", "ɔɪ"]
    assert len(np.unique(articulatory_space(phones), axis=0)) == len(phones)


def test_a_label_that_is_not_ipa_is_refused():
    with pytest.raises(LabelError, match="expected a phone in IPA, found '%'"):
        articulatory_space(["a", "%"])


def test_words_in_the_same_contexts_have_similar_vectors():
    vectors = cooccurrence_vectors(SENTENCES, n_dims=4)
    similarity = {
        pair: vectors[pair[0]] @ vectors[pair[1]] / np.prod([np.linalg.norm(vectors[word]) for word in pair])
        for pair in (("cat", "dog"), ("door", "book"), ("cat", "door"))
    }
    assert similarity["cat", "dog"] > 0.99
    assert similarity["door", "book"] > 0.99
    assert similarity["cat", "door"] < 0.5


def test_ppmi_equals_its_definition():
    vectors = cooccurrence_vectors(["a b", "a b c", "c a d"], window=1, n_dims=4)
    counts = {"ab": 2, "bc": 1, "ac": 1, "ad": 1}
    gram = {a + b: vectors[a] @ vectors[b] for a in "abcd" for b in "abcd"}
    total, degree = 2 * sum(counts.values()), {w: sum(n for p, n in counts.items() if w in p) for w in "abcd"}
    ppmi = np.array(
        [
            [
                max(0, np.log((counts.get("".join(sorted(a + b)), 0) or 1e-9) * total / degree[a] / degree[b]))
                for b in "abcd"
            ]
            for a in "abcd"
        ]
    )
    # U Σ Uᵀ is the positive square root of PPMI · PPMIᵀ.
    root = np.array([[gram[a + b] for b in "abcd"] for a in "abcd"])
    assert np.allclose(root @ root, ppmi @ ppmi.T)


def test_repeated_sentences_count_once_and_give_the_same_vectors():
    once, often = (cooccurrence_vectors(sentences) for sentences in (SENTENCES, SENTENCES * 3))
    assert all(np.array_equal(once[word], often[word]) for word in once)


def test_words_without_vector_have_nan_and_case_does_not_matter():
    space = lexical_space(["Cat", "zebra"], {"cat": np.ones(3)})
    assert np.array_equal(space[0], np.ones(3))
    assert np.isnan(space[1]).all()


def test_vectors_are_read_from_a_file_of_fasttext(tmp_path):
    path = tmp_path / "small.vec"
    path.write_text("3 2\nthe 0.5 -1\nCat 1e-1 2\nbroken x y\n", encoding="utf-8")
    found = read_vectors(path, {"cat", "dog"})
    assert list(found) == ["cat"]
    assert np.array_equal(found["cat"], [0.1, 2])


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("cat 1 2\n", r"expected the number of words and of dimensions in line 1 of .*, found 'cat 1 2'"),
        ("2 3\na 1 2 3\ncat 1 2\n", r"expected 3 finite numbers in line 3 of .*, found '1 2'; fetch the file again"),
        ("1 2\ncat 1 nan\n", r"expected 2 finite numbers in line 2"),
        ("1 2\ncat 1 two\n", r"expected 2 finite numbers in line 2"),
    ],
)
def test_a_damaged_file_of_vectors_is_refused_with_the_line(tmp_path, text, expected):
    path = tmp_path / "bad.vec"
    path.write_text(text)
    with pytest.raises(AnalysisError, match=expected):
        read_vectors(path, {"cat"})


def test_a_missing_file_of_vectors_is_named(tmp_path):
    with pytest.raises(AnalysisError, match=r"expected word vectors in .*none.vec, found no such file"):
        read_vectors(tmp_path / "none.vec", {"cat"})


def test_no_word_with_a_vector_is_refused():
    with pytest.raises(
        AnalysisError, match=r"found none of 1 words \(such as 'le'\) among 1 vectors; check the language"
    ):
        lexical_space(["le"], {"the": np.ones(2)})


def test_sentences_of_one_word_are_refused():
    with pytest.raises(AnalysisError, match="expected sentences of at least two words, found none among 1"):
        cooccurrence_vectors(["hello"])


def test_a_tier_without_items_lists_those_that_exist():
    with pytest.raises(AnalysisError, match="expected labelled items of tier 'word', found only the tiers phone"):
        sample_items(plant().index, "word", 10, 0)


def test_an_item_that_the_other_model_lacks_is_named():
    index = plant().index
    expected = r"found no phone 3 of utterance 's00-u0' in 'mel' \(1 of 480 are missing\)"
    with pytest.raises(AnalysisError, match=expected):
        match_items(index, np.arange(480), index.drop(3), "mel")


@pytest.mark.parametrize(
    ("reference", "expected"),
    [
        ({"space": "colour"}, "reference 'r': expected a space of activations, identity, .* found 'colour'"),
        ({"space": "identity", "column": "tone"}, "reference 'r': expected column 'tone' in the index, found only"),
        ({"space": "activations", "model": "mel"}, "expected activations of model 'mel', found none; add it"),
    ],
)
def test_a_reference_that_cannot_be_made_says_why(reference, expected):
    with pytest.raises(AnalysisError, match=expected):
        reference_space(plant().index, np.arange(5), "r", reference, {}, [])
