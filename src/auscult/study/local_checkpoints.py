"""Local checkpoints of a training run: one folder per step, named one by one or by a pattern."""

import re
from collections.abc import Mapping
from copy import deepcopy
from pathlib import Path
from typing import Any

from auscult.errors import ConfigError

__all__ = ["check_local", "expand_steps", "local_checkpoint", "local_steps"]

_STEP = "{step}"


def expand_steps(config: Mapping[str, Any], folder: Path) -> dict[str, Any]:
    """Return a copy of a configuration in which the pattern of a run's folders is replaced by the folders found.

    A model of source folder whose ``path`` contains ``{step}`` gets ``steps``, the path of every folder by its step; a
    list of ``steps`` chooses among them. Zeros before the number are allowed (``checkpoint-0500``).

    Parameters
    ----------
    config : configuration as read from the study file
    folder : folder of the study file, where relative paths start

    Raises
    ------
    ConfigError
        No folder matches, a chosen step has none, or two folders have the same step.
    """
    expanded: dict[str, Any] = deepcopy(dict(config))
    models = expanded.get("models")
    for name, model in models.items() if isinstance(models, dict) else ():
        if not isinstance(model, dict) or model.get("source") != "folder" or not isinstance(model.get("path"), str):
            continue
        if _STEP in model["path"] and not isinstance(model.get("steps"), dict):
            model["steps"] = _folders(f"models: {name}", model["path"], model.get("steps"), folder)
            del model["path"]
    return expanded


def local_steps(model: Mapping[str, Any]) -> list[str]:
    """Return the steps of a folder model in training order, with 0, the untrained model, even if it has no folder."""
    return sorted({"0", *model["steps"]}, key=int) if "steps" in model else ["0", "final"]


def local_checkpoint(model: Mapping[str, Any], step: str) -> str | None:
    """Return the path of the folder of a step; None for a step 0 without one, which is initialised here."""
    steps = model["steps"] if "steps" in model else {"final": model["path"]}
    return steps.get(step)


def check_local(name: str, model: Mapping[str, Any]) -> None:
    """Check the entry of a folder model beyond the schema.

    Raises
    ------
    ConfigError
        It has both a path and steps, or neither, or one folder for several steps.
    """
    where = f"models: {name}"
    steps = model.get("steps")
    if ("path" in model) == isinstance(steps, Mapping) or isinstance(steps, list):
        raise ConfigError(
            f"expected in {where} either path, one folder or a pattern with {_STEP}, or steps, a folder per step, "
            f"found {', '.join(key for key in ('path', 'steps') if key in model) or 'neither'}; for example path: "
            f"runs/checkpoint-{_STEP}"
        )
    seen: dict[str, str] = {}
    for step, path in steps.items() if isinstance(steps, Mapping) else ():
        earlier = seen.setdefault(str(Path(path)), step)
        if earlier != step:
            raise ConfigError(
                f"expected a folder of its own for each step of {where}, found {path} for steps {earlier} and {step}; "
                "correct one of them"
            )


def _folders(where: str, pattern: str, chosen: Any, folder: Path) -> dict[str, str]:
    start = Path(pattern.split(_STEP)[0]).expanduser()
    before, after = pattern.split(_STEP, 1)
    # The part of the path that holds the step, and what follows below it.
    parent = Path(before).parent if not before.endswith("/") else Path(before)
    prefix = before[before.rfind("/") + 1 :]
    suffix, _, below = after.partition("/")
    named = re.compile(re.escape(prefix) + r"0*(\d+)" + re.escape(suffix))
    base = folder / parent.expanduser()
    found: dict[str, str] = {}
    for path in sorted(base.iterdir()) if base.is_dir() else ():
        match = named.fullmatch(path.name)
        if match is None or not (path / below).is_dir():
            continue
        step = match[1]
        if step in found:
            raise ConfigError(
                f"expected one folder per step at {where}: path, found {found[step]} and {parent / path.name} for step "
                f"{step}; rename one of them"
            )
        found[step] = str(parent / path.name / below) if below else str(parent / path.name)
    wanted = [str(step) for step in chosen] if isinstance(chosen, list) else None
    missing = [step for step in wanted or () if step not in found and step != "0"]
    if not found or missing:
        what = f"of step {', '.join(missing[:5])}" if missing and found else f"matching {pattern}"
        raise ConfigError(
            f"expected folders {what} at {where}: path, found {_some(found)} in {base}; a relative path starts at the "
            f"study's file ({start.name or start}{_STEP} stands for the number of the step)"
        )
    steps = sorted(found if wanted is None else set(wanted) & set(found), key=int)
    return {step: found[step] for step in steps}


def _some(found: Mapping[str, str]) -> str:
    steps = sorted(found, key=int)
    return f"those of {len(steps)} steps ({', '.join(steps[:4])} …)" if steps else "none"
