"""Families of analyses, in the order of the talk. To add a family, add its name here and its package."""

from functools import cache
from importlib import import_module

from auscult.family import Family

__all__ = ["FAMILIES", "get_family", "families", "parts", "charts"]

FAMILIES = (
    "reduction",
    "probing",
    "similarity",
    "abx",
    "spelling",
    "lens",
    "mixing",
    "attribution",
    "reliability",
    "tone",
    "encoding",
    "syntax",
    "disentangling",
    "scrubbing",
    "translation",
)


@cache
def get_family(name: str) -> Family:
    """Return the declaration of a family."""
    family: Family = import_module(f"auscult.analyses.{name}.family").FAMILY
    return family


def families() -> list[Family]:
    """Return the declarations of all families, in the order of the talk."""
    return [get_family(name) for name in FAMILIES]


def parts() -> dict[str, list[str]]:
    """Return the names of the families in each part of the talk."""
    found: dict[str, list[str]] = {}
    for family in families():
        found.setdefault(family.part, []).append(family.name)
    return found


def charts() -> dict[str, dict[str, str]]:
    """Return what the chart of each family shows at first, by column (:class:`auscult.family.Family`)."""
    return {family.name: dict(family.chart) for family in families()}
