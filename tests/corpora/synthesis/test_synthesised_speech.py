import numpy as np
import pytest

from auscult.corpora.corpus import read_corpus
from auscult.corpora.mandarin import UNSPOKEN
from auscult.corpora.synthesis.speech import plan_items, synthesise_corpus
from auscult.errors import ConfigError

SMALL = {
    "corpus": "toy",
    "languages": ["english", "mandarin"],
    "sentences": {"train": 8, "test": 8},
    "voices": {"train": 4, "test": 4},
    "seed": 7,
    "syllables": 16,
}


@pytest.fixture(scope="module")
def corpus(tmp_path_factory):
    folder = tmp_path_factory.mktemp("synthesis") / "toy"
    synthesise_corpus(folder, **SMALL)
    return read_corpus(folder)


def test_equal_arguments_give_equal_bytes_whatever_the_number_of_workers(corpus, tmp_path):
    manifest = synthesise_corpus(tmp_path / "again", **SMALL, n_workers=2)
    assert manifest == corpus.manifest


def test_another_seed_gives_other_bytes(corpus, tmp_path):
    manifest = synthesise_corpus(tmp_path / "other", **{**SMALL, "seed": 8})
    assert not set(manifest.files.values()) & set(corpus.manifest.files.values())


def test_the_recipe_names_arguments_and_versions(corpus):
    assert set(SMALL) < set(corpus.manifest.recipe)
    assert corpus.manifest.recipe["espeak_ng"].startswith("1.")
    assert corpus.manifest.recipe["synthesis_revision"] >= 1


def test_every_voice_speaks_every_language_and_no_voice_is_in_two_splits(corpus):
    sentences = corpus.utterances[corpus.utterances["item"] == "sentence"]
    counts = sentences.groupby(["split", "speaker", "language"]).size()
    assert len(counts) == (4 + 4) * 2
    assert (counts == 1).all()
    assert sentences.groupby("speaker")["split"].nunique().max() == 1
    assert sentences.groupby(["split", "gender"]).size().nunique() == 1


def test_no_sentence_occurs_twice(corpus):
    sentences = corpus.utterances[corpus.utterances["item"] == "sentence"]
    assert sentences["text"].is_unique


def test_test_sentences_stay_when_more_are_asked_for_in_training():
    voices = {"train": 2, "test": 2}
    few, many = (list(plan_items(["english"], {"train": n, "test": 4}, voices, 1)) for n in (4, 9))
    assert [item for item in few if item.split == "test"] == [item for item in many if item.split == "test"]


def test_syllables_are_probe_items_with_tones_and_voices_balanced(corpus):
    probes = corpus.utterances[corpus.utterances["item"] == "syllable"]
    assert len(probes) == 16
    assert set(probes["split"]) == {"test"}
    assert probes["text"].is_unique
    assert (probes.groupby([probes["speaker"], probes["text"].str[-1]]).size() == 1).all()
    assert not probes["text"].str[:-1].isin(UNSPOKEN).any()


def test_segments_nest_in_their_parents(corpus):
    by_tier = {tier: rows.set_index(["utterance", "index"]) for tier, rows in corpus.segments.groupby("tier")}
    for tier, above in (("phone", "syllable"), ("syllable", "word")):
        rows = by_tier[tier].reset_index()
        parents = by_tier[above].loc[list(zip(rows["utterance"], rows["parent"]))]
        assert (rows["onset"].to_numpy() >= parents["onset"].to_numpy()).all()
        assert (rows["offset"].to_numpy() <= parents["offset"].to_numpy()).all()
    assert (by_tier["word"]["parent"] == -1).all()


def test_words_are_those_of_the_text_and_their_heads_are_words(corpus):
    words = corpus.segments[corpus.segments["tier"] == "word"]
    for _, row in corpus.utterances.iterrows():
        own = words[words["utterance"] == row["utterance"]]
        assert " ".join(own["label"]) == row["text"]
        assert own["index"].tolist() == list(range(len(own)))
        assert own["head"].between(-1, len(own) - 1).all()
        assert (own["relation"] == "root").sum() == (own["head"] == -1).sum() == 1


