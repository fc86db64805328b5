"""The attribution figure, drawn from planted tables as Snakemake draws it."""

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from figure_cases import STUDY, caption_of, run_script, texts

from auscult.analyses.attribution.analysis import ATTRIBUTION_COLUMNS, METHODS
from auscult.analyses.attribution.summary import SUMMARY_COLUMNS
from auscult.manifests import digest
from auscult.tables import write_table

MODELS = {
    "keyword-seed1": {"label": "keyword classifier", "source": "finetuned"},
    "keyword-seed2": {"label": "keyword classifier, 2", "source": "finetuned"},
    "gender-seed1": {"label": "gender classifier", "source": "finetuned"},
    "homophones": {"label": "French recogniser", "source": "finetuned"},
}
SAID = {
    "keyword-seed1": ("english", "the doctor saw a small dog in the garden", 8, "garden", "garden", "garden"),
    "keyword-seed2": ("english", "the doctor saw a small dog in the garden", 8, "garden", "garden", "garden"),
    "gender-seed1": ("english", "a teacher reads the letter", -1, "female", "female", "female"),
    "homophones": (
        "french",
        "ces petits garçons mangent une pomme",
        0,
        "garçons",
        "ces petits [garçons|garçon] mangent une pomme",
        "ces petits garçons mangent une pome",
    ),
}
INPUTS = ("waveform", "spectrogram", "cnn")


def words_of(text, random):
    lengths = np.array([1200 + 700 * len(word) + random.integers(800) for word in text.split()])
    offset = 2400 + np.cumsum(lengths)
    return pd.DataFrame(
        {"index": range(len(lengths)), "label": text.split(), "onset": offset - lengths, "offset": offset}
    )


def speech_of(words, random):
    sound = random.normal(0, 0.003, words["offset"].iloc[-1] + 3000)
    for place, word in enumerate(words.itertuples()):
        t = np.arange(word.offset - word.onset) / 16000
        tones = sum(np.sin(2 * np.pi * f * t) / (1 + f / 900) for f in (180 + 20 * place) * np.arange(1, 14))
        sound[word.onset : word.offset] += 0.2 * np.hanning(len(t)) ** 0.5 * tones / 6
    return sound.astype(np.float32)


def tables(models=tuple(MODELS), methods=METHODS, steps=("0", "300"), n_groups=24):
    scores, examples, summary = [], [], []
    for model in models:
        corpus, text, cue, target, form, prediction = SAID[model]
        random = np.random.default_rng(len(text))
        words = words_of(text, random)
        for step in steps:
            run = {"corpus": corpus, "model": model, "step": step}
            shared = {
                **run,
                "utterance": "u1",
                "unit": "word",
                "target": target,
                "form": form,
                "prediction": prediction,
                "probability": 0.97 if step != "0" else 0.2,
            }
            sound = {"utterance": "u1", "sample_rate_hz": 16000, "waveform": speech_of(words, random)}
            examples.append({**run, **sound})
            for method in methods:
                for name in INPUTS:
                    value = random.normal(0, 0.3, len(words)) + 1.2 * (words["index"] == cue) * (step != "0")
                    value = np.abs(value) if method == "saliency" else value
                    scores.append(
                        words.assign(**shared, method=method, input=name, score=value, cue=words["index"] == cue)
                    )
                    about = {
                        **run,
                        "layer": "output",
                        "target": "labelled",
                        "method": method,
                        "input": name,
                        "n": n_groups,
                        "n_groups": n_groups,
                        "resampling_unit": "utterance",
                    }
                    if cue >= 0:
                        share = random.uniform(0.3, 0.7) if step != "0" else random.uniform(0.1, 0.2)
                        width = 0.06 if n_groups >= 6 else np.nan
                        summary.append(
                            {
                                **about,
                                "metric": "cue_share",
                                "unit": "word",
                                "value": share,
                                "chance": 0.13,
                                "chance_duration": 0.21,
                                "ci_low": share - width,
                                "ci_high": share + width,
                            }
                        )
                    if method.startswith("integrated"):
                        summary.append({**about, "metric": "completeness_gap", "unit": "", "value": 0.04})
    return (
        pd.concat(scores, ignore_index=True)[list(ATTRIBUTION_COLUMNS)],
        pd.DataFrame(summary).reindex(columns=list(SUMMARY_COLUMNS)),
        pd.DataFrame(examples),
    )


