"""The tone figure, drawn from planted tables of plausible shape."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from figure_cases import STUDY, caption_of, context_of, draw_styled, drawn, note_of, run_script

from auscult.analyses.tone import figure, headline
from auscult.analyses.tone.columns import CONTOUR, ITEM_COLUMNS, TONE_COLUMNS
from auscult.analyses.tone.settings import ToneSettings
from auscult.analyses.tone.summary import summarise_tone
from auscult.errors import AnalysisError
from auscult.figures.legibility import SLIDE_MM, faults
from auscult.figures.slide import slide_style
from auscult.figures.talk import headline_numbers
from auscult.manifests import digest
from auscult.tables import write_table

MODELS = {
    "hubert-english": {"label": "HuBERT (English)", "source": "trained"},
    "hubert-english-2": {"label": "HuBERT (English)", "source": "trained"},
    "hubert-mandarin": {"label": "HuBERT (Mandarin)", "source": "trained"},
    "mfcc": {"label": "MFCC", "source": "acoustic"},
    "f0": {"label": "F0", "source": "acoustic"},
}
TRAINED, BASELINES = [*MODELS][:3], {"mfcc": 0.45, "f0": 0.6}
STEPS = ("0", "25", "50", "100", "200", "400", "700", "1200")
LAYERS = ("cnn", "embed", "T1", "T2", "T3", "T4")
PANELS = [("consonant", "mean"), ("tone", "mean"), ("tone", "contour")]
SETTINGS = {
    "poolings": {"mean": ["syllable"], "contour": ["rime_20", "rime_80"]},
    "n_folds": 5,
    "n_resamples": 1234,
    "baselines": ["f0", "mfcc"],
}
SYNTHETIC = STUDY | {"sources": {"mandarin": "synthetic"}}


def item_table(model, step, target, pooling, accuracy, n_voices, sandhi=6):
    random, n = np.random.default_rng([len(model), len(step), len(pooling)]), 30 * n_voices
    label = np.array(["1", "2", "3", "4"] if target == "tone" else ["sh", "z", "q", "x"])[np.arange(n) % 4]
    wrong = np.roll(label, 1)
    citation = np.where((label == "2") & (np.arange(n) < 4 * sandhi), "3", label)
    columns = {
        "corpus": "mandarin",
        "model": model,
        "step": step,
        "target": target,
        "pooling": pooling,
        "utterance": [f"u{i}" for i in range(n)],
        "index": 0,
        "speaker": [f"v{i % n_voices}" for i in range(n)],
        "string": [f"s{i // 4 % 30}" for i in range(n)],
        "label": label,
        "citation": citation if target == "tone" else "",
        "chance": label[0],
        "predicted": np.where(random.random(n) < accuracy, label, wrong),
    }
    return pd.DataFrame(columns)[list(ITEM_COLUMNS)]


def tables(models=TRAINED, steps=STEPS, layers=LAYERS, n_voices=16, baselines=BASELINES, sandhi=6):
    rows, items = [], []
    runs = [(m, s, *panel) for m in models for s in steps for panel in PANELS]
    runs += [(name, "final", target, CONTOUR) for name in baselines for target in ("consonant", "tone")]
    for model, step, target, pooling in runs:
        level = baselines.get(model) or 0.3 + 0.5 * (float(step.replace("final", "1200")) / 1200) ** 0.3
        items.append(item_table(model, step, target, pooling, level, n_voices, sandhi))
        for place, layer in enumerate((*layers, "selected") if pooling != CONTOUR else ("input", "selected")):
            shared = {
                "corpus": "mandarin",
                "model": model,
                "step": step,
                "layer": layer,
                "target": target,
                "metric": "accuracy",
                "value": level - 0.02 * abs(3 - place),
                "n": len(items[-1]),
                "pooling": pooling,
                "n_classes": 4,
                "n_dropped": 7 if target == "consonant" else 0,
            }
            rows.append(shared)
    summary = summarise_tone(pd.concat(items), settings=ToneSettings(n_resamples=100))
    return {"table": pd.DataFrame(rows).reindex(columns=list(TONE_COLUMNS)), "summary": summary}


def context(shown=TRAINED):
    return context_of("tone", models=MODELS, shown=shown, analysis=SETTINGS, study=SYNTHETIC)


def write(folder, made, models=TRAINED):
    for name, table in made.items():
        write_table(table, folder / f"{name}.csv")
    inputs = {name: str(folder / f"{name}.csv") for name in made}
    return run_script("tone", folder, {"title": "T", "models": models, "analysis": SETTINGS}, inputs, SYNTHETIC, MODELS)


@pytest.fixture(scope="module")
def whole():
    return draw_styled(figure, context(), **tables())


def test_tone_has_a_panel_for_each_contrast_and_pooling(whole):
    words = drawn(whole)
    # On one page the curves of each contrast and pooling, on the other its maps.
    assert (words.count("Consonant"), words.count("Tone")) == (2, 4)
    assert (words.count("mean over syllable"), words.count("rime at 20, 80 %")) == (4, 2)
    assert words.count("training step") == 6
    assert words.count("Mandarin") == 1


def test_tone_states_counts_controls_and_what_was_resampled(whole):
    words = drawn(whole)
    joined = " ".join(words)
    assert joined.count("n = 480") == 3
    assert joined.count("(7 dropped)") == 1
    assert joined.count("16 speakers, 30 strings, all unseen") == 3
    assert joined.count("95 % interval over speakers and seeds") == 3
    for name in ("F0, 21 frames", "MFCC, 21 frames", "chance: most frequent class", "single seed"):
        assert name in words
    assert "Step 0 is the untrained model" in joined
    assert "range over seeds (1–2 per condition)" in joined
    assert "Study “default”, synthesised speech (mandarin)." in joined


def test_tone_compares_with_untrained_baselines_and_between_conditions(whole):
    for name in ("English − untrained", "English − F0", "Mandarin − MFCC", "Mandarin − English"):
        assert drawn(whole).count(name) == 1


def test_tone_notes_are_short_and_state_sandhi(whole):
    assert "For 6 syllables with tone sandhi" in note_of(whole)
    assert all(len(note_of(page).split()) <= 60 for page in whole)
    assert "sandhi" not in note_of(draw_styled(figure, context(), **tables(steps=("0", "100"), sandhi=0)))


def test_tone_with_too_few_voices_has_no_intervals():
    made = tables(n_voices=4, steps=("0", "100"))
    words = " ".join(drawn(draw_styled(figure, context(), **made)))
    assert words.count("no interval: 4 speakers") == 3
    assert " without interval, against F0 (." in figure.describe_finding(**made, context=context())


def test_tone_of_one_condition_without_baselines_is_drawn():
    made = tables(["hubert-english"], ("0", "final"), baselines={})
    words = drawn(draw_styled(figure, context(["hubert-english"]), **made))
    assert "English − untrained" in words
    assert "F0, 21 frames" not in words


def test_tables_alone_are_drawn():
    made = tables(steps=("0", "100"))
    words = drawn(figure.draw(**made))
    assert {"Tone", "contour", "hubert-mandarin", "f0, 21 frames"} <= set(words)
    assert len(figure.drawn_rows(**made)) == len(made["summary"])


@pytest.mark.parametrize(
    ("baselines", "end"),
    [({"f0": 0.97}, "below F0"), ({"f0": 0.8}, "not separated from F0"), ({"f0": 0.5}, "above F0")],
)
def test_the_finding_compares_with_the_strongest_control(baselines, end):
    made = tables(steps=("0", "1200"), baselines=baselines)
    sentence = figure.describe_finding(**made, context=context())
    assert sentence.startswith("Tone accuracy of HuBERT (")
    assert f", {end} (difference " in sentence
    assert "Mandarin − English: " in sentence
    assert "no statement with 1 seed." in sentence
    assert " doublings of steps)." in sentence
    assert len(sentence.split()) <= 50


def test_the_finding_names_the_untrained_model_or_chance_where_no_baseline_is_stronger():
    untrained = tables(steps=("0", "1200"), baselines={})
    assert ", above untrained (difference .5" in figure.describe_finding(**untrained, context=context())
    alone = tables(steps=("final",), baselines={})
    assert ", above chance (.25)." in figure.describe_finding(**alone, context=context())


@pytest.fixture(scope="module")
def shown():
    with slide_style():
        return headline.draw(**tables(), context=context())


def test_the_slide_has_one_panel_per_contrast_with_curves_labelled_directly(shown):
    assert [axes.get_title(loc="left") for axes in shown.axes] == ["Consonant", "Tone"]
    words = drawn(shown)
    for name in ("English", "Mandarin", "F0", "MFCC", "chance"):
        assert words.count(name) == 2
    assert not shown.legends


def test_the_slide_is_legible_and_its_title_is_the_finding(shown):
    assert faults(shown, SLIDE_MM) == []
    title = headline.describe_headline(**tables(), context=context())
    assert " ".join(shown.texts[0].get_text().split()) == title
    assert len(title) <= 130


@pytest.mark.parametrize(
    ("baselines", "end"),
    [({"f0": 0.97}, ", below F0 (.9"), ({"f0": 0.8}, ", not separated from F0 (.8"), ({"f0": 0.5}, ", above F0 (.")],
)
def test_the_headline_compares_with_f0_and_between_languages(baselines, end):
    title = headline.describe_headline(**tables(steps=("0", "1200"), baselines=baselines), context=context())
    assert title.startswith("Tone: ")
    assert end in title
    assert "Mandarin − English" in title


def test_a_model_without_results_is_refused():
    with pytest.raises(AnalysisError, match="expected model 'absent' in the table of tone"):
        figure.draw(**tables(steps=("0", "25")), context=context(["absent"]))


def test_tone_drawn_twice_has_the_same_bytes(tmp_path):
    made, stems = tables(steps=("0", "25")), []
    for folder in (tmp_path / "a", tmp_path / "b"):
        folder.mkdir()
        stems.append(write(folder, made))
    for ending in ("pdf", "svg", "png", "csv", "json", "rst"):
        assert digest(Path(f"{stems[0]}.{ending}")) == digest(Path(f"{stems[1]}.{ending}")), ending


@pytest.mark.parametrize(("steps", "layers"), [(STEPS, LAYERS), (("0", "5000"), tuple(f"T{i}" for i in range(1, 13)))])
def test_tone_lays_no_text_over_text(tmp_path, misplaced, steps, layers):
    write(tmp_path, tables(steps=steps, layers=layers))
    assert misplaced == []


def test_the_caption_takes_its_numbers_from_the_study():
    entry = {"name": "tone", "title": "T", "models": TRAINED, "analysis": SETTINGS}
    caption = caption_of("tone", {"figure": entry, "study": SYNTHETIC, "models": MODELS})
    assert "(1234 resamplings)" in caption
    assert "HuBERT (Mandarin)" in caption
    assert "(F0, MFCC)" in caption
    assert "Seen." in caption
    assert "problematic" not in caption


def test_no_number_of_tone_hides_another_in_the_metrics():
    numbers = headline_numbers([tables(steps=("0", "25"))["summary"]])
    assert set(numbers["accuracy"]["mandarin"]["tone"]) == {"mean", "contour", CONTOUR}
    gaps = numbers["accuracy_difference"]["mandarin"]["tone"]["contour"]
    assert set(gaps) == {"hubert-english", "mfcc", "f0", "hubert-mandarin"}
    assert set(gaps["hubert-english"]) == {"hubert-english", "hubert-mandarin"}
