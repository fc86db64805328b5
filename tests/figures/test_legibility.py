"""Faults of legibility are found: overlapping, cut off and small texts, and figures over their size."""

import pytest
from matplotlib.figure import Figure

from auscult.figures.legibility import SLIDE_MM, faults
from auscult.figures.slide import new_slide, slide_style, wrapped


def figure(width_mm=100, height_mm=80):
    return Figure(figsize=(width_mm / 25.4, height_mm / 25.4))


def test_a_legible_figure_has_no_faults():
    one = figure()
    one.text(0.1, 0.2, "below")
    one.text(0.1, 0.8, "above")
    assert faults(one) == []


def test_each_kind_of_fault_is_named():
    one = figure(190, 80)
    one.text(0.1, 0.5, "one word")
    one.text(0.12, 0.5, "another")
    one.text(0.95, 0.2, "leaves the page")
    one.text(0.1, 0.1, "tiny", fontsize=5)
    assert faults(one) == [
        "figure of 190 × 80 mm, larger than 180 × 240",
        "'leaves the page' leaves the figure",
        "'tiny' has 5 points, fewer than 6",
        "'one word' overlaps 'another'",
    ]


def test_each_line_of_a_text_is_measured():
    one = figure()
    one.text(0.1, 0.5, "first line\nsecond line")
    one.text(0.1, 0.5, "third", va="baseline")
    assert faults(one) == ["'second line' overlaps 'third'"]
    turned = figure()
    turned.text(0.5, 0.2, "upright\nlabel", rotation=90)
    turned.text(0.5, 0.9, "a very long label that is turned", rotation=90)
    assert faults(turned) == ["'a very long label that is turned' leaves the figure"]


def test_ticks_outside_the_limits_and_hidden_texts_are_no_faults():
    one = figure()
    axes = one.add_subplot()
    axes.set_xticks([0, 0.5, 100], ["a", "b", "far away"])
    axes.set_xlim(0, 1)
    one.text(0.5, 0.5, "hidden", visible=False)
    one.text(0.5, 0.5, "shown")
    assert faults(one) == []


@pytest.mark.parametrize("n_words", [4, 16, 30])
def test_titles_and_notes_of_any_length_fit_the_slide(n_words):
    with slide_style():
        slide = new_slide(" ".join(["finding"] * n_words), " ".join(["note"] * 30))
        slide.subplots(1, 2)
        assert faults(slide, SLIDE_MM) == []


def test_lines_are_wrapped_by_their_width_and_long_words_stay_whole():
    assert wrapped("iiii iiii WWWW", 12, 9) == ["iiii iiii", "WWWW"]
    assert wrapped("Donaudampfschifffahrt", 1, 9) == ["Donaudampfschifffahrt"]
    assert wrapped("", 10, 9) == []
