"""Schema of a study: a written base, and sections generated from the families and the listening page."""

from collections.abc import Mapping
from copy import deepcopy
from functools import cache
from typing import Any

from auscult.study.families import families
from auscult.study.listening import listen_schema

__all__ = ["build_schema"]


def build_schema(base: Mapping[str, Any]) -> dict[str, Any]:
    """Return the closed JSON Schema of a study.

    Parameters
    ----------
    base : schema of everything but analyses, figures and listen (``workflow/schemas/study.schema.yaml``)
    """
    schema = deepcopy(dict(base))
    analyses, figures = _sections()
    schema["properties"]["analyses"] = analyses
    schema["properties"]["figures"] = figures
    schema["properties"]["listen"] = listen_schema()
    return schema


@cache
def _sections() -> tuple[dict[str, Any], dict[str, Any]]:
    closed = {"type": "object", "additionalProperties": False}
    analyses = {family.name: family.schema() for family in families()}
    figures = {family.name: {"$ref": "#/$defs/figure"} for family in families()}
    return {**closed, "properties": analyses}, {**closed, "properties": figures}
