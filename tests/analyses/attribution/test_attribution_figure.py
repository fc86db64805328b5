"""The attribution figure, drawn from planted tables."""

import json
import re
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from figure_cases import STUDY, caption_of, context_of, draw_styled, drawn as texts_of, note_of, run_script

from auscult.analyses.attribution import figure, headline
from auscult.analyses.attribution.analysis import ATTRIBUTION_COLUMNS, METHODS
from auscult.analyses.attribution.summary import SUMMARY_COLUMNS
from auscult.errors import AnalysisError
from auscult.figures.legibility import SLIDE_MM, faults
from auscult.figures.slide import slide_style
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


def tables(models=tuple(MODELS), methods=METHODS, steps=("0", "300"), n_groups=48):
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
                "complete": True,
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


SYNTHETIC = STUDY | {"sources": {"english": "synthetic", "french": "synthetic"}}


def named(made):
    return dict(zip(("scores", "table", "examples"), made))


def write(folder, made):
    paths = [folder / "scores.parquet", folder / "attribution.csv", folder / "examples.parquet"]
    for table, path in zip(made, paths):
        write_table(table, path)
    return run_script(
        "attribution", folder, {"title": "Attribution"}, named(map(str, paths)), study=SYNTHETIC, models=MODELS
    )


def draw(made, shown=()):
    return draw_styled(figure, context_of("attribution", MODELS, shown, study=SYNTHETIC), **named(made))


@pytest.fixture(scope="module")
def drawn():
    return texts_of(draw(tables()))


def test_it_says_what_was_said_predicted_and_explained(drawn):
    words = " ".join(drawn)
    assert "predicted: garden" in words
    assert "explained: “garden”, p = 0.97" in words
    assert "explained: “garçons” against “garçon”" in words
    assert "predicted: ces petits garçons mangent une pome" in words


def test_it_names_every_method_input_and_control(drawn):
    for name in (
        "saliency",
        "LIME",
        "waveform",
        "spectrogram",
        "front end’s frames",
        "deciding word",
        "untrained",
        "chance: one word of the utterance",
        "the word’s share of the duration",
    ):
        assert name in drawn
    words = " ".join(drawn)
    assert "synthesised speech (english, french)" in words
    assert "Completeness gap of integrated gradients: from silence 4 %" in words


def test_models_that_differ_in_their_seed_are_drawn_once(drawn):
    assert "keyword classifier" in drawn
    assert "keyword classifier, 2" not in drawn


def test_it_states_counts_and_the_resampling_unit_and_where_no_word_decides(drawn):
    assert drawn.count("mean over utterances, n = 48") == 2
    assert drawn.count("95 % interval over utterances") == 2
    assert {"gender classifier:", "no word is known"} <= set(drawn)


def test_too_few_utterances_give_no_interval_and_say_so():
    made = tables(models=["keyword-seed1"], methods=METHODS[:2], n_groups=4)
    assert "no interval: 4 utterances" in texts_of(draw(made))


def test_a_model_without_results_is_one_clear_line():
    with pytest.raises(
        AnalysisError, match="expected model 'absent' in the table of attribution, found 'gender-seed1'"
    ):
        draw(tables(models=["gender-seed1"]), shown=["absent"])


def test_it_is_drawn_from_its_tables_alone_and_its_note_is_short():
    alone = figure.draw(**named(tables(models=["keyword-seed1"])))
    assert "keyword-seed1" in texts_of(alone)
    assert all(len(note_of(page).split()) <= 60 for page in alone)


def found(made):
    text = figure.describe_finding(**named(made), context=context_of("attribution", MODELS))
    assert len(text.split()) <= 22
    return text


def test_the_finding_is_the_largest_share_with_its_controls():
    assert re.fullmatch(
        r"The deciding word’s largest share \(keyword; [\w ×]+\) is \.\d\d \[\.\d\d, \.\d\d\], "
        r"above untrained \(\.\d\d\) and duration \(\.21\)\.",
        found(tables()),
    )


def test_the_finding_without_an_effect_is_not_separated_from_its_controls():
    scores, summary, examples = tables(models=["keyword-seed1"])
    summary = summary.assign(value=0.2, ci_low=0.14, ci_high=0.26)
    assert "is .20 [.14, .26], not separated from untrained (.20) and duration (.21)." in found(
        (scores, summary, examples)
    )


def test_the_finding_of_few_utterances_has_no_interval_and_without_deciding_words_no_text():
    text = found(tables(models=["keyword-seed1"], n_groups=4))
    assert text == "4 utterances are too few for a statement on the deciding word’s share (keyword)."
    assert found(tables(models=["gender-seed1"])) == ""


