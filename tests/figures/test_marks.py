"""Marks that figures share: drawn where the numbers are, and defined once."""

import re

import numpy as np
import pandas as pd
import pytest
from matplotlib.figure import Figure
from places import ROOT

from auscult.figures import marks
from auscult.figures.palette import ModelStyle

STYLE = ModelStyle("HuBERT", "#0072B2")
ROW = {"value": 0.6, "ci_low": 0.5, "ci_high": 0.7}


@pytest.fixture
def axes():
    return Figure().add_subplot()


def test_an_interval_is_drawn_from_end_to_end_with_its_value(axes):
    marks.interval_row(axes, 2, ROW, STYLE)
    bar, point = axes.lines
    assert (list(bar.get_xdata()), list(bar.get_ydata())) == ([0.5, 0.7], [2, 2])
    assert (list(point.get_xdata()), list(point.get_ydata())) == ([0.6], [2])


def test_upright_intervals_are_the_same_turned(axes):
    marks.interval_bar(axes, 2, ROW, STYLE)
    bar, point = axes.lines
    assert (list(bar.get_xdata()), list(bar.get_ydata())) == ([2, 2], [0.5, 0.7])
    assert (list(point.get_xdata()), list(point.get_ydata())) == ([2], [0.6])


def test_a_baseline_without_an_interval_has_no_band(axes):
    marks.baseline_line(axes, {"value": 0.6, "ci_low": np.nan, "ci_high": np.nan}, STYLE)
    assert len(axes.patches) == 0
    marks.baseline_line(axes, ROW, STYLE)
    assert len(axes.patches) == 1
    assert len(axes.lines) == 2


def test_untrained_models_are_open_dashed_and_lighter():
    untrained = STYLE.untrained
    assert untrained.marks["markerfacecolor"] == "white"
    assert untrained.dashes != STYLE.dashes
    assert sum(bytes.fromhex(untrained.colour[1:])) > sum(bytes.fromhex(STYLE.colour[1:]))


def test_a_matrix_writes_numbers_where_there_is_room_and_leaves_gaps_empty(axes):
    values = pd.DataFrame([[0.25, np.nan], [1.0, 0.5]], index=["T1", "T2"], columns=["a", "b"])
    marks.matrix(axes, values, limits=(0, 1))
    assert [text.get_text() for text in axes.texts] == [".25", "1.00", ".50"]
    assert [label.get_text() for label in axes.get_yticklabels()] == ["T1", "T2"]
    wide = Figure().add_subplot()
    marks.matrix(wide, pd.DataFrame(np.eye(24)), limits=(0, 1))
    assert not wide.texts
    assert len(wide.get_xticklabels()) == 12


def test_values_beside_each_other_are_centred_and_a_single_one_is_not_moved():
    assert marks.side_by_side(1).tolist() == [0]
    np.testing.assert_allclose(marks.side_by_side(3, width=0.4), [-0.2, 0, 0.2])


def test_a_matrix_writes_the_text_given_instead_of_its_values(axes):
    values = pd.DataFrame({"T1": [0.5, np.nan], "T2": [0.25, 1.0]}, index=["none", "T1"])
    marks.matrix(axes, values, limits=(0, 1), text=values.notna().astype(str))
    assert [text.get_text() for text in axes.texts] == ["True", "True", "True"]


def test_intervals_of_a_curve_are_one_line_per_point():
    axes = Figure().subplots()
    marks.interval_lines(axes, [0, 1], pd.DataFrame({"ci_low": [0.1, 0.2], "ci_high": [0.3, 0.6]}), "#000000")
    assert [segment[:, 1].tolist() for segment in axes.collections[0].get_segments()] == [[0.1, 0.3], [0.2, 0.6]]


def test_counts_name_n_groups_and_what_they_are():
    rows = pd.DataFrame({"n": [100, 120], "n_groups": [16, 16], "resampling_unit": ["speaker"] * 2})
    assert marks.count_line(rows) == "n = 100–120, 16 speakers"
    one = pd.DataFrame({"n": [100], "n_groups": [1], "resampling_unit": ["seeds"]})
    assert marks.count_line(one) == "n = 100, 1 seed"


@pytest.mark.parametrize(
    "path", sorted((ROOT / "src/auscult/analyses").rglob("figure*.py")), ids=lambda p: p.parent.name
)
def test_no_figure_defines_a_look_of_chance_or_intervals_of_its_own(path):
    source = path.read_text()
    assert not re.findall(r"^CHANCE\b", source, re.M)
    assert not re.findall(r"linestyle=\":\"|\"linestyle\": \":\"", source)
    assert not re.findall(r"\bimshow\(", source)


def test_counts_name_the_first_of_several_resampled_units():
    rows = pd.DataFrame({"n": [900, 900], "n_groups": [12, 12], "resampling_unit": "speaker and type"})
    assert marks.count_line(rows) == "n = 900, 12 speakers"