def draw(folder, made, figure=None):
    paths = [folder / "scores.parquet", folder / "attribution.csv", folder / "examples.parquet"]
    for table, path in zip(made, paths):
        write_table(table, path)
    inputs = dict(zip(("scores", "table", "examples"), map(str, paths)))
    study = STUDY | {"sources": {"english": "synthetic", "french": "synthetic"}}
    return run_script("attribution", folder, figure or {"title": "Attribution"}, inputs, study=study, models=MODELS)


@pytest.fixture(scope="module")
def drawn(tmp_path_factory):
    return texts(draw(tmp_path_factory.mktemp("attribution"), tables()))


def test_it_says_what_was_said_predicted_and_explained(drawn):
    words = " ".join(drawn)
    assert "answer: garden" in words
    assert "explained: “garden”, p = 0.97" in words
    assert "explained: “garçons” rather than" in words
    assert "answer: ces petits garçons mangent une pome" in words


def test_it_names_every_method_input_and_control(drawn):
    for name in (
        "saliency",
        "LIME",
        "waveform",
        "spectrogram",
        "front end’s frames",
        "the word that decides",
        "untrained",
        "chance: one word of the utterance",
        "the word’s share of the time",
    ):
        assert name in drawn
    assert any("synthesised speech (english, french)" in text for text in drawn)
    assert "from silence 4 %" in " ".join(drawn)


def test_models_that_differ_in_their_seed_are_drawn_once(drawn):
    assert "keyword classifier" in drawn
    assert "keyword classifier, 2" not in drawn


def test_it_states_counts_and_the_resampling_unit_and_where_no_word_decides(drawn):
    assert drawn.count("n = 24 utterances") == 2
    assert drawn.count("95 % interval over utterances") == 2
    assert "no word is known" in drawn


def test_too_few_utterances_give_no_interval_and_say_so(tmp_path):
    assert "no interval: 4 utterances" in texts(
        draw(tmp_path, tables(models=["keyword-seed1"], methods=METHODS[:2], n_groups=4))
    )


def test_a_model_without_results_ends_in_one_line(tmp_path, capsys):
    with pytest.raises(SystemExit):
        draw(tmp_path, tables(models=["gender-seed1"]), {"title": "", "models": ["absent"]})
    assert "auscult: expected model 'absent' in" in capsys.readouterr().err


def test_drawn_twice_it_has_the_same_bytes_and_names_its_sources(tmp_path):
    stems = []
    for folder in (tmp_path / "a", tmp_path / "b"):
        folder.mkdir()
        stems.append(draw(folder, tables(models=["homophones"], methods=METHODS[:2])))
    for ending in ("pdf", "svg", "png", "csv", "json"):
        assert digest(Path(f"{stems[0]}.{ending}")) == digest(Path(f"{stems[1]}.{ending}")), ending
    assert set(json.loads(Path(f"{stems[0]}.json").read_text())["tables"]) == {
        "attribution.csv",
        "scores.parquet",
        "examples.parquet",
    }


def test_frames_stand_in_where_a_corpus_has_no_words(tmp_path):
    scores, summary, examples = tables(models=["gender-seed1"], methods=METHODS[:2])
    scores = scores[scores["unit"] == "word"].assign(unit="frame", label="")
    drawn = texts(draw(tmp_path, (scores, summary[summary["metric"] != "cue_share"], examples)))
    assert "garden" not in drawn
    assert METHODS[0] in drawn


@pytest.mark.parametrize("models", [["homophones"], list(MODELS)])
def test_no_text_lies_over_text(tmp_path, misplaced, models):
    draw(tmp_path, tables(models=models))
    assert misplaced == []


def test_the_caption_takes_its_numbers_from_the_study():
    analysis = {"n_utterances": 24, "n_resamples": 1234, "n_samples": 256}
    figure = {"name": "attribution", "title": "T", "models": list(MODELS), "analysis": analysis}
    caption = caption_of("attribution", {"figure": figure, "study": STUDY, "models": MODELS})
    assert "1,234 resamplings" in caption
    assert "256 coalitions" in caption
    assert "problematic" not in caption