def test_mandarin_syllables_have_tone_and_onset_and_others_none(corpus):
    syllables = corpus.segments[corpus.segments["tier"] == "syllable"]
    mandarin = syllables["utterance"].str.startswith("mandarin")
    assert syllables[mandarin]["tone"].isin(list("12345")).all()
    assert (syllables[mandarin]["onset_consonant"] != "").all()
    assert (syllables[~mandarin][["tone", "onset_consonant"]] == "").all(axis=None)


def test_recordings_are_loud_where_labelled_and_quieter_outside(corpus):
    for _, row in corpus.utterances.iterrows():
        waveform = corpus.waveform(row["utterance"])
        words = corpus.segments[
            (corpus.segments["utterance"] == row["utterance"]) & (corpus.segments["tier"] == "word")
        ]
        inside = waveform[words["onset"].min() : words["offset"].max()]
        outside = waveform[: words["onset"].min()]
        assert np.mean(inside**2) > 10 * np.mean(outside**2)


def test_spoken_tones_have_the_contours_of_their_labels(tmp_path):
    from parselmouth import Sound

    arguments = {**SMALL, "languages": ["mandarin"], "sentences": {"test": 40}, "voices": {"test": 8}}
    synthesise_corpus(tmp_path / "tones", **arguments, variation=False)
    corpus = read_corpus(tmp_path / "tones")
    syllables = corpus.segments[corpus.segments["tier"] == "syllable"]
    rises = {("2", "2"): [], ("3", "2"): [], ("4", "4"): []}
    for utterance, rows in syllables.groupby("utterance"):
        pitch = Sound(corpus.waveform(utterance).astype(float), 16_000).to_pitch(0.005, 60, 600)
        for _, row in rows[rows["tone"].isin(["2", "4"])].iterrows():
            times_s = np.linspace(row["onset"], row["offset"], 21) / 16_000
            contour = np.array([pitch.get_value_at_time(time_s) for time_s in times_s])
            contour = contour[np.isfinite(contour)]
            if len(contour) > 5:
                rises[row["lexical_tone"], row["tone"]].append(contour[-3:].mean() > contour[:3].mean())
    assert len(rises["3", "2"]) >= 3
    assert np.mean(rises["2", "2"]) > 0.85
    assert np.mean(rises["3", "2"]) > 0.85
    assert np.mean(rises["4", "4"]) < 0.15


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"voices": {"train": 4}}, "expected sentences and voices for the same splits among train, valid, test, found"),
        ({"sentences": {"dev": 8}, "voices": {"dev": 4}}, "found sentences for dev and voices for dev; give both"),
        ({"sentences": {}, "voices": {}}, "found sentences for none and voices for none"),
        ({"languages": []}, r"expected different languages, found \[\]; correct the corpus entry"),
        ({"languages": ["english", "english"]}, r"expected different languages, found \['english', 'english'\]"),
        (
            {"sentences": {"train": 8, "test": 7}},
            r"at least 8 test sentences \(4 voices in 2 languages\), found 7; ask",
        ),
        ({"languages": ["english"]}, "expected mandarin among the languages of a corpus with syllables, found english"),
        ({"languages": ["mandarin", "elvish"]}, "found 'elvish'; correct it, or add lexicons/elvish.tsv"),
        ({"voices": {"train": 3, "test": 4}}, r"expected an even number of train voices \(half are women\), found 3"),
    ],
)
def test_what_cannot_be_met_is_refused_before_anything_is_written(changes, message, tmp_path):
    with pytest.raises(ConfigError, match=message):
        synthesise_corpus(tmp_path / "toy", **{**SMALL, **changes})
    assert not list(tmp_path.iterdir())


def test_no_sentence_of_one_corpus_is_of_another_split_in_another():
    training = plan_items(["english"], {"train": 300}, {"train": 2}, seed=1)
    testing = plan_items(["english", "dutch"], {"test": 300}, {"test": 2}, seed=1)
    said = [{" ".join(word.text for word in item.words) for item in items} for items in (training, testing)]
    assert not said[0] & said[1]