def test_drawn_twice_it_has_the_same_bytes_and_names_its_sources(tmp_path):
    stems = []
    for folder in (tmp_path / "a", tmp_path / "b"):
        folder.mkdir()
        stems.append(write(folder, tables(models=["homophones"], methods=METHODS[:2])))
    for ending in ("pdf", "svg", "png", "csv", "json"):
        assert digest(Path(f"{stems[0]}.{ending}")) == digest(Path(f"{stems[1]}.{ending}")), ending
    assert set(json.loads(Path(f"{stems[0]}.json").read_text())["tables"]) == {
        "attribution.csv",
        "scores.parquet",
        "examples.parquet",
    }


def test_frames_stand_in_where_a_corpus_has_no_words():
    scores, summary, examples = tables(models=["gender-seed1"], methods=METHODS[:2])
    scores = scores[scores["unit"] == "word"].assign(unit="frame", label="")
    drawn = texts_of(draw((scores, summary[summary["metric"] != "cue_share"], examples)))
    assert "garden" not in drawn
    assert METHODS[0] in drawn


def slide_of(made, shown=()):
    context = context_of("attribution", MODELS, shown, study=SYNTHETIC)
    with slide_style():
        drawing = headline.draw(**named(made), context=context)
    title = headline.describe_headline(**named(made), context=context)
    assert faults(drawing, SLIDE_MM) == []
    assert " ".join(drawing.texts[0].get_text().split()) == title
    assert len(title) <= 145
    return drawing, title


def test_the_slide_shows_one_utterance_by_method_beside_the_shares():
    drawing, title = slide_of(tables())
    words = texts_of(drawing)
    assert {"garden", "saliency", "LIME", "untrained", "chance: one word", "share of the deciding word"} <= set(words)
    assert re.match(r"The word that decides gets \.\d\d \([\w ×]+\) to \.\d\d \([\w ×]+\) of the scores; above", title)


@pytest.mark.parametrize(("value", "verdict"), [(0.9, "above"), (0.2, "not separated from"), (0.05, "below")])
def test_the_headline_counts_methods_by_their_verdict(value, verdict):
    scores, summary, examples = tables(models=["homophones"], methods=METHODS[:2])
    trained = summary["step"] != "0"
    summary.loc[~trained, ["value", "ci_low", "ci_high"]] = [0.2, 0.18, 0.22]
    summary.loc[trained, ["value", "ci_low", "ci_high"]] = [value, value - 0.02, value + 0.02]
    _, title = slide_of((scores, summary, examples))
    again = "or" if verdict.startswith("not") else verdict
    assert title.endswith(f"{verdict} untrained for 2 of 2 methods, {again} duration for 2 of 2")


def test_the_task_of_the_slide_has_enough_utterances_or_gets_no_verdict():
    few = tables(models=["keyword-seed1"], methods=METHODS[:2], n_groups=12)
    assert slide_of(few)[1].endswith("12 utterances are too few for a verdict")
    enough = tables(models=["homophones"], methods=METHODS[:2])
    both = [pd.concat(parts, ignore_index=True) for parts in zip(few, enough)]
    assert "garçons" in texts_of(slide_of(both)[0])


@pytest.mark.parametrize("model", list(MODELS))
def test_the_slide_of_one_model_without_untrained_or_deciding_word_is_legible(model):
    drawing, title = slide_of(tables(models=[model], methods=METHODS[:3], steps=("300",)))
    assert "untrained" not in title
    assert ("none is known to decide" in title) == (model == "gender-seed1")
    assert "untrained" not in texts_of(drawing)


def test_the_explained_word_is_named_where_it_is_not_scored():
    scores, summary, examples = tables(models=["homophones"], methods=METHODS[:2])
    scores = scores[scores["label"] != "garçons"]
    words = texts_of(slide_of((scores, summary, examples))[0])
    assert {"garçons", "scored", "explained: “garçons” against “garçon”, p = 0.97"} <= set(words)


@pytest.mark.parametrize("models", [["homophones"], list(MODELS)])
def test_no_text_lies_over_text(tmp_path, misplaced, models):
    write(tmp_path, tables(models=models))
    assert misplaced == []


def test_the_caption_takes_its_numbers_from_the_study():
    analysis = {"n_utterances": 24, "n_resamples": 1234}
    entry = {"name": "attribution", "title": "T", "models": list(MODELS), "analysis": analysis}
    caption = caption_of("attribution", {"figure": entry, "study": STUDY, "models": MODELS})
    assert "(1234 resamplings)" in caption
    assert "up to 24 utterances" in caption
    assert "Seen." in caption
    assert "problematic" not in caption
