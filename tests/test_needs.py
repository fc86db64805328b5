"""What a study needs of a corpus is told at once, in the words of the analyses that would refuse it."""

import numpy as np
import pandas as pd
import pytest
import yaml
from places import ROOT

from auscult.activations.planned import plan_items, spoken
from auscult.analyses.probing.analysis import probe_activations
from auscult.analyses.probing.settings import ProbingSettings
from auscult.errors import AnalysisError, AuscultError, CorpusError
from auscult.needs import check_needs, find_needs
from auscult.settings import settings_from
from auscult.study.families import FAMILIES, get_family
from auscult.study.needs import checked_corpora, needed_modules, needs_of

PHONES = "aeiouptkms"


def corpus(n_speakers=8, n_utterances=3, gender=("female", "male"), name="mine"):
    """Return tables with phones, words and syllables, each word a syllable of two phones."""
    utterances, segments = [], []
    for place in range(n_speakers * n_utterances):
        speaker, number = f"s{place % n_speakers}", f"u{place}"
        about = {"corpus": name, "path": f"{number}.wav", "sample_rate_hz": 16000, "n_samples": 16000}
        about |= {"speaker": speaker, "gender": gender[place % n_speakers % len(gender)], "language": "dutch"}
        utterances.append({"utterance": number, **about, "text": f"text {place}", "split": "test", "age": place % 7})
        for index in range(10):
            where = {"utterance": number, "index": index, "onset": 1000 * index, "offset": 1000 * index + 900}
            label = PHONES[(index + place) % 10]
            kind = "vowel" if label in "aeiou" else "plosive"
            segments.append({**where, "tier": "phone", "label": label, "phone_class": kind, "parent": index // 2})
        for index in range(5):
            where = {"utterance": number, "index": index, "onset": 2000 * index, "offset": 2000 * index + 1900}
            segments.append({**where, "tier": "word", "label": f"w{index}", "phone_class": "", "parent": -1})
    return spoken(name, None, pd.DataFrame(utterances), pd.DataFrame(segments))


def needs(analyses, tiers=("phone", "word", "utterance"), **more):
    """Return the needs of a study with the defaults of each family, on corpus ``mine``."""
    sections = {}
    for name, given in analyses.items():
        properties = get_family(name).schema()["properties"]
        defaults = {key: entry["default"] for key, entry in properties.items() if "default" in entry}
        sections[name] = defaults | {"corpora": {"mine": list(given.get("targets", {}))}} | given
    about = {"text": False, "tiers": list(tiers), "splits": ["test"], "seed": 1, "others": {}}
    return about | {"analyses": sections} | more


def target(tier, column, **more):
    return {"tier": tier, "column": column, "held_out": "speaker", **more}


PROBING = {"n_folds": 4, "min_class_size": 4}


def test_a_corpus_that_has_everything_passes_and_tells_what_is_left_out():
    targets = {"phone": target("phone", "label"), "pitch": target("phone", "log_f0", kind="values")}
    table = check_needs(corpus(), needs({"probing": {"targets": targets, **PROBING}}))
    assert set(table["level"]) == {"note"}
    assert "240 items of 10 classes and 8 speakers" in table["found"].iloc[0]


def test_all_faults_of_all_analyses_are_one_error(caplog):
    targets = {
        "phone": target("phone", "label"),
        "accent": target("utterance", "accent"),
        "gender": target("utterance", "gender"),
        "age": target("utterance", "age"),
    }
    asked = {
        "probing": {"targets": targets, "n_folds": 9, "min_class_size": 10},
        "abx": {"targets": {"vowel": {"tier": "phone", "column": "stress"}}},
        "reduction": {"factors": ["dialect"], "methods": ["umap"], "layers": ["T1"]},
        "tone": {"corpora": ["mine"]},
        "scrubbing": {"corpora": ["mine"], "fit_corpora": {}},
        "mixing": {"corpora": ["mine"]},
    }
    with pytest.raises(AuscultError) as caught:
        check_needs(corpus(gender=("male",)), needs(asked, tiers=("phone", "syllable", "utterance")))
    message = str(caught.value)
    assert message.startswith("found faults in 12 of 12 needs of the study in corpus 'mine': (1) abx: target 'vowel, ")
    assert message.count("(10)") == 1
    assert "and 2 more, all listed in the log" in message
    for expected in (
        "activations: tiers: expected segments of tier 'syllable'",
        "probing: target 'accent': expected column 'accent' in the index",
        "probing: target 'gender': expected two classes or more",
        "probing: target 'phone': expected at least 9 speakers for 9 folds, found 8",
        "abx: target 'vowel, in context, within speaker': expected column 'stress'",
        "reduction: tier phone: reduction: expected factors of",
        "tone: contrast tone: expected segments of tier 'syllable', found tiers phone, utterance",
        "tone: poolings: expected tiers rime_20, rime_50, rime_80, syllable for the poolings, found no",
        "scrubbing: roles of speakers: expected utterances of split",
        "mixing: cues: expected words with columns",
    ):
        assert expected in message + caplog.text
    assert "\n" not in message


def test_the_same_are_findings_with_advice_of_their_own():
    found = find_needs(corpus(), needs({"probing": {"targets": {"accent": target("utterance", "accent")}, **PROBING}}))
    (row,) = found
    assert (row.level, row.kind, row.place) == ("error", "probing", "target accent")
    assert row.found.startswith("target 'accent': expected column 'accent'")


@pytest.mark.parametrize(
    ("given", "changed"),
    [
        ({"phone": target("phone", "label")}, {"n_folds": 20}),
        ({"phone": target("phone", "label")}, {"min_class_size": 200}),
        ({"gender": target("utterance", "gender", held_out="utterance")}, {"n_folds": 99}),
        ({"word": target("word", "label", held_out="type", type="label")}, {"n_folds": 9}),
        ({"class": target("phone", "phone_class", nonlinear=["mlp"], sample=10_000)}, {"n_folds": 30}),
        ({"language": target("utterance", "language")}, {}),
        ({"age": target("utterance", "age", kind="values")}, {"n_folds": 20}),
        ({"label": target("phone", "label", kind="values")}, {}),
        ({"tone": target("syllable", "tone")}, {}),
    ],
)
def test_a_fault_is_refused_in_the_words_of_the_analysis(given, changed):
    section = {"targets": given, **PROBING, **changed}
    asked = needs({"probing": section})
    items, _ = plan_items(corpus(), tiers=asked["tiers"], splits=["test"], seed=1)
    with pytest.raises(AnalysisError, match="target") as caught:
        probe_activations(
            items.activations,
            targets=[{"name": name, **entry} for name, entry in given.items()],
            corpus="mine",
            model="",
            step="",
            settings=settings_from(ProbingSettings, asked["analyses"]["probing"]),
            seed=1,
        )
    with pytest.raises(AnalysisError, match="target") as told:
        check_needs(corpus(), asked)
    assert str(told.value) == f"probing: {caught.value}"


def test_too_few_speakers_for_an_interval_are_a_warning():
    table = check_needs(corpus(4), needs({"probing": {"targets": {"phone": target("phone", "label")}, **PROBING}}))
    (row,) = table[table["level"] == "warning"].itertuples()
    assert row.found == "4 tested speakers or other groups"
    assert row.done == "scores have no interval, which needs 6"


def test_probes_trained_on_another_corpus_need_it_and_say_if_it_is_not_here():
    targets = {"phone": target("phone", "label", train={"corpus": ["other"]})}
    asked = needs({"probing": {"targets": targets, **PROBING}}, others={"other": ["phone"]})
    table = check_needs(corpus(2), asked, {"other": corpus(8, name="other")})
    assert " items of " in table["found"].iloc[0]
    assert "not tried, since corpus other is not here" in check_needs(corpus(2), asked)["found"].iloc[0]


def test_splits_that_hold_nothing_are_the_only_fault():
    asked = needs({"probing": {"targets": {"phone": target("phone", "label")}}}) | {"splits": ["valid"]}
    with pytest.raises(CorpusError, match=r"expected utterances in splits valid, found only test"):
        check_needs(corpus(), asked)


def test_vectors_that_stand_in_are_noise_of_the_seed():
    (one, _), (two, _) = (plan_items(corpus(2), tiers=["phone"], splits=["test"], seed=seed) for seed in (1, 2))
    assert one.activations.load("noise").shape == (60, 2)
    assert not np.array_equal(one.activations.load("noise"), two.activations.load("noise"))


def test_every_family_says_what_it_needs():
    without = {"reliability"}  # reads the results of attribution
    written = {path.parent.name for path in (ROOT / "src/auscult/analyses").glob("*/needs.py")}
    assert written == set(FAMILIES) - without


def test_only_imported_corpora_that_are_analysed_are_checked():
    config = yaml.safe_load((ROOT / "config.yaml").read_text(encoding="utf-8"))
    assert checked_corpora(config) == []
    entry = {"source": "folder", "reader": "textgrid", "path": "x", "options": {}}
    probing = {"corpora": {"mine": []}, "targets": {}, "models": []}
    study = {"corpora": {"mine": entry, "idle": entry}, "analyses": {"probing": probing}, "seed": 1}
    study["activations"] = {"tiers": ["phone"], "splits": ["test"], "corpora": {"mine": {"tiers": ["word"]}}}
    assert checked_corpora(study) == ["mine"]
    found = needs_of(study, "mine", ROOT)
    assert found["tiers"] == ["word"]
    assert needed_modules(study) == ["analyses.probing.needs"]
