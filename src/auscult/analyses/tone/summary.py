"""Summary of tone probing: accuracy over seeds, paired differences, steps of the rises, and tone sandhi."""

from collections.abc import Iterator, Mapping, Sequence
from itertools import combinations
from typing import Any

import numpy as np
import pandas as pd

from auscult.analyses.tone.columns import CONTOUR
from auscult.analyses.tone.resampling import crossed_draws, resampled_units
from auscult.analyses.tone.settings import ToneSettings
from auscult.analyses.tone.timing import timing_rows
from auscult.errors import AnalysisError
from auscult.seeds import task_of
from auscult.statistics.intervals import cluster_bootstrap
from auscult.statistics.training_seeds import interval_over_seeds
from auscult.tables import RESULT_COLUMNS, check_results

__all__ = ["SUMMARY_COLUMNS", "summarise_tone"]

SUMMARY_COLUMNS = (
    *RESULT_COLUMNS,
    "pooling",
    "chance",
    "other_model",
    "other_step",
    "n_seeds",
    "seed_low",
    "seed_high",
    "n_strings",
    "other_target",
    "verdict",
    "resampling_unit",
)
RunKey = tuple[str, str, str]  # condition, pooling, step
Runs = Mapping[RunKey, pd.DataFrame]


def summarise_tone(items: pd.DataFrame, *, settings: ToneSettings = ToneSettings(), seed: int = 0) -> pd.DataFrame:
    """Return accuracies of each condition (mean over its seeds), paired differences, and when accuracies rise.

    A condition is the name of a model without the number of its seed at the end. Intervals of accuracies resample
    voices, those of differences voices and strings (:func:`~auscult.analyses.tone.resampling.crossed_draws`); where a
    condition has several seeds, intervals cover seeds as well
    (:func:`~auscult.statistics.training_seeds.interval_over_seeds`). ``seed_low`` and ``seed_high`` give the range over
    seeds or, for a difference, over all pairs of seeds.

    Parameters
    ----------
    items : of all models and baselines, columns :data:`auscult.analyses.tone.columns.ITEM_COLUMNS`
    settings : number of resamples
    seed : of the resampling

    Returns
    -------
    summary : columns :data:`SUMMARY_COLUMNS`. ``metric`` is ``accuracy`` (``n`` syllables);
        ``accuracy_difference``, the condition at its last step minus ``other_model`` at ``other_step``: itself
        untrained, every baseline, and every condition before it; ``says_spoken`` and ``says_citation``, the share of
        syllables with tone sandhi for which the probe at the last step predicts the spoken tone or the tone of the
        dictionary; and the rows of :func:`~auscult.analyses.tone.timing.timing_rows`

    Raises
    ------
    AnalysisError
        Models were not tested on the same syllables.
    """
    items = items.assign(
        hit=(items["predicted"] == items["label"]).astype(float),
        chance_hit=(items["chance"] == items["label"]).astype(float),
        condition=items["model"].map(task_of),
        step=items["step"].astype(str),
    )
    rows = []
    for (corpus, target), part in items.groupby(["corpus", "target"], sort=False):
        shared = {"corpus": corpus, "target": target, "layer": "selected"}
        runs = {key: _wide(run) for key, run in part.groupby(["condition", "pooling", "step"], sort=False)}
        _require_same_items(runs, f"{target} in corpus {corpus!r}")
        rows += [shared | row for row in _accuracies(runs, settings.n_resamples, seed)]
        rows += [shared | row for row in _differences(runs, settings.n_resamples, seed)]
        rows += [shared | row for row in _sandhi(part, settings.n_resamples, seed)]
    for corpus, part in items.groupby("corpus", sort=False):
        rows += [
            {"corpus": corpus, "layer": "selected", **row} for row in timing_rows(part, settings.n_resamples, seed)
        ]
    return check_results(pd.DataFrame(rows).reindex(columns=list(SUMMARY_COLUMNS)))


def _wide(run: pd.DataFrame) -> pd.DataFrame:
    """Return one row per syllable: voice, string, and one column of hits per seed."""
    models = run["model"].unique()
    hits = [run[run["model"] == model].set_index(["utterance", "index"]) for model in models]
    described = hits[0][["speaker", "string", "chance_hit"]]
    return described.assign(**{f"seed {place}": one["hit"] for place, one in enumerate(hits)})


def _seeds(run: pd.DataFrame) -> np.ndarray:
    return run.filter(like="seed ").to_numpy()


def _require_same_items(runs: Runs, where: str) -> None:
    first = next(iter(runs.values()))
    for (condition, _, step), run in runs.items():
        if not run.index.equals(first.index) or np.isnan(_seeds(run)).any():
            raise AnalysisError(
                f"expected the same {len(first)} syllables of {where} from every model, found others from "
                f"{condition!r} at step {step}; run all models with the same tiers, splits and folds"
            )


