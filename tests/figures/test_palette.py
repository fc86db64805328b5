"""Styles of models are stable, and colours are distinguishable for readers with colour vision deficiency."""

from itertools import combinations

import numpy as np
import pandas as pd
from matplotlib.colors import to_rgb

from auscult.figures.palette import BASELINES, CLASS_COLOURS, class_colours, entries, model_style, plain

STUDY = {
    "hubert": {"source": "trained", "label": "HuBERT"},
    "mel": {"source": "acoustic", "features": "mel"},
    "wav2vec2": {"source": "hub"},
    "hubert-seed2": {"source": "trained"},
}


def table(*runs):
    return pd.DataFrame(runs, columns=["model", "step"])


def test_models_differ_in_colour_and_marker_but_seeds_of_one_model_only_in_marker():
    styles = model_style(STUDY)
    assert styles["hubert"].colour == styles["hubert-seed2"].colour != styles["wav2vec2"].colour
    assert len({styles[name].marker for name in ("hubert", "wav2vec2", "hubert-seed2")}) == 3


def test_a_model_keeps_its_style_when_later_models_are_added():
    assert model_style(STUDY | {"later": {"source": "hub"}})["wav2vec2"] == model_style(STUDY)["wav2vec2"]


def test_an_untrained_model_is_lighter_and_dashed_with_open_markers():
    trained = model_style(STUDY)["hubert"]
    assert sum(to_rgb(trained.untrained.colour)) > sum(to_rgb(trained.colour))
    assert trained.untrained.line["linestyle"] != "-"
    assert trained.untrained.marks["markerfacecolor"] == "white"
    assert trained.untrained.label == "HuBERT, untrained"


def test_baselines_are_grey_with_distinct_dashes():
    named = {name: {"source": "acoustic"} for name in BASELINES} | {"mel-40": {"source": "acoustic", "features": "mel"}}
    styles = model_style(named)
    assert all(style.baseline and len(set(to_rgb(style.colour))) == 1 for style in styles.values())
    assert len({str(styles[name].dashes) for name in BASELINES}) == len(BASELINES)
    assert styles["mel-40"].dashes == styles["mel"].dashes


def deuteranope(colour):
    """Simulate deuteranopia (Viénot, Brettel & Mollon, 1999) in linear RGB."""
    linear = np.array(to_rgb(colour)) ** 2.2
    red_green = 0.29275 * linear[0] + 0.70725 * linear[1]
    blue = -0.02234 * linear[0] + 0.02234 * linear[1] + linear[2]
    return np.clip([red_green, red_green, blue], 0, 1) ** (1 / 2.2)


def test_colours_are_distinguishable_with_deuteranopia():
    models = [style.colour for style in model_style({f"m{i}": {"source": "hub"} for i in range(6)}).values()]
    for colours in (models, list(CLASS_COLOURS.values())):
        # In units of the side of the colour cube. The present palettes are slightly better; this prevents worse ones.
        assert min(np.linalg.norm(deuteranope(a) - deuteranope(b)) for a, b in combinations(colours, 2)) > 0.12


def test_entries_list_untrained_after_trained_models_and_baselines_last():
    rows = table(("mel", "final"), ("hubert", "0"), ("hubert", "300"), ("hubert", "1500"))
    found = entries(rows, ["mel", "hubert"], model_style(STUDY))
    assert [(entry.model, entry.step, entry.name) for entry in found] == [
        ("hubert", "1500", "HuBERT"),
        ("hubert", "0", "untrained"),
        ("mel", "final", "mel"),
    ]


def test_a_model_with_only_an_untrained_step_keeps_its_label():
    assert [entry.name for entry in entries(table(("hubert", "0")), ["hubert"], model_style(STUDY))] == [
        "HuBERT, untrained"
    ]


def test_phone_classes_have_fixed_colours_and_other_classes_distinct_ones():
    colours = class_colours(["stop", "click", "vowel"])
    assert colours["vowel"] == CLASS_COLOURS["vowel"]
    assert list(colours) == ["vowel", "stop", "click"]
    assert len(set(class_colours([f"speaker{i}" for i in range(8)]).values())) == 8


def test_dollar_signs_are_not_interpreted_as_formulas():
    assert plain("$a$") == r"\$a\$"
