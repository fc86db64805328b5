"""What jobs ask of a cluster: right within a factor of two for the default study, and more for more."""

import dataclasses

import pytest

from auscult.cli.cost import reference
from auscult.cli.places import open_study
from auscult.cli.resources import ResourceRequests
from auscult.cli.work import Sizes
from auscult.study.configuration import runs_of
from auscult.study.extractions import extracted_sweeps

FAMILIES = {
    "probing_run": "probing",
    "encoding_sweep": "encoding",
    "tone_run": "tone",
    "disentangling_run": "disentangling",
    "disentangling_latents": "disentangling",
    "scrubbing_run": "scrubbing",
    "spelling_run": "spelling",
    "syntax_run": "syntax",
}
TRAINED = {
    "train_model": lambda model: model["source"] == "trained" and model["recipe"] != "masked_language_model",
    "train_language_model": lambda model: model.get("recipe") == "masked_language_model",
    "finetune_model": lambda model: model["source"] == "finetuned",
    "train_translators": lambda model: model["source"] == "translator",
}


@pytest.fixture(scope="module")
def sizes(tmp_path_factory):
    return Sizes(open_study("default", tmp_path_factory.mktemp("default")))


def jobs_of(kind, sizes):
    """Return corpus and model of the jobs of a kind."""
    config = sizes.place.config
    if kind in TRAINED:
        return [{"model": name} for name, model in config["models"].items() if TRAINED[kind](model)]
    if kind == "extract_activations":
        return [{"corpus": corpus, "model": name} for corpus, name, _ in extracted_sweeps(config)]
    return [{"corpus": corpus, "model": model} for corpus, model, _ in runs_of(config, FAMILIES[kind])]


@pytest.mark.parametrize("kind", [*FAMILIES, *TRAINED, "extract_activations"])
def test_memory_is_enough_for_the_largest_job_of_the_default_study_and_at_most_twice_as_much(sizes, kind):
    ask = ResourceRequests(sizes).memory
    asked = max(ask(kind, **names)({}) for names in jobs_of(kind, sizes))
    used = reference()[0][kind].memory_mb
    assert used <= asked <= 2 * used


def test_a_job_that_is_submitted_again_asks_for_twice_as_much(sizes):
    requests = ResourceRequests(sizes)
    for ask in (requests.memory("tone_run"), requests.minutes("tone_run")):
        wildcards = {"corpus": "mandarin", "model": "hubert-english"}
        assert ask(wildcards, attempt=2) == 2 * ask(wildcards)


def test_more_speech_and_larger_models_ask_for_more(sizes, monkeypatch):
    few, many = (ResourceRequests(changed(sizes, "mandarin", n)) for n in (240, 240_000))
    names = {"corpus": "mandarin", "model": "hubert-english"}
    for kind in ("probing_run", "abx_run", "extract_activations"):
        assert many.memory(kind, **names)({}) > few.memory(kind, **names)({})
        # Probes are fitted on a number of items that does not grow with the corpus.
        longer = many.minutes(kind, **names)({}) / few.minutes(kind, **names)({})
        assert longer == 1 if kind == "probing_run" else longer > 2
    # Shards bound the vectors of an extraction, however long the corpus is.
    assert many.memory("extract_activations", **names)({}) < few.memory("extract_activations", **names)({}) + 1500
    monkeypatch.setattr(Sizes, "model", lambda self, name: (24, 1024))
    assert few.memory("extract_activations", **names)({}) > 5000


def test_a_part_of_an_extraction_asks_for_its_share_of_the_time(sizes):
    requests = ResourceRequests(changed(sizes, "mandarin", 240_000))
    corpus, model, runs = next(
        sweep for sweep in extracted_sweeps(sizes.place.config) if sweep[:2][0] == "mandarin" and sweep[1]
    )
    whole = requests.minutes("extract_activations", n_outputs=len(runs), corpus=corpus, model=model)({})
    part = requests.minutes("extract_activations", corpus=corpus, model=model)({"scatteritem": "1-of-4"})
    assert part - 10 == pytest.approx((whole - 10) / 4, abs=2)


def test_a_corpus_of_unknown_length_is_taken_as_ten_hours(sizes):
    unknown = ResourceRequests(sizes.with_hours("mandarin", float("nan")))
    assert unknown.minutes("abx_run", corpus="mandarin", model="hubert-english")({}) > 10


def changed(sizes, corpus, n_sentences):
    """Return the sizes with so many test sentences in a corpus."""
    config = {**sizes.place.config, "corpora": dict(sizes.place.config["corpora"])}
    config["corpora"][corpus] = {**config["corpora"][corpus], "sentences": {"test": n_sentences}}
    return Sizes(dataclasses.replace(sizes.place, config=config))
