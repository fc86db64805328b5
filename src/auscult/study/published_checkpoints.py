"""Published checkpoints of a training run: the repository, revision and hashes of each step.

Training runs are published in three ways, which may be combined: one branch per step (``revisions``), one repository
per step (``repositories``), or only the last checkpoint (``revision``). A *sweep* is a run with more than one step.
"""

import re
from collections.abc import Mapping
from itertools import pairwise
from typing import Any

from auscult.errors import ConfigError

__all__ = ["Checkpoint", "check_sweep", "is_sweep", "published_checkpoint", "sweep_steps"]

Checkpoint = dict[str, Any]
_MAPS = ("revisions", "repositories")


def is_sweep(model: Mapping[str, Any]) -> bool:
    """Return whether a hub model has checkpoints of several steps."""
    return any(key in model for key in _MAPS)


def sweep_steps(model: Mapping[str, Any]) -> list[str]:
    """Return the steps of a hub model in training order, including 0, the untrained model, even if it is not published.

    A model that is no sweep has the steps ``0`` and ``final``.
    """
    if not is_sweep(model):
        return ["0", "final"]
    return sorted({"0", *_published(model)}, key=int)


def published_checkpoint(model: Mapping[str, Any], step: str) -> Checkpoint | None:
    """Return the ``repository``, ``revision`` and ``sha256`` (by file name) of a published step.

    Return None for a step 0 that is not published: it is initialised here with the architecture of the last step.
    """
    if not is_sweep(model):
        return None if step == "0" else _checkpoint(model, "final")
    return _checkpoint(model, step) if step in _published(model) else None


def check_sweep(name: str, model: Mapping[str, Any]) -> None:
    """Check the entry of a hub model beyond the schema.

    Raises
    ------
    ConfigError
        A step has no repository or no revision; hashes are given for a step that does not exist; two steps have the
        same checkpoint; steps are not in ascending order; the numbers in the names of branches or repositories do not
        increase with the step.
    """
    where = f"models: {name}"
    for key in (*_MAPS, "sha256"):
        _check_ascending([*model.get(key, {})], f"{where}: {key}")
    _check_hashes(model, f"{where}: sha256")
    if not is_sweep(model):
        for key in ("repository", "revision"):
            if key not in model:
                raise ConfigError(
                    f"expected key {key!r} in {where}, or revisions or repositories by step, found only "
                    f"{', '.join(map(str, model))}"
                )
        return
    steps = [step for step in sweep_steps(model) if step in _published(model)]
    found: dict[tuple[str, str], str] = {}
    for step in steps:
        checkpoint = _checkpoint(model, step)
        for key, plural in (("repository", "repositories"), ("revision", "revisions")):
            if checkpoint[key] is None:
                raise ConfigError(
                    f"expected a {key} of step {step} in {where}: {plural}, or a {key} for all steps, "
                    f"found none; add `{plural}: {{{step}: …}}`"
                )
        earlier = found.setdefault((checkpoint["repository"], checkpoint["revision"]), step)
        if earlier != step:
            raise ConfigError(
                f"expected a checkpoint of its own for each step of {where}, found "
                f"{checkpoint['repository']} at {checkpoint['revision']} for steps {earlier} and {step}; "
                "correct one of them"
            )
    for key in _MAPS:
        _check_numbers(model.get(key, {}), f"{where}: {key}")


def _published(model: Mapping[str, Any]) -> set[str]:
    return {step for key in _MAPS for step in model.get(key, {})}


def _checkpoint(model: Mapping[str, Any], step: str) -> Checkpoint:
    hashes = model.get("sha256", {})
    return {
        "repository": model.get("repositories", {}).get(step, model.get("repository")),
        "revision": model.get("revisions", {}).get(step, model.get("revision")),
        "sha256": hashes.get(step, {}) if is_sweep(model) else hashes,
    }


def _check_hashes(model: Mapping[str, Any], where: str) -> None:
    for key, value in model.get("sha256", {}).items():
        if is_sweep(model) and (key not in _published(model) or isinstance(value, str)):
            raise ConfigError(
                f"expected hashes by step and file name in {where}, since the model is a sweep, found "
                f"{key!r}; write `<step>: {{<file>: <hash>}}`"
            )
        if not is_sweep(model) and not isinstance(value, str):
            raise ConfigError(
                f"expected a hash for each file name in {where}, found hashes by step {key!r} of a model "
                "without revisions or repositories; correct one of them"
            )


def _check_ascending(keys: list[str], where: str) -> None:
    for one, other in pairwise(key for key in keys if key.isdecimal()):
        if int(other) < int(one):
            raise ConfigError(
                f"expected steps in ascending order in {where}, found {other} after {one}; sort them, or "
                "correct the one that is mistyped"
            )


def _check_numbers(names: Mapping[str, str], where: str) -> None:
    """Refuse names that differ only in a number, such as ``ckpt-5000``, and do not increase with the step."""
    parts = {step: re.fullmatch(r"(.*?)(\d+)(\D*)", value) for step, value in names.items()}
    for (step, one), (later, other) in pairwise(parts.items()):
        if one and other and one.group(1, 3) == other.group(1, 3) and int(other[2]) <= int(one[2]):
            raise ConfigError(
                f"expected names whose number grows with the step in {where}, found {one[0]!r} for step "
                f"{step} and {other[0]!r} for step {later}; exchange or correct them"
            )
