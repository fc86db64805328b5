"""Figures are reproducible byte for byte, state counts and intervals, and have no overlapping texts."""

import itertools
import subprocess
import sys

import numpy as np
import pandas as pd
import pytest
from matplotlib.lines import Line2D

from auscult.errors import AnalysisError
from auscult.figures.plotting import (
    STYLE,
    describe_interval,
    describe_range,
    describe_study,
    figure_style,
    head,
    label_lines,
    layer_order,
    new_figure,
    paginate,
    provenance,
    save_figure,
    select,
    spread,
)
from auscult.manifests import digest

ROWS = pd.DataFrame({"ci_low": [0.1], "ci_high": [0.3], "n_groups": [8], "resampling_unit": ["speaker"]})
DRAW = """
import sys
from auscult.figures.plotting import figure_style, new_figure, save_figure
with figure_style():
    figure = new_figure(40, [], "a note")
    axes = figure.subplots()
    axes.scatter([1, 2], [3, 4], rasterized=True)
    axes.plot([1, 2], [3, 4], clip_on=True, label="œ")
    save_figure(figure, sys.argv[1])
"""


def draw(stem, **more):
    with figure_style():
        handle = Line2D([], [], label="a model")
        figure = new_figure(40, [[handle]], "a note")
        figure.subplots().plot([0, 1], [0, 1])
        save_figure(figure, stem, **more)
    return figure


def test_a_figure_drawn_in_another_process_has_the_same_bytes(tmp_path):
    for run in "ab":
        subprocess.run([sys.executable, "-c", DRAW, str(tmp_path / run)], check=True)
    for ending in ("pdf", "svg", "png"):
        assert digest(tmp_path / f"a.{ending}") == digest(tmp_path / f"b.{ending}"), ending


def test_files_contain_no_date(tmp_path):
    draw(tmp_path / "f")
    assert b"CreationDate" not in (tmp_path / "f.pdf").read_bytes()
    assert "dc:date" not in (tmp_path / "f.svg").read_text()


def test_text_in_the_svg_remains_text(tmp_path):
    draw(tmp_path / "f")
    assert "a model</text>" in (tmp_path / "f.svg").read_text()


def test_table_and_provenance_are_written_with_the_figure(tmp_path):
    draw(tmp_path / "f", table=ROWS, source={"study": "s"})
    assert sorted(path.name for path in tmp_path.iterdir()) == ["f.csv", "f.json", "f.pdf", "f.png", "f.svg"]
    assert (tmp_path / "f.csv").read_text().startswith("ci_low,ci_high")


