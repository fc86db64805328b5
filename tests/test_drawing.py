"""Figures drawn from tables in memory, without a study."""

import re

import matplotlib as mpl
import pytest
from figure_cases import MODELS, context_of, drawn, probing_table
from matplotlib.figure import Figure

from auscult.drawing import draw, draw_details
from auscult.errors import AnalysisError
from auscult.study.families import FAMILIES


def test_figures_name_models_as_the_table_does():
    figure = draw("probing", probing_table())
    assert isinstance(figure, Figure)
    assert "hubert-english" in " ".join(drawn(figure))
    pages = draw_details("probing", probing_table())
    shown = " ".join(drawn(pages))
    assert all(name in shown for name in ("hubert-english", "w2v2-english", "mel", "mfcc"))
    assert "Study" not in shown


def test_a_context_supplies_labels_of_models():
    shown = " ".join(drawn(draw_details("probing", probing_table(), context=context_of("probing"))))
    assert all(MODELS[name]["label"] in shown for name in ("hubert-english", "w2v2-english", "mel"))
    assert "hubert-english" not in shown


def test_drawing_does_not_change_the_style_of_other_figures():
    before = dict(mpl.rcParams)
    draw("probing", probing_table())
    assert dict(mpl.rcParams) == before


def test_an_unknown_family_is_an_error_with_the_closest_name():
    message = f"expected a family among {', '.join(FAMILIES)}, found 'probin' (did you mean 'probing'?)"
    with pytest.raises(AnalysisError, match=re.escape(message)):
        draw("probin", probing_table())
