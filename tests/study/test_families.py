"""Families of analyses: each package declares one, and each is listed once, in the order of the talk."""

from itertools import chain

import pytest
from places import ROOT

from auscult.family import Family
from auscult.study.families import FAMILIES, families, get_family, parts


def test_every_family_is_listed_once():
    declared = {path.parent.name for path in (ROOT / "src/auscult/analyses").glob("*/family.py")}
    assert sorted(FAMILIES) == sorted(declared)


@pytest.mark.parametrize("name", FAMILIES)
def test_a_family_is_declared_under_its_own_name(name):
    family = get_family(name)
    assert isinstance(family, Family)
    assert family.name == name
    assert family.part
    assert family.description.endswith(".")


def test_families_are_in_the_order_of_the_list():
    assert tuple(family.name for family in families()) == FAMILIES


def test_parts_cover_all_families_in_order():
    assert tuple(chain.from_iterable(parts().values())) == FAMILIES
    assert all(get_family(name).part == part for part, names in parts().items() for name in names)


def test_a_family_reads_results_of_listed_families_only():
    assert all(set(family.needs) <= set(FAMILIES) - {family.name} for family in families())
