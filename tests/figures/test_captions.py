"""Captions: at most 120 words in every study, with a finding as second sentence and all values escaped."""

import re

import pytest
import yaml
from jinja2 import Environment
from markupsafe import Markup
from places import CAPTIONS, ROOT

from auscult.errors import ConfigError
from auscult.figures.captions import caption_html, render_caption
from auscult.figures.context import FigureContext
from auscult.study.configuration import check_study
from auscult.study.families import FAMILIES
from auscult.study.looks import figure_entry, study_entry
from auscult.study.schema import build_schema

FINDING = "Accuracy at the chosen layer is .72 [.69, .75], above untrained (.29), log-mel (.36) and chance (.04)."
STUDIES = [ROOT / "config.yaml", *sorted((ROOT / "studies").glob("*.yaml"))]
SCHEMA = build_schema(yaml.safe_load((ROOT / "workflow/schemas/study.schema.yaml").read_text()))


def contexts(path):
    config = check_study(yaml.safe_load(path.read_text()), SCHEMA)
    for name in config["figures"]:
        entry = figure_entry(config, name)
        yield FigureContext(
            name, entry["title"], config["models"], entry["models"], entry["analysis"], study_entry(config)
        )


def words(caption):
    return " ".join(Markup(caption_html(caption)).striptags().split())


@pytest.mark.parametrize("path", STUDIES, ids=[path.stem for path in STUDIES])
def test_no_caption_has_more_than_120_words_in_any_study(path):
    counts = {
        context.name: len(words(render_caption(CAPTIONS / f"{context.name}.rst", context, FINDING)).split())
        for context in contexts(path)
    }
    assert {name: count for name, count in counts.items() if count > 120} == {}


@pytest.mark.parametrize("family", FAMILIES)
def test_the_second_sentence_of_a_caption_is_the_finding(family):
    source = (CAPTIONS / f"{family}.rst").read_text()
    first, _, _ = source.partition("{{ finding }}")
    shown = re.sub(r"{%.*?%}|{{.*?}}", "x", first).strip()
    assert shown.endswith(".")
    assert len(re.findall(r"[.!?](?: |$)", shown.replace("et al. ", ""))) == 1


def test_captions_of_the_default_study_are_valid_markup():
    for context in contexts(ROOT / "config.yaml"):
        assert "problematic" not in caption_html(render_caption(CAPTIONS / f"{context.name}.rst", context, FINDING))


@pytest.mark.parametrize(
    "value", ["`x <javascript:alert(1)>`_", "a\n\n.. image:: http://x/y.png", "https://x.example", "*b*", "{{ 1 }}"]
)
def test_a_value_in_a_caption_is_never_interpreted_as_markup(tmp_path, value):
    (tmp_path / "c.rst").write_text("Label {{ labels }} end.\n")
    context = FigureContext("probing", models={"m": {"label": value}})
    shown = caption_html(render_caption(tmp_path / "c.rst", context))
    assert set(re.findall(r"<(\w+)", shown)) <= {"main", "p"}
    assert Markup.escape(" ".join(value.split())) in shown


def test_a_rendered_caption_is_unchanged_when_rendered_again_by_snakemake(tmp_path):
    (tmp_path / "c.rst").write_text("Label {{ labels }} end.\n")
    caption = render_caption(
        tmp_path / "c.rst", FigureContext("probing", models={"m": {"label": "{{ 7 * 7 }} {% x %}"}})
    )
    theirs = Environment(keep_trailing_newline=True).from_string(caption).render()
    assert theirs == caption


def test_a_caption_template_with_an_unknown_variable_is_an_error(tmp_path):
    (tmp_path / "c.rst").write_text("{{ figur }}")
    with pytest.raises(
        ConfigError, match=r"expected caption .*c\.rst to read only figure, study, models, labels, finding"
    ):
        render_caption(tmp_path / "c.rst", FigureContext("probing"))
