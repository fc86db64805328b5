"""Marks that figures share."""

import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from auscult.figures.marks import interval_lines, matrix, side_by_side


def test_values_beside_each_other_are_centred_and_a_single_one_is_not_moved():
    assert side_by_side(1).tolist() == [0]
    np.testing.assert_allclose(side_by_side(3, width=0.4), [-0.2, 0, 0.2])


def test_a_matrix_writes_its_values_or_the_text_given_and_leaves_missing_cells_empty():
    values = pd.DataFrame({"T1": [0.5, np.nan], "T2": [0.25, 1.0]}, index=["none", "T1"])
    axes = Figure().subplots()
    matrix(axes, values, limits=(0, 1))
    assert [text.get_text() for text in axes.texts] == [".50", ".25", "1.00"]
    axes = Figure().subplots()
    matrix(axes, values, limits=(0, 1), text=values.notna().astype(str))
    assert [text.get_text() for text in axes.texts] == ["True", "True", "True"]


def test_intervals_of_a_curve_are_one_line_per_point():
    axes = Figure().subplots()
    interval_lines(axes, [0, 1], pd.DataFrame({"ci_low": [0.1, 0.2], "ci_high": [0.3, 0.6]}), "#000000")
    assert [segment[:, 1].tolist() for segment in axes.collections[0].get_segments()] == [[0.1, 0.3], [0.2, 0.6]]
