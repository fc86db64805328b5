"""Summary of attributions: completeness of integrated gradients, and the share of the deciding word."""

from collections.abc import Iterator
from typing import Any

import numpy as np
import pandas as pd

from auscult.analyses.attribution.settings import AttributionSettings
from auscult.statistics.intervals import cluster_bootstrap
from auscult.tables import RESULT_COLUMNS

__all__ = ["SUMMARY_COLUMNS", "completeness_gaps", "summarise"]

SUMMARY_COLUMNS = (*RESULT_COLUMNS, "method", "input", "unit", "chance", "chance_duration", "gap", "resampling_unit")


def summarise(
    scores: pd.DataFrame,
    gaps: pd.DataFrame,
    *,
    target: str,
    largest_gap: float = AttributionSettings.largest_gap,
    n_resamples: int = AttributionSettings.n_resamples,
    seed: int = 0,
) -> pd.DataFrame:
    """Average over utterances, with intervals from resampling them (``resampling_unit`` utterance).

    ``completeness_gap`` is Σ |f(x) − f(x') − Σ attributions| / Σ |f(x) − f(x')| of integrated gradients; 0 is exact.
    ``cue_share`` is |score| of the deciding word divided by Σ |score| over all words of the utterance. ``chance`` is
    the mean of 1 / (number of words), and ``chance_duration`` the mean share of the deciding word in the duration of
    all words, since a sum over a long word is large by its length alone.

    Parameters
    ----------
    scores : columns :data:`auscult.analyses.attribution.analysis.ATTRIBUTION_COLUMNS`, of one model
    gaps : ``utterance, input, method, gap, difference``
    target : kind of explained output, for the column of that name
    largest_gap : completeness gap above which integrated gradients have no share (NaN)
    n_resamples, seed : of the bootstrap

    Returns
    -------
    table : columns :data:`SUMMARY_COLUMNS`; ``layer`` is ``output``; ``gap`` is the completeness gap of the method, NaN
        for methods without one
    """
    names = scores[["corpus", "model", "step"]].iloc[0].to_dict()
    gap = completeness_gaps(gaps)
    rows = [*_completeness(gaps, n_resamples, seed), *_cue_shares(scores, gap, largest_gap, n_resamples, seed)]
    shared = {**names, "layer": "output", "target": target, "resampling_unit": "utterance"}
    return pd.DataFrame([shared | row for row in rows], columns=list(SUMMARY_COLUMNS))


def completeness_gaps(gaps: pd.DataFrame) -> dict[tuple[str, str], float]:
    """Return Σ |gap| / Σ |difference| over utterances by (input, method); infinite where there is no difference."""
    sums = gaps.assign(gap=gaps["gap"].abs(), difference=gaps["difference"].abs())
    sums = sums.groupby(["input", "method"])[["gap", "difference"]].sum()
    ratio = np.where(sums["difference"] > 0, sums["gap"] / sums["difference"].where(sums["difference"] > 0, 1), np.inf)
    return dict(zip(sums.index, ratio.tolist()))


def _completeness(gaps: pd.DataFrame, n_resamples: int, seed: int) -> Iterator[dict[str, Any]]:
    for (name, method), mine in gaps.groupby(["input", "method"], sort=False):
        gap, difference = mine["gap"].abs(), mine["difference"].abs()
        value = _ratio(gap, difference, mine["utterance"], n_resamples, seed)
        value |= {"gap": value["value"]}
        yield {"metric": "completeness_gap", "method": method, "input": name, "unit": "", **value}


def _cue_shares(
    scores: pd.DataFrame, gaps: dict[tuple[str, str], float], largest_gap: float, n_resamples: int, seed: int
) -> Iterator[dict[str, Any]]:
    words = scores[scores["unit"] == "word"].assign(size=lambda table: table["score"].abs())
    words = words.assign(on_cue=words["size"] * words["cue"], duration=words["offset"] - words["onset"])
    words = words.assign(cue_duration=words["duration"] * words["cue"])
    for (name, method), mine in words.groupby(["input", "method"], sort=False):
        each = mine.groupby("utterance").agg(
            cue=("cue", "sum"),
            on_cue=("on_cue", "sum"),
            size=("size", "sum"),
            n_words=("cue", "size"),
            duration=("duration", "sum"),
            cue_duration=("cue_duration", "sum"),
        )
        each = each[(each["cue"] == 1) & (each["size"] > 0)]
        if len(each):
            share = each["on_cue"] / each["size"]
            gap = gaps.get((name, method), np.nan)
            value = _ratio(share, share * 0 + 1, each.index, n_resamples, seed)
            if gap > largest_gap:
                value |= {"value": np.nan, "ci_low": np.nan, "ci_high": np.nan}
            chance = {"unit": "word", "chance": (1 / each["n_words"]).mean()}
            chance |= {"chance_duration": (each["cue_duration"] / each["duration"]).mean()}
            yield {"metric": "cue_share", "method": method, "input": name, "gap": gap, **chance, **value}


def _ratio(
    numerators: pd.Series, denominators: pd.Series, utterances: pd.Series | pd.Index, n_resamples: int, seed: int
) -> dict[str, Any]:
    low, high = cluster_bootstrap(numerators, denominators, np.asarray(utterances), n_resamples=n_resamples, seed=seed)
    value = numerators.sum() / denominators.sum() if denominators.sum() else float("nan")
    n_groups = len(set(utterances))
    return {"value": value, "ci_low": low, "ci_high": high, "n": len(numerators), "n_groups": n_groups}
