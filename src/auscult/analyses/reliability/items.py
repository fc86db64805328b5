"""One observation of reliability per utterance, and its summary: mean, interval, chance, what was left out."""

from collections.abc import Iterable, Sequence

import numpy as np
import pandas as pd

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


def describe_items(items: Iterable[dict]) -> pd.DataFrame:
    """Return observations as a table of :data:`ITEM_COLUMNS`, with what they do not say filled in.

    Parameters
    ----------
    items : each with ``question`` (what was asked: ``seeds, retest, methods, inputs, faithfulness, randomisation,
        pointing``), ``utterance, method, input, unit, metric, value`` and, where they apply, ``against`` (what it is
        compared with), ``layer`` (randomised from the head down to it), ``fraction`` (of a curve), ``chance``,
        ``n_segments``, ``n_constant`` (1 where a vector of scores was constant), ``n_unmatched`` (1 where models
        explain different targets), ``n_short`` (1 where there are too few segments) and ``n_mispredicted`` (1 where the
        model does not predict what was explained); ``value`` is NaN where there is nothing to compare
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
    n_resamples: int = 1000,
    seed: int = 0,
) -> pd.DataFrame:
    """Average observations over utterances, with an interval from resampling utterances.

    Observations of one utterance (of several seeds, of several targets) are resampled together. The interval says how
    far the mean would move with other utterances, not with other models: ``n_seeds`` says how many there are.

    Parameters
    ----------
    items : columns :data:`ITEM_COLUMNS`, of one or several models; column ``model``, where there is one, says whose
    corpus, model, step, task : copied into the table
    n_seeds : how many models an observation is of, if it does not say
    n_resamples, seed : of the bootstrap

    Returns
    -------
    results : columns :data:`RELIABILITY_COLUMNS`; ``target`` holds the question, ``n`` counts the observations that
        have a value, ``n_groups`` their utterances, :data:`COUNTS` those concerned or left out; ``n_segments`` is the
        median over those with a value; ``value`` is NaN where none is left; ``seeds_low`` and ``seeds_high`` are left
        to who knows the seeds
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

    Occlusion is a class of one, whose windows are not those of the units, and stands for itself.

    Returns
    -------
    items : as given, ``method`` the class; methods without a value are left out of an utterance's mean
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
    """Subtract the agreement at one unit from that at another, utterance by utterance, and average over classes.

    The published finding (Shen and others, 2025) is that word-level perturbations agree between seeds where frame-level
    ones do not: a positive difference of perturbation methods. A class averages the methods that have both units.

    Parameters
    ----------
    items : observations of agreement between seeds, one per utterance, method, input, unit and metric
    pairs : (unit, other unit); those that an input does not have are passed over

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
    return numbers.median() if len(numbers) else np.nan


def method_class(method: str) -> str:
    """Return what a method does: follow gradients, take units away, or slide a window of its own (occlusion).

    What is not a method, such as the reference ``duration``, has no class.
    """
    if "grad" in method or "saliency" in method:
        return "gradient"
    return {"occlusion": "occlusion", "duration": ""}.get(method, "perturbation")


def require_methods(found: Iterable[str], wanted: Iterable[str], where: str) -> None:
    """Raise :class:`AnalysisError` if a method that shall be compared has no scores."""
    found = sorted(set(found))
    for method in wanted:
        if method not in found:
            raise AnalysisError(
                f"expected scores of method {method!r} in {where}, found only {', '.join(found) or 'none'}; "
                "add it to analyses: attribution: methods, or leave it out of the comparison"
            )
