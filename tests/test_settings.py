"""Settings: one dataclass per family, from which schema, defaults and documentation are taken, and nothing else."""

import ast
import re
from collections.abc import Mapping
from dataclasses import dataclass, fields, is_dataclass
from typing import Any

import pytest
from jsonschema import Draft202012Validator
from places import ROOT

from auscult.settings import object_schema, setting, setting_rows, settings_from
from auscult.study.families import FAMILIES, families, get_family

LIBRARY = sorted((ROOT / "src" / "auscult").rglob("*.py"))
MOST_PARAMETERS = 21  # of the training functions, whose parameters are the keys of a model's entry
MOST_OPTIONS = 24  # of a reader or a command, whose parameters are options


@dataclass(frozen=True)
class Inner:
    """Settings of a part."""

    share: float = setting("A share.", 0.5, minimum=0)


@dataclass(frozen=True)
class Target:
    """One target."""

    tier: str = setting("Tier.", enum=["phone", "word"])
    kind: str | None = setting("Kind.", None, optional=True)


@dataclass(frozen=True)
class Whole:
    """Settings of a family."""

    n_folds: int = setting("Folds.", 4, minimum=3)
    methods: tuple[str, ...] = setting("Methods.", ("a", "b"), items={"enum": ["a", "b"]})
    limit: int | None = setting("Limit.", None, minimum=1)
    part: Inner = setting("A part.", Inner)
    targets: Mapping[str, Any] = setting("Targets.", entries=Target)


def test_a_schema_follows_from_annotations_defaults_and_constraints():
    schema = object_schema(Whole)
    Draft202012Validator.check_schema(schema)
    assert schema["required"] == ["targets"]
    assert schema["properties"]["n_folds"] == {"description": "Folds.", "type": "integer", "minimum": 3, "default": 4}
    assert schema["properties"]["methods"]["default"] == ["a", "b"]
    assert schema["properties"]["limit"] == {
        "description": "Limit.",
        "type": ["integer", "null"],
        "minimum": 1,
        "default": None,
    }
    assert schema["properties"]["part"]["default"] == {}
    target = schema["properties"]["targets"]["additionalProperties"]
    assert target["required"] == ["tier"]
    assert target["properties"]["kind"] == {"description": "Kind.", "type": "string"}
    assert not schema["additionalProperties"]


def test_a_section_becomes_settings_with_tuples_and_nested_dataclasses():
    found = settings_from(Whole, {"methods": ["b"], "part": {"share": 0.2}, "targets": {}, "models": ["no setting"]})
    assert found == Whole(methods=("b",), part=Inner(share=0.2), targets={})


def test_documentation_lists_every_setting_with_its_default():
    rows = {row.name: (row.type, row.default) for row in setting_rows(Whole)}
    assert rows == {
        "n_folds": ("integer", "4"),
        "methods": ("a, b", "[a, b]"),
        "limit": ("integer or null", "null"),
        "part": ("object", ""),
        "part: share": ("number", "0.5"),
        "targets": ("object", "required"),
        "targets: *: tier": ("phone, word", "required"),
        "targets: *: kind": ("string", "none"),
    }


@pytest.mark.parametrize("family", FAMILIES)
def test_every_setting_of_a_family_is_described_in_a_sentence(family):
    for row in setting_rows(get_family(family).settings):
        assert row.description.endswith("."), row.name
        assert len(row.description.split()) >= 3, row.name


@pytest.mark.parametrize("family", FAMILIES)
def test_a_family_is_the_one_that_its_package_says(family):
    declared = get_family(family)
    assert declared.name == family
    assert is_dataclass(declared.settings)
    assert declared.settings.__dataclass_params__.frozen
    assert declared.description.endswith(".")
    Draft202012Validator.check_schema(declared.schema())


def functions(path):
    tree = ast.parse(path.read_text())
    return [node for node in ast.walk(tree) if isinstance(node, ast.FunctionDef)]


def _of_settings(default):
    """Return whether a default states no value of its own: none, ``None``, ``()``, or ``ProbingSettings.n_folds``."""
    if default is None or ast.unparse(default) in ("None", "()"):
        return True
    written = ast.unparse(default)
    return bool(re.fullmatch(r"\w+Settings\.\w+|[A-Z_]+", written))


def test_no_setting_of_an_analysis_has_a_second_default_in_a_signature():
    repeated = []
    for family in families():
        names = {entry.name for entry in fields(family.settings)}
        for path in (ROOT / "src/auscult/analyses" / family.name).glob("*.py"):
            for function in functions(path):
                arguments = function.args
                defaults = dict(zip([a.arg for a in arguments.kwonlyargs], arguments.kw_defaults))
                positional = [a.arg for a in arguments.args]
                defaults |= dict(zip(positional[len(positional) - len(arguments.defaults) :], arguments.defaults))
                twice = sorted(
                    name for name, default in defaults.items() if name in names and not _of_settings(default)
                )
                repeated += [f"{path.relative_to(ROOT)}: {function.name}: {name}" for name in twice]
    assert repeated == []


@pytest.mark.parametrize("path", LIBRARY, ids=lambda path: path.stem)
def test_no_function_takes_too_many_parameters(path):
    long = {}
    for function in functions(path):
        arguments = function.args
        n = len(arguments.args) + len(arguments.kwonlyargs) + len(arguments.posonlyargs)
        if n > (MOST_OPTIONS if path.parent.name in ("readers", "cli") else MOST_PARAMETERS):
            long[function.name] = n
    assert long == {}


@pytest.mark.parametrize("family", FAMILIES)
def test_every_setting_of_a_family_is_passed_by_some_rule(family):
    """A setting that no rule passes would have its default whatever the study says."""
    rules = (ROOT / "workflow" / "rules" / f"{family}.smk").read_text()
    study = ROOT / "src" / "auscult" / "study" / f"{family}.py"
    # A figure has its whole section, and targets are passed with their names.
    figure = (ROOT / "src" / "auscult" / "analyses" / family / "figure.py").read_text()
    written = rules + (study.read_text() if study.is_file() else "") + figure
    declared = [entry.name for entry in fields(get_family(family).settings) if entry.name != "targets"]
    assert [name for name in declared if not re.search(rf"\b{name}\b", written)] == []