def test_a_figure_that_cannot_be_written_leaves_no_files(tmp_path, monkeypatch):
    monkeypatch.setattr("matplotlib.figure.Figure.savefig", lambda *_, **__: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        draw(tmp_path / "f")
    assert list(tmp_path.iterdir()) == []


def test_the_style_sheet_overrides_user_settings(tmp_path):
    import matplotlib

    with matplotlib.rc_context({"lines.linewidth": 9, "axes.grid": True}), figure_style(STYLE):
        assert matplotlib.rcParams["lines.linewidth"] == 1.4
        assert not matplotlib.rcParams["axes.grid"]


def test_a_figure_has_a_fixed_width_and_its_height_grows_with_the_note():
    short, long = (new_figure(50, [], note).get_size_inches() * 25.4 for note in ("short", "long " * 60))
    assert short[0] == pytest.approx(180)
    assert long[1] > short[1] > 50


def test_blocks_fill_pages_in_their_order():
    assert paginate([80, 80, 80, 250, 10], 195) == [slice(0, 2), slice(2, 3), slice(3, 4), slice(4, 5)]
    assert paginate([]) == []


def test_spread_moves_labels_as_little_as_possible():
    np.testing.assert_allclose(spread([0.5, 0.1, 0.52], 0.1), [0.46, 0.1, 0.56])
    np.testing.assert_allclose(spread([0.0, 0.0, 1.0], 0.1, 0, 1), [0.0, 0.1, 1.0])
    assert spread([], 0.1).shape == (0,)


def test_spread_agrees_with_an_exhaustive_search():
    grid, values, gap = np.linspace(0, 1, 51), np.array([0.3, 0.34, 0.9]), 0.1
    placements = np.stack(np.meshgrid(grid, grid, grid, indexing="ij"), axis=-1).reshape(-1, 3)
    allowed = placements[(np.diff(placements) >= gap - 1e-9).all(axis=1)]
    best = allowed[((allowed - values) ** 2).sum(axis=1).argmin()]
    np.testing.assert_allclose(spread(values, gap, 0, 1), best, atol=0.011)


def test_labels_of_lines_do_not_overlap():
    with figure_style():
        figure = new_figure(50, [], "")
        axes = figure.subplots()
        label_lines(axes, [(f"line {i}", 0.5, "#000000") for i in range(5)], gap=0.1)
        figure.draw_without_rendering()
        boxes = sorted((text.get_window_extent() for text in axes.texts), key=lambda box: box.y0)
    assert all(lower.y1 <= upper.y0 for lower, upper in itertools.pairwise(boxes))


def test_lines_below_a_panel_title_stand_between_title_and_data():
    with figure_style():
        figure = new_figure(50, [], "")
        axes = figure.subplots()
        head(axes, "title", ["n = 1", "no interval"])
        figure.draw_without_rendering()
        title, small = axes._left_title.get_window_extent(), axes.texts[0].get_window_extent()
    assert title.y0 >= small.y1 > small.y0 >= axes.get_window_extent().y1


def test_layers_are_sorted_from_input_to_output():
    assert layer_order(["T10", "T2", "embed", "cnn", "T1", "T2"]) == ["cnn", "embed", "T1", "T2", "T10"]


def test_select_returns_rows_in_the_requested_order():
    rows = pd.DataFrame({"model": ["a", "b", "a", "c"], "x": [1, 2, 3, 4]})
    assert select(rows, "model", ["b", "a"], "t.csv")["x"].tolist() == [2, 1, 3]
    assert select(rows, "model", None, "t.csv") is rows


def test_select_reports_missing_values():
    rows = pd.DataFrame({"model": ["a", "b"]})
    with pytest.raises(AnalysisError, match=r"expected model 'c' in t.csv, found 'a', 'b'; add it to the analysis"):
        select(rows, "model", ["c"], "t.csv")


def test_intervals_are_described_by_resampling_unit_or_as_missing():
    assert describe_interval(ROWS) == "95 % interval over speakers"
    missing = ROWS.assign(ci_low=np.nan, ci_high=np.nan, n_groups=3)
    assert describe_interval(missing) == "no interval: 3 speakers"
    assert describe_interval(missing.assign(n_groups=float("nan"))) == "no interval"
    assert describe_interval(missing.assign(n_groups=1, resampling_unit="seed")) == "no interval: 1 seed"


def test_counts_are_described_by_one_number_or_a_range():
    assert describe_range([12480, 12480]) == "12,480"
    assert describe_range([10, 1200]) == "10–1,200"


def test_a_study_is_described_by_its_kinds_of_speech_and_models_left_out():
    study = {"name": "timit", "sources": {"timit": "fetched", "english": "synthetic"}, "left_out": {"big": "no hub"}}
    assert describe_study(study, ["timit"]) == "Study “timit”, recorded speech (timit). Left out: big (no hub)."
    assert "synthesised speech (english)" in describe_study(study)


def test_provenance_records_all_inputs_and_depends_on_the_configuration(tmp_path):
    path = tmp_path / "checkpoints" / "hubert" / "300" / "manifest.json"
    path.parent.mkdir(parents=True)
    path.write_text("{}")
    one = provenance("s", {"a": 1}, path, [path], [path])
    assert one["models"] == {"hubert/300": digest(path)}
    assert one["corpora"] == {"300": digest(path)}
    assert one["tables"] == {"manifest.json": digest(path)}
    assert "matplotlib" in one["versions"]
    assert one["config"] != provenance("s", {"a": 2})["config"]
