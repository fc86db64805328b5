"""Observations of reliability, one per utterance, and their summary: mean, interval, chance and counts."""

from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np
import pandas as pd

from auscult.analyses.reliability.settings import ReliabilitySettings
from auscult.errors import AnalysisError
from auscult.statistics.intervals import cluster_bootstrap
from auscult.tables import RESULT_COLUMNS, check_results

__all__ = [
    "CLASSES",
    "KEYS",
    "COUNTS",
    "ITEM_COLUMNS",
    "RELIABILITY_COLUMNS",
    "describe_items",
    "summarise_items",
    "average_classes",
    "contrast_units",
    "method_class",
    "require_methods",
]

CLASSES = ("perturbation", "occlusion", "gradient")
KEYS = ("question", "layer", "method", "input", "unit", "against", "metric", "fraction")
COUNTS = ("n_constant", "n_unmatched", "n_short", "n_mispredicted")
ITEM_COLUMNS = (*KEYS, "utterance", "value", "chance", "n_segments", *COUNTS)
RELIABILITY_COLUMNS = (
    *RESULT_COLUMNS,
    "task",
    "method",
    "input",
    "unit",
    "against",
    "fraction",
    "chance",
    "resampling_unit",
    "n_seeds",
    "seeds_low",
    "seeds_high",
    "n_segments",
    *COUNTS,
)


def describe_items(items: Iterable[dict[str, Any]]) -> pd.DataFrame:
    """Return observations as a table with columns :data:`ITEM_COLUMNS`; missing entries receive defaults.

    Parameters
    ----------
    items : each with ``question`` (``seeds, retest, methods, inputs, faithfulness, randomisation, pointing``),
        ``utterance, method, input, unit, metric, value`` and, where they apply, ``against`` (the other side of the
        comparison), ``layer`` (deepest randomised layer), ``fraction`` (position on a curve), ``chance``,
        ``n_segments``, ``n_constant`` (1 if a score vector is constant), ``n_unmatched`` (1 if models explain different
        outputs), ``n_short`` (1 if there are too few segments) and ``n_mispredicted`` (1 if the model does not predict
        the explained output); ``value`` is NaN if there is no comparison
    """
    table = pd.DataFrame(items, columns=list(ITEM_COLUMNS))
    table["layer"] = table["layer"].fillna("output")
    table["against"] = table["against"].fillna("")
    counts = list(COUNTS)
    table[counts] = table[counts].astype(float).fillna(0).astype(int)
    return table.astype(dict.fromkeys(("fraction", "value", "chance", "n_segments"), float))


def summarise_items(
    items: pd.DataFrame,
    *,
    corpus: str,
    model: str,
    step: str,
    task: str,
    n_seeds: int,
    n_resamples: int = ReliabilitySettings.n_resamples,
    seed: int = 0,
) -> pd.DataFrame:
    """Average observations over utterances, with an interval from resampling utterances.

    Observations of one utterance (several seeds, several explained outputs) are resampled together. The interval covers
    variation over utterances, not over models, whose number is ``n_seeds``.

    Parameters
    ----------
    items : columns :data:`ITEM_COLUMNS`, and ``model`` if observations are of single models
    corpus, model, step, task : copied into the table
    n_seeds : number of models behind an observation, if there is no column ``model``
    n_resamples, seed : of the bootstrap

    Returns
    -------
    results : columns :data:`RELIABILITY_COLUMNS`; ``target`` holds the question, ``n`` counts observations with a value
        and ``n_groups`` their utterances; :data:`COUNTS` are summed over all observations; ``n_segments`` is the median
        over observations with a value; ``value`` is NaN if there is none; ``seeds_low`` and ``seeds_high`` are NaN, to
        be filled in by :func:`auscult.analyses.reliability.tasks.measure_task`
    """
    rows = []
    for keys, group in items.groupby(list(KEYS), sort=False, dropna=False):
        valid = group[group["value"].notna()]
        values, utterances = valid["value"].to_numpy(), valid["utterance"].to_numpy()
        low, high = cluster_bootstrap(values, np.ones(len(values)), utterances, n_resamples=n_resamples, seed=seed)
        rows.append(
            dict(zip(KEYS, keys))
            | {"value": values.mean() if len(values) else np.nan, "ci_low": low, "ci_high": high, "n": len(values)}
            | {"n_groups": valid["utterance"].nunique(), "chance": valid["chance"].mean()}
            | {"n_segments": _median(valid["n_segments"].dropna()), "seeds_low": np.nan, "seeds_high": np.nan}
            | {name: int(group[name].sum()) for name in COUNTS}
            | {"n_seeds": (group["model"].nunique() if "model" in group else 0) or n_seeds}
        )
    run = {"corpus": corpus, "model": model, "step": str(step), "task": task}
    numbers = ["value", "ci_low", "ci_high", "n", "n_groups", "chance", "n_segments", "seeds_low", "seeds_high"]
    table = pd.DataFrame(rows, columns=[*KEYS, *numbers, *COUNTS, "n_seeds"])
    table = table.rename(columns={"question": "target"}).assign(resampling_unit="utterance", **run)
    return check_results(table[list(RELIABILITY_COLUMNS)])


