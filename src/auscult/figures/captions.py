"""Captions: Jinja templates of reStructuredText, filled in from the study and the result tables."""

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from docutils.core import publish_parts
from docutils.writers import html5_polyglot
from jinja2 import Environment, StrictUndefined, TemplateError

from auscult.errors import ConfigError
from auscult.figures.context import FigureContext
from auscult.figures.findings import listed

__all__ = ["render_caption", "caption_html"]

_RST = {
    "raw_enabled": False,
    "file_insertion_enabled": False,
    "_disable_config": True,
    "report_level": 5,
    "halt_level": 5,
    "math_output": "MathML",
}


def render_caption(template: str | Path, context: FigureContext, finding: str = "") -> str:
    """Return the caption of a figure as reStructuredText.

    Values are inserted as plain text: all characters that reStructuredText would interpret are escaped. Braces are
    escaped too, since Snakemake's report renders the caption as a template again.

    Parameters
    ----------
    template : path of a Jinja template, which may use ``figure`` (``name``, ``title``, ``models``, ``analysis``),
        ``study``, ``models``, ``labels`` (the labels of the models drawn, as one phrase) and ``finding``
    context : context of the figure
    finding : one sentence, computed from the tables

    Raises
    ------
    ConfigError
        The template uses a variable that does not exist.
    """
    environment = Environment(undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True, finalize=_as_text)
    shown = list(context.shown) or list(context.models)
    variables: Mapping[str, Any] = {
        "figure": {"name": context.name, "title": context.title, "models": shown, "analysis": context.analysis},
        "study": context.study,
        "models": context.models,
        "labels": listed([context.models.get(name, {}).get("label") or name for name in shown]),
        "finding": finding,
    }
    try:
        return environment.from_string(Path(template).read_text(encoding="utf-8")).render(variables)
    except TemplateError as error:
        raise ConfigError(
            f"expected caption {template} to read only {', '.join(variables)}, found: {error}; correct the caption"
        ) from None


def caption_html(caption: str) -> str:
    """Return a rendered caption as HTML, with raw HTML and file inclusion disabled."""
    return publish_parts(caption, writer=html5_polyglot.Writer(), settings_overrides=_RST)["body"]


def _as_text(value: Any) -> str:
    return re.sub(r"([\\`*_|<>:\[\]{}%#])", r"\\\1", " ".join(str(value).split()))
