"""Interaction of unit and task in the agreement of seeds: the published finding as one number.

Shen and others (2025) report that attributions by word-level perturbation agree between seeds in word-based tasks,
while frame-level attributions do not, and neither do in other tasks. This is an interaction: the difference in
agreement between words and frames, compared between the two kinds of task.
"""

from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd

from auscult.analyses.attribution.settings import MIN_UTTERANCES
from auscult.analyses.reliability.settings import ReliabilitySettings
from auscult.statistics.intervals import corrected_interval
from auscult.tables import RESULT_COLUMNS, check_results

__all__ = ["INTERACTION_COLUMNS", "interact"]

INTERACTION_COLUMNS = (
    *RESULT_COLUMNS,
    "method",
    "input",
    "unit",
    "against",
    "resampling_unit",
    "n_seeds",
    "seeds_low",
    "seeds_high",
)
_SHARED = ("method", "input", "unit", "against", "metric")


def interact(
    contrasts: Mapping[tuple[str, str], pd.DataFrame],
    word_based: Mapping[str, bool],
    *,
    n_resamples: int = ReliabilitySettings.n_resamples,
    seed: int = 0,
) -> pd.DataFrame:
    """Subtract the difference between units in other tasks from the difference in word-based tasks.

    Each kind of task is represented by the mean of its tasks. The interval resamples the utterances of every task
    independently; it is NaN if a task has fewer utterances than a statement needs,
    :data:`auscult.analyses.attribution.settings.MIN_UTTERANCES`.

    Parameters
    ----------
    contrasts : observations of ``units`` by (corpus, task), as returned by
        :func:`auscult.analyses.reliability.tasks.measure_task`
    word_based : whether a single word decides each task
    n_resamples, seed : of the bootstrap

    Returns
    -------
    results : columns :data:`INTERACTION_COLUMNS`, one row per method or class of methods, input, pair of units and
        metric that both kinds of task have. ``n`` counts utterances of all tasks; ``seeds_low`` and ``seeds_high`` are
        the range over leaving out one seed of one task. No rows without both kinds of task
    """
    groups = {run: dict(tuple(table.groupby(list(_SHARED), sort=False))) for run, table in contrasts.items()}
    kinds = {run: word_based[run[1]] for run, found in groups.items() if found}
    rows = []
    if set(kinds.values()) == {True, False}:
        first = next(iter(kinds))
        for keys in groups[first]:
            if all(keys in groups[run] for run in kinds):
                mine = {run: groups[run][keys].dropna(subset="value") for run in kinds}
                row = _difference(mine, kinds, n_resamples, seed)
                rows.append(dict(zip(_SHARED, keys)) | row)
    sides = [" + ".join(task for (_, task), based in kinds.items() if based == side) for side in (True, False)]
    about = {"corpus": "+".join(sorted({corpus for corpus, _ in kinds})), "model": " − ".join(sides), "step": "trained"}
    about |= {"layer": "output", "target": "interaction", "resampling_unit": "utterance"}
    return check_results(pd.DataFrame([about | row for row in rows], columns=list(INTERACTION_COLUMNS)))


def _difference(
    mine: Mapping[tuple[str, str], pd.DataFrame], kinds: Mapping[tuple[str, str], bool], n_resamples: int, seed: int
) -> dict[str, Any]:
    """Return the difference between kinds of task in one condition, its interval and its range over seeds."""
    weights = {run: (1 if based else -1) / list(kinds.values()).count(based) for run, based in kinds.items()}
    values = {
        run: table.loc[table["without"] == ""].groupby("utterance")["value"].mean() for run, table in mine.items()
    }
    means = {run: found.mean() for run, found in values.items()}
    drawn = np.zeros(n_resamples)
    for place, (run, found) in enumerate(values.items()):
        if len(found):
            draws = np.random.default_rng([seed, place]).integers(len(found), size=(n_resamples, len(found)))
            drawn += weights[run] * found.to_numpy()[draws].mean(axis=1)
    enough = n_resamples and min(map(len, values.values())) >= MIN_UTTERANCES
    value = sum(weights[run] * means[run] for run in kinds)
    fewest = min(map(len, values.values()))
    low, high = corrected_interval(drawn, value=value, n_groups=fewest) if enough else (np.nan, np.nan)
    without = [
        sum(weights[other] * (mean if other == run else means[other]) for other in kinds)
        for run, table in mine.items()
        for mean in table[table["without"] != ""].groupby("without")["value"].mean()
    ]
    n = sum(map(len, values.values()))
    n_seeds = min(max(2, table.loc[table["without"] != "", "without"].nunique()) for table in mine.values())
    return {
        "value": value,
        "ci_low": low,
        "ci_high": high,
        "n": n,
        "n_groups": n,
        "n_seeds": n_seeds,
        "seeds_low": min(without, default=np.nan),
        "seeds_high": max(without, default=np.nan),
    }