def _accuracies(runs: Runs, n_resamples: int, seed: int) -> Iterator[dict[str, Any]]:
    for key, run in runs.items():
        hits = _seeds(run)
        drawn = crossed_draws(hits, [run["speaker"].to_numpy()], n_resamples=n_resamples, seed=seed)
        by_seed = hits.mean(axis=0)
        means = None if drawn is None else drawn.mean(axis=1)
        n_groups = run["speaker"].nunique()
        interval = interval_over_seeds(hits.mean(), means, [by_seed], n_groups=n_groups, bounds=(0, 1))
        described = _describe(key, run, hits.mean(), interval, by_seed)
        units = resampled_units("speaker", n_seeds=hits.shape[1])
        yield described | {"metric": "accuracy", "chance": run["chance_hit"].mean(), "resampling_unit": units}


def _differences(runs: Runs, n_resamples: int, seed: int) -> Iterator[dict[str, Any]]:
    for key, against in _compared([*runs]):
        (other, _, other_step), run = against, runs[key]
        hits, other_hits = _seeds(run), _seeds(runs[against])
        groups = [run["speaker"].to_numpy(), run["string"].to_numpy()]
        drawn = crossed_draws(np.hstack([hits, other_hits]), groups, n_resamples=n_resamples, seed=seed)
        n, gap = hits.shape[1], hits.mean() - other_hits.mean()
        gaps = None if drawn is None else drawn[:, :n].mean(axis=1) - drawn[:, n:].mean(axis=1)
        means, other_means = hits.mean(axis=0), other_hits.mean(axis=0)
        # A condition and its untrained models have the same seeds, other conditions do not.
        seeds = [means - other_means] if other == key[0] else [means, other_means]
        n_groups = min(len(np.unique(one)) for one in groups)
        interval = interval_over_seeds(gap, gaps, seeds, n_groups=n_groups, bounds=(-1, 1))
        by_seed = (hits.mean(axis=0)[:, None] - other_hits.mean(axis=0)).ravel()
        described = _describe(key, run, gap, interval, by_seed)
        yield described | {
            "metric": "accuracy_difference",
            "other_model": other,
            "other_step": other_step,
            "chance": 0.0,
            "n_seeds": hits.shape[1],
            "resampling_unit": resampled_units("speaker", "string", n_seeds=max(hits.shape[1], other_hits.shape[1])),
        }


def _compared(keys: Sequence[RunKey]) -> Iterator[tuple[RunKey, RunKey]]:
    """Yield pairs to compare: the last step of a condition with its step 0, each baseline and other conditions."""
    baselines = [key for key in keys if key[1] == CONTOUR]
    last = {(condition, pooling): step for condition, pooling, step in keys if pooling != CONTOUR}
    for (condition, pooling), step in last.items():
        if step != "0" and (condition, pooling, "0") in keys:
            yield (condition, pooling, step), (condition, pooling, "0")
        yield from (((condition, pooling, step), baseline) for baseline in baselines)
    for (other, other_pooling), (condition, pooling) in combinations(last, 2):
        if pooling == other_pooling:
            yield (condition, pooling, last[condition, pooling]), (other, pooling, last[other, pooling])


def _sandhi(part: pd.DataFrame, n_resamples: int, seed: int) -> Iterator[dict[str, Any]]:
    """Yield how often probes predict the spoken tone and the tone of the dictionary where the two differ."""
    differs = part[(part["citation"] != "") & (part["citation"] != part["label"])]
    for (condition, pooling), run in differs.groupby(["condition", "pooling"], sort=False):
        last = run[run["step"] == run["step"].iloc[-1]]
        for metric, column in (("says_spoken", "label"), ("says_citation", "citation")):
            hits = (last["predicted"] == last[column]).astype(float)
            interval = cluster_bootstrap(hits, np.ones_like(hits), last["speaker"], n_resamples=n_resamples, seed=seed)
            by_seed = hits.groupby(last["model"]).mean().to_numpy()
            one = last[last["model"] == last["model"].iloc[0]]
            step = last["step"].iloc[0]
            described = _describe((condition, pooling, step), one, hits.mean(), interval, by_seed)
            yield described | {"metric": metric, "resampling_unit": "speaker"}


def _describe(
    key: RunKey, run: pd.DataFrame, value: float, interval: tuple[float, float], by_seed: np.ndarray
) -> dict[str, Any]:
    condition, pooling, step = key
    return {
        "model": condition,
        "pooling": pooling,
        "step": step,
        "value": value,
        "ci_low": interval[0],
        "ci_high": interval[1],
        "n": len(run),
        "n_groups": run["speaker"].nunique(),
        "n_strings": run["string"].nunique(),
        "n_seeds": len(by_seed),
        "seed_low": by_seed.min(),
        "seed_high": by_seed.max(),
    }
