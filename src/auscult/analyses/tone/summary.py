"""Tone and consonants over a study: conditions over their seeds, what they differ by, and what sandhi does to tones."""

from collections.abc import Iterator, Sequence
from itertools import combinations

import numpy as np
import pandas as pd

from auscult.analyses.tone.analysis import CONTOUR
from auscult.errors import AnalysisError
from auscult.seeds import task_of
from auscult.statistics.intervals import MIN_GROUPS, cluster_bootstrap, percentile_interval
from auscult.tables import RESULT_COLUMNS, check_results

__all__ = ["SUMMARY_COLUMNS", "summarise_tone", "two_way_bootstrap"]

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
    "resampling_unit",
)
_ITEM = ["corpus", "target", "utterance", "index"]
_UNITS = "speaker and string"


def summarise_tone(items: pd.DataFrame, *, n_resamples: int = 2000, seed: int = 0) -> pd.DataFrame:
    """Return accuracies of conditions, the means over models that differ only in seed, and paired differences.

    A condition is the name of a model without the number of its seed at the end. Its accuracy is that of its seeds'
    mean hits; intervals resample voices, of differences voices and strings (:func:`two_way_bootstrap`), and hold for
    these seeds: their own accuracies are given as ``seed_low`` and ``seed_high``, of differences those of all pairs.

    Parameters
    ----------
    items : of all models and baselines, columns :data:`auscult.analyses.tone.analysis.ITEM_COLUMNS`

    Returns
    -------
    summary : columns :data:`SUMMARY_COLUMNS`. ``metric`` is ``accuracy`` (``n`` syllables); ``accuracy_difference``
        from ``other_model`` at ``other_step``: of every condition at its last step from its untrained self, from every
        baseline and from every condition before it; ``says_spoken`` and ``says_citation``, the share of syllables
        with sandhi, at the last step, of which the spoken tone or that of the dictionary is said

    Raises
    ------
    AnalysisError
        Models were not asked about the same syllables.
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
        rows += [shared | row for row in _accuracies(runs, n_resamples, seed)]
        rows += [shared | row for row in _differences(runs, n_resamples, seed)]
        rows += [shared | row for row in _sandhi(part, n_resamples, seed)]
    return check_results(pd.DataFrame(rows).reindex(columns=list(SUMMARY_COLUMNS)))


def two_way_bootstrap(
    values: np.ndarray, first: np.ndarray, second: np.ndarray, *, n_resamples: int = 2000, seed: int
) -> tuple[float, float]:
    """Return the 95 % interval of the mean of values whose items share voices and share strings.

    Both are resampled, independently of each other, and an item counts as often as both of its own are drawn, the
    product of the two counts (pigeonhole bootstrap: Owen, 2007, Annals of Applied Statistics 1, 386). It is wider than
    an interval that resamples either alone.

    Parameters
    ----------
    values : of each item [shape=(n_items,)]
    first, second : its two groups [shape=(n_items,)]

    Returns
    -------
    (low, high); both NaN when there are fewer than ``MIN_GROUPS`` groups of either kind
    """
    (_, a), (_, b) = (np.unique(groups, return_inverse=True) for groups in (first, second))
    shape = (a.max() + 1, b.max() + 1)
    if min(shape) < MIN_GROUPS:
        return float("nan"), float("nan")
    total, count = np.zeros(shape), np.zeros(shape)
    np.add.at(total, (a, b), values)
    np.add.at(count, (a, b), 1)
    generator = np.random.default_rng(seed)
    drawn = [generator.multinomial(n, np.full(n, 1 / n), size=n_resamples).astype(float) for n in shape]
    sums, counts = ((drawn[0] @ table * drawn[1]).sum(axis=1) for table in (total, count))
    return percentile_interval(np.divide(sums, counts, out=np.full(n_resamples, np.nan), where=counts > 0))


def _wide(run: pd.DataFrame) -> pd.DataFrame:
    """Return one row per syllable: its voice, its string, and a column of hits for each seed."""
    models = run["model"].unique()
    hits = [run[run["model"] == model].set_index(["utterance", "index"]) for model in models]
    about = hits[0][["speaker", "string", "chance_hit"]]
    return about.assign(**{f"seed {place}": one["hit"] for place, one in enumerate(hits)})


def _seeds(run: pd.DataFrame) -> np.ndarray:
    return run.filter(like="seed ").to_numpy()


def _require_same_items(runs: dict, where: str) -> None:
    first = next(iter(runs.values()))
    for (condition, _, step), run in runs.items():
        if not run.index.equals(first.index) or np.isnan(_seeds(run)).any():
            raise AnalysisError(
                f"expected the same {len(first)} syllables of {where} from every model, found others from "
                f"{condition!r} at step {step}; run all models with the same tiers, splits and folds"
            )


def _accuracies(runs: dict, n_resamples: int, seed: int) -> Iterator[dict]:
    for (condition, pooling, step), run in runs.items():
        hits = _seeds(run).mean(axis=1)
        interval = cluster_bootstrap(hits, np.ones_like(hits), run["speaker"], n_resamples=n_resamples, seed=seed)
        described = _describe(condition, pooling, step, run, hits.mean(), interval, _seeds(run).mean(axis=0))
        yield described | {"metric": "accuracy", "chance": run["chance_hit"].mean(), "resampling_unit": "speaker"}


def _differences(runs: dict, n_resamples: int, seed: int) -> Iterator[dict]:
    for key, against in _compared([*runs]):
        (condition, pooling, step), (other, _, other_step), run = key, against, runs[key]
        mine, theirs = _seeds(run), _seeds(runs[against])
        gap = mine.mean(axis=1) - theirs.mean(axis=1)
        groups = run["speaker"].to_numpy(), run["string"].to_numpy()
        interval = two_way_bootstrap(gap, *groups, n_resamples=n_resamples, seed=seed)
        of_seeds = (mine.mean(axis=0)[:, None] - theirs.mean(axis=0)).ravel()
        described = _describe(condition, pooling, step, run, gap.mean(), interval, of_seeds)
        yield described | {
            "metric": "accuracy_difference",
            "other_model": other,
            "other_step": other_step,
            "chance": 0.0,
            "n_seeds": mine.shape[1],
            "resampling_unit": _UNITS,
        }


def _compared(keys: Sequence[tuple[str, str, str]]) -> Iterator[tuple[tuple[str, str, str], tuple[str, str, str]]]:
    """Yield what is compared: the last step of a condition with its step 0, baselines, and other conditions."""
    baselines = [key for key in keys if key[1] == CONTOUR]
    last = {(condition, pooling): step for condition, pooling, step in keys if pooling != CONTOUR}
    for (condition, pooling), step in last.items():
        if step != "0" and (condition, pooling, "0") in keys:
            yield (condition, pooling, step), (condition, pooling, "0")
        yield from (((condition, pooling, step), baseline) for baseline in baselines)
    for (other, other_pooling), (condition, pooling) in combinations(last, 2):
        if pooling == other_pooling:
            yield (condition, pooling, last[condition, pooling]), (other, pooling, last[other, pooling])


def _sandhi(part: pd.DataFrame, n_resamples: int, seed: int) -> Iterator[dict]:
    """Yield how often the spoken tone and that of the dictionary are said where they differ."""
    differs = part[(part["citation"] != "") & (part["citation"] != part["label"])]
    for (condition, pooling), run in differs.groupby(["condition", "pooling"], sort=False):
        last = run[run["step"] == run["step"].iloc[-1]]
        for metric, column in (("says_spoken", "label"), ("says_citation", "citation")):
            said = (last["predicted"] == last[column]).astype(float)
            interval = cluster_bootstrap(said, np.ones_like(said), last["speaker"], n_resamples=n_resamples, seed=seed)
            of_seeds = said.groupby(last["model"]).mean().to_numpy()
            one = last[last["model"] == last["model"].iloc[0]]
            step = last["step"].iloc[0]
            described = _describe(condition, pooling, step, one, said.mean(), interval, of_seeds)
            yield described | {"metric": metric, "resampling_unit": "speaker"}


def _describe(condition, pooling, step, run: pd.DataFrame, value: float, interval, of_seeds: np.ndarray) -> dict:
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
        "n_seeds": len(of_seeds),
        "seed_low": of_seeds.min(),
        "seed_high": of_seeds.max(),
    }
