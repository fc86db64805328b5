"""Models whose activations are arrays made elsewhere: what a study must state, and the paths of their files."""

import os
from collections.abc import Mapping
from pathlib import Path
from string import Formatter
from typing import Any

from auscult.errors import ConfigError
from auscult.requirements import Config
from auscult.study.families import get_family

__all__ = ["ENDINGS", "check_arrays", "arrays_entry", "arrays_inputs"]

# Copied from auscult.activations.array_files, whose imports would delay every start of the workflow. A test compares
# both.
ENDINGS = (".npy", ".npz", ".h5", ".hdf5", ".safetensors")
_TIMES = ("first_frame_s", "padded", "transposed", "pattern")


def check_arrays(name: str, config: Config) -> None:
    """Raise :class:`ConfigError` if the entry of a model of arrays lacks something or contradicts itself.

    Parameters
    ----------
    name : name of the model
    config : the study with defaults
    """
    model, where = config["models"][name], f"models: {name}"
    if ("frame_rate_hz" in model) == ("segments" in model):
        found = "both" if "segments" in model else "neither"
        raise ConfigError(
            f"expected either frame_rate_hz (arrays of frames) or segments (a table of the rows of arrays) in {where}, "
            f"found {found}; frames become vectors of segments by their rate"
        )
    if "segments" in model and [key for key in _TIMES if model.get(key)]:
        raise ConfigError(
            f"expected none of {', '.join(_TIMES)} beside segments in {where}, found "
            f"{', '.join(key for key in _TIMES if model.get(key))}; they describe arrays of frames: take them out"
        )
    for key in ("path", "segments"):
        _check_fields(model.get(key, ""), f"{where}: {key}", model)
    steps = model.get("steps", [])
    if steps != sorted(steps) or (len(steps) > 1 and "{step}" not in model["path"]):
        raise ConfigError(
            f"expected steps in ascending order and {{step}} in the path of {where}, found steps {steps} and "
            f"{model['path']}"
        )
    for family, analysis in config["analyses"].items():
        used = name in analysis["models"] or any(name in names for names in analysis.get("also", {}).values())
        if used and not get_family(family).reads_activations:
            raise ConfigError(
                f"expected models that can be run in analyses: {family}: models, found {name!r}, which is arrays; "
                "take it out: this analysis needs the model itself"
            )
        items = [target for target, entry in analysis.get("targets", {}).items() if "items" in entry]
        if used and family == "abx" and items:
            raise ConfigError(
                f"expected models that can be run where analyses: abx: targets: {items[0]} has items, found {name!r}, "
                "which is arrays; take the model or the target out"
            )


def arrays_entry(model: Mapping[str, Any], corpus: str, step: str, folder: Path) -> dict[str, Any]:
    """Return the settings of a model of arrays on a corpus, with paths relative to the working directory.

    Parameters
    ----------
    model : entry of the model
    corpus, step : names that replace ``{corpus}`` and ``{step}``
    folder : folder of the study file, where relative paths start
    """
    kept = {key: value for key, value in model.items() if key not in ("source", "label", "colour", "steps")}
    for key in ("path", "segments"):
        if key in kept:
            place = Path(kept[key].format(corpus=corpus, step=step)).expanduser()
            kept[key] = os.path.relpath(folder / place)
    return kept


def arrays_inputs(entry: Mapping[str, Any]) -> list[str]:
    """Return the files of a model of arrays, so that a changed file causes a rerun; the path itself if there is none.

    Parameters
    ----------
    entry : settings as returned by :func:`arrays_entry`
    """
    path = Path(entry["path"])
    files = [path] if path.is_file() else sorted(each for each in path.rglob("*") if _is_array(each, path))
    return [str(each) for each in files or [path]] + ([entry["segments"]] if "segments" in entry else [])


def _is_array(path: Path, folder: Path) -> bool:
    hidden = any(part.startswith(".") for part in path.relative_to(folder).parts)
    return path.suffix.lower() in ENDINGS and path.is_file() and not hidden


def _check_fields(text: str, where: str, model: Mapping[str, Any]) -> None:
    try:
        fields = {field for _, field, _, _ in Formatter().parse(text) if field is not None}
    except ValueError:
        fields = {text}
    unknown = fields - {"corpus", "step"}
    if unknown:
        raise ConfigError(
            f"expected only {{corpus}} and {{step}} in braces in {where}, found {', '.join(sorted(unknown))}; write "
            "other braces twice"
        )
