"""The tone figure, drawn from planted tables of plausible shape as Snakemake draws it."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from figure_cases import STUDY, caption_of, run_script, texts

from auscult.analyses.tone.analysis import CONTOUR, ITEM_COLUMNS, TONE_COLUMNS
from auscult.analyses.tone.settings import ToneSettings
from auscult.analyses.tone.summary import summarise_tone
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


def items_of(model, step, target, pooling, accuracy, n_voices, sandhi=6):
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
        items.append(items_of(model, step, target, pooling, level, n_voices, sandhi))
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
    return pd.DataFrame(rows).reindex(columns=list(TONE_COLUMNS)), summarise_tone(
        pd.concat(items), settings=ToneSettings(n_resamples=100)
    )


def draw(folder, made, models=TRAINED, study=SYNTHETIC):
    for name, table in zip(("tone", "summary"), made):
        write_table(table, folder / f"{name}.csv")
    inputs = {"table": str(folder / "tone.csv"), "summary": str(folder / "summary.csv")}
    figure = {"title": "Tone", "models": models, "analysis": SETTINGS}
    return run_script("tone", folder, figure, inputs, study, MODELS)


@pytest.fixture(scope="module")
def drawn(tmp_path_factory):
    return texts(draw(tmp_path_factory.mktemp("tone"), tables()))


def test_tone_has_a_panel_for_each_contrast_and_pooling(drawn):
    for title in ("Consonant, mean of the syllable", "Tone, mean of the syllable", "Tone, three frames"):
        assert drawn.count(title) == 1
    assert drawn.count("training steps") == 6
    assert drawn.count("Mandarin") == 1


def test_tone_states_counts_controls_and_what_was_resampled(drawn):
    words = " ".join(drawn)
    assert words.count("n = 480") == 3
    assert words.count("(7 dropped)") == 1
    assert words.count("of 16 voices, 30 strings, none met") == 3
    assert words.count("95 % interval over speakers") == 3
    for name in ("F0, 21 frames", "MFCC, 21 frames", "chance: most frequent class", "single seeds"):
        assert name in drawn
    assert "Step 0 is the untrained model" in words
    assert "the range over seeds (1–2 of each condition" in words
    assert "Study “default”, synthesised speech (mandarin)." in words


def test_tone_compares_with_untrained_baselines_and_between_conditions(drawn):
    for name in ("English − untrained", "English − F0", "Mandarin − MFCC", "Mandarin − English"):
        assert drawn.count(name) == 1


def test_tone_says_what_sandhi_did(drawn):
    assert "of 6 such" in " ".join(drawn)


def test_tone_without_sandhi_says_nothing_of_it(tmp_path):
    assert "Third tones" not in " ".join(texts(draw(tmp_path, tables(sandhi=0))))


def test_tone_with_too_few_voices_says_so(tmp_path):
    words = " ".join(texts(draw(tmp_path, tables(n_voices=4, steps=("0", "100")))))
    assert words.count("no interval: 4 speakers") == 3


def test_tone_of_one_condition_without_baselines_is_drawn(tmp_path):
    words = texts(draw(tmp_path, tables(["hubert-english"], ("0", "final"), baselines={}), ["hubert-english"]))
    assert "English − untrained" in words
    assert "F0, 21 frames" not in words


def test_tone_of_a_model_without_results_ends_in_one_line(tmp_path, capsys):
    with pytest.raises(SystemExit):
        draw(tmp_path, tables(steps=("0", "25")), ["absent"])
    assert "auscult: expected model 'absent' in" in capsys.readouterr().err


def test_tone_drawn_twice_has_the_same_bytes(tmp_path):
    made, stems = tables(steps=("0", "25")), []
    for folder in (tmp_path / "a", tmp_path / "b"):
        folder.mkdir()
        stems.append(draw(folder, made))
    for ending in ("pdf", "svg", "png", "csv", "json"):
        assert digest(Path(f"{stems[0]}.{ending}")) == digest(Path(f"{stems[1]}.{ending}")), ending


@pytest.mark.parametrize(("steps", "layers"), [(STEPS, LAYERS), (("0", "5000"), tuple(f"T{i}" for i in range(1, 13)))])
def test_tone_lays_no_text_over_text(tmp_path, misplaced, steps, layers):
    draw(tmp_path, tables(steps=steps, layers=layers))
    assert misplaced == []


def test_the_caption_takes_its_numbers_from_the_study():
    figure = {"name": "tone", "title": "T", "models": TRAINED, "analysis": SETTINGS}
    caption = caption_of("tone", {"figure": figure, "study": SYNTHETIC, "models": MODELS})
    assert "1,234 resamplings" in caption
    assert "HuBERT (Mandarin)" in caption
    assert "contour reads rime_20, rime_80" in caption
    assert "problematic" not in caption


def test_no_number_of_tone_hides_another_in_the_metrics():
    _, summary = tables(steps=("0", "25"))
    numbers = headline_numbers([summary])
    assert set(numbers["accuracy"]["mandarin"]["tone"]) == {"mean", "contour", CONTOUR}
    gaps = numbers["accuracy_difference"]["mandarin"]["tone"]["contour"]
    assert set(gaps) == {"hubert-english", "mfcc", "f0", "hubert-mandarin"}
    assert set(gaps["hubert-english"]) == {"hubert-english", "hubert-mandarin"}
