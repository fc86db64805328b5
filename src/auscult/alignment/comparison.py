"""Boundaries of an alignment against known ones: how far off they are, with a control that hears nothing."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from auscult.alignment.folder import Aligned, Alignment
from auscult.errors import AnalysisError
from auscult.statistics.intervals import bootstrap_statistic, cluster_bootstrap

__all__ = ["WITHIN_MS", "boundary_errors", "summarise_errors"]

# 20 ms is the usual tolerance for boundaries of phones; labellers agree on about nine in ten within it (Hosom, 2009,
# Speaker-independent phoneme alignment using transition-dependent states, Speech Communication 51).
WITHIN_MS = (20, 50)
_TIERS = {"words": "word", "phones": "phone"}
_LARGEST_MS = 1000
_COLUMNS = ("recording", "speaker", "tier", "index", "label", "edge", "found_s", "true_s", "spread_s")


def boundary_errors(alignment: Alignment, labels: pd.DataFrame) -> tuple[pd.DataFrame, int]:
    """Return every boundary of words and phones beside the true one.

    Tiers are compared in recordings whose labels are the same sequence, whatever their case.

    Parameters
    ----------
    alignment : alignments of recordings with an ``utterance``
    labels : true segments with columns ``utterance, tier, label, onset, offset`` (samples of the recording)

    Returns
    -------
    table with columns ``recording, speaker, tier, index, label, edge`` (``onset`` or ``offset``), ``found_s``,
    ``true_s`` and ``spread_s``: the boundary if the letters or phones of the text were spread evenly over the
    recording, a control that hears nothing. Second, the number of recordings without a tier to compare.

    Raises
    ------
    AnalysisError
        No recording has a tier with the same labels.
    """
    known = dict(list(labels.sort_values("onset", kind="stable").groupby("utterance", sort=False)))
    rows: list[pd.DataFrame] = []
    n_others = 0
    for one in alignment.aligned:
        true = known.get(one.recording.utterance)
        found = [] if true is None else [_compare(one, tier, true) for tier in one.segments["tier"].unique()]
        rows += [table for table in found if table is not None]
        n_others += not any(table is not None for table in found)
    if not rows:
        raise AnalysisError(
            f"expected known labels of the words or phones that were aligned, found none with the same labels in "
            f"{n_others} recordings; align with the texts of the reader that gives the labels"
        )
    return pd.concat(rows, ignore_index=True), n_others


def _compare(one: Aligned, tier: str, true: pd.DataFrame) -> pd.DataFrame | None:
    found = one.segments[one.segments["tier"] == tier]
    known = true[true["tier"] == _TIERS.get(tier, "")]
    if tier == "phones":  # pauses are no phones here
        known = known[known["label"] != "sil"]
    if not len(known) or _plain(found["label"]) != _plain(known["label"]):
        return None
    lengths = found["label"].str.len().to_numpy() if tier == "words" else np.ones(len(found))
    ends = np.cumsum(lengths) / lengths.sum() * one.n_samples
    spread = {"onset": ends - lengths / lengths.sum() * one.n_samples, "offset": ends}
    common = {"recording": one.recording.place, "speaker": one.recording.speaker, "tier": tier}
    edges = [
        pd.DataFrame(
            {
                **common,
                "index": found["index"].to_numpy(),
                "label": found["label"].to_numpy(),
                "edge": edge,
                "found_s": found[edge].to_numpy() / one.sample_rate_hz,
                "true_s": known[edge].to_numpy() / one.sample_rate_hz,
                "spread_s": spread[edge] / one.sample_rate_hz,
            }
        )
        for edge in ("onset", "offset")
    ]
    return pd.concat(edges, ignore_index=True)[list(_COLUMNS)]


def _plain(labels: pd.Series) -> list[str]:
    return [str(label).casefold() for label in labels]


def summarise_errors(errors: pd.DataFrame, seed: int = 0) -> pd.DataFrame:
    """Return the size of boundary errors by tier and edge, each with the control beside it.

    Parameters
    ----------
    errors : as returned by :func:`boundary_errors`
    seed : of the resampling

    Returns
    -------
    a row per tier, edge (``onset``, ``offset``) and aligner (``aligned``, or the control ``spread evenly``) with
    columns ``median_ms`` of the absolute error, ``bias_ms`` (median of found − true), ``within_20_ms`` and
    ``within_50_ms`` (shares), 95 % intervals ``…_low, …_high`` from resampling speakers (empty with fewer than six),
    ``n`` boundaries, ``n_recordings`` and ``n_speakers``
    """
    rows = []
    for (tier, edge), group in errors.groupby(["tier", "edge"], sort=False):
        for name, column in (("aligned", "found_s"), ("spread evenly", "spread_s")):
            signed = 1000 * (group[column] - group["true_s"]).to_numpy()
            row = {"tier": tier, "edge": edge, "aligner": name, **_sizes(signed, group["speaker"].to_numpy(), seed)}
            counts = {"n": len(group), "n_recordings": group["recording"].nunique()}
            rows.append({**row, **counts, "n_speakers": group.loc[group["speaker"] != "", "speaker"].nunique()})
    return pd.DataFrame(rows)


def _sizes(signed_ms: npt.NDArray[np.float64], speakers: Sequence[str], seed: int) -> dict[str, Any]:
    sizes = np.abs(signed_ms)
    _, groups = np.unique(np.asarray(speakers, dtype=str), return_inverse=True)
    found: dict[str, Any] = {"median_ms": float(np.median(sizes)), "bias_ms": float(np.median(signed_ms))}
    bins = np.minimum(sizes, _LARGEST_MS).astype(int)
    histograms = np.zeros((groups.max() + 1, _LARGEST_MS + 1))
    np.add.at(histograms, (groups, bins), 1)
    found["median_low"], found["median_high"] = bootstrap_statistic(histograms, _median_of_counts, seed=seed)
    for limit in WITHIN_MS:
        within = sizes <= limit
        found[f"within_{limit}_ms"] = float(within.mean())
        interval = cluster_bootstrap(within, np.ones(len(within)), groups, seed=seed)
        found[f"within_{limit}_low"], found[f"within_{limit}_high"] = interval
    return found


def _median_of_counts(counts: np.ndarray) -> np.ndarray:
    """Return the medians of histograms with bins of 1 ms [shape=(n, n_bins)], interpolated within their bin."""
    cumulative = np.cumsum(counts, axis=-1)
    half = cumulative[:, -1:] / 2
    place = (cumulative < half).sum(axis=-1)
    rows = np.arange(len(counts))
    before = cumulative[rows, place] - counts[rows, place]
    return place + (half[:, 0] - before) / np.maximum(counts[rows, place], 1e-12)