def average_classes(items: pd.DataFrame) -> pd.DataFrame:
    """Average observations over the methods of a class, ``perturbation`` or ``gradient``, utterance by utterance.

    Occlusion, whose windows are not the units, forms a class of its own and is not repeated.

    Returns
    -------
    items : ``method`` holds the class; methods without a value for an utterance are left out of its mean
    """
    keys = [key for key in KEYS if key != "method"]
    classes = items["method"].map(method_class)
    by = [*keys, "utterance", "method"]
    kept = items.assign(method=classes)[classes.isin(["perturbation", "gradient"])]
    groups = kept.groupby(by, sort=False, as_index=False, dropna=False)
    worst = dict.fromkeys(COUNTS, "max")
    means = groups.agg({"value": "mean", "chance": "mean", "n_segments": "mean", **worst})
    return describe_items(means.to_dict("records"))


def contrast_units(items: pd.DataFrame, pairs: Sequence[tuple[str, str]]) -> pd.DataFrame:
    """Subtract the agreement between seeds for one unit from the agreement for another, utterance by utterance.

    Shen and others (2025) report agreement between seeds for word-level perturbation but not for frame-level
    perturbation, which is a positive difference for perturbation methods. Classes of methods average the methods that
    have both units.

    Parameters
    ----------
    items : observations of agreement between seeds, one per utterance, method, input, unit and metric
    pairs : (unit, other unit); pairs that an input does not have are skipped

    Returns
    -------
    items : question ``units``, ``unit`` the first, ``against`` the second of a pair, ``metric`` as before
    """
    keys, counts = ["layer", "method", "input", "metric", "utterance"], list(COUNTS)
    tables = []
    for unit, other in pairs:
        one, two = (items.loc[items["unit"] == name, [*keys, "value", "n_segments", *counts]] for name in (unit, other))
        both = one.merge(two, on=keys, suffixes=("", "_other"))
        worst = {name: np.maximum(both[name], both[f"{name}_other"]) for name in counts}
        differences = both.assign(value=both["value"] - both["value_other"], unit=unit, against=other, **worst)
        tables.append(differences.assign(question="units", chance=np.nan, fraction=np.nan))
    stacked = describe_items(pd.concat(tables, ignore_index=True).to_dict("records")) if tables else describe_items([])
    return pd.concat([stacked, average_classes(stacked)], ignore_index=True) if len(stacked) else stacked


def _median(numbers: pd.Series) -> float:
    return float(numbers.median()) if len(numbers) else np.nan


def method_class(method: str) -> str:
    """Return the class of a method, ``gradient``, ``perturbation`` or ``occlusion``; empty for the control duration."""
    if "grad" in method or "saliency" in method:
        return "gradient"
    return {"occlusion": "occlusion", "duration": ""}.get(method, "perturbation")


def require_methods(found: Iterable[str], wanted: Iterable[str], where: str) -> None:
    """Raise :class:`AnalysisError` if a method to compare has no scores."""
    present = sorted(set(found))
    for method in wanted:
        if method not in present:
            raise AnalysisError(
                f"expected scores of method {method!r} in {where}, found only {', '.join(present) or 'none'}; "
                "add it to analyses: attribution: methods, or leave it out of the comparison"
            )
