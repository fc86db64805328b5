"""Rank agreement of ABX, a zero-shot metric, with a trained probe, over layers and over models."""

from collections.abc import Iterator
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
from scipy.stats import rankdata

from auscult.probes.shown import shown_linear

__all__ = ["AGREEMENT_COLUMNS", "MIN_RANKED", "linear_probes", "pair_scores", "spearman", "rank_agreement"]

# Even three points are in the same order by chance one time in six.
MIN_RANKED = 3
AGREEMENT_COLUMNS = (
    "corpus",
    "target",
    "context",
    "speaker",
    "over",
    "model",
    "step",
    "spearman",
    "n",
    "best_by_probe",
    "best_by_abx",
)
_CONDITION = ["corpus", "target", "context", "speaker"]
_KEYS = ["corpus", "target", "model", "step", "layer"]
_LINEAR = ("ridge", "logistic")


def linear_probes(probing: pd.DataFrame) -> pd.DataFrame:
    """Return the accuracies of linear probes on true labels, trained on the full training side."""
    rows = shown_linear(probing)
    rows = rows[(rows["metric"] == "accuracy") & (rows["labels"] == "true") & rows["probe"].isin(_LINEAR)]
    return rows[rows["n_train"].isna()] if "n_train" in rows else rows


def pair_scores(abx: pd.DataFrame, probing: pd.DataFrame) -> pd.DataFrame:
    """Return ABX rows of layers that were also probed for the same target, with the probe's accuracy.

    Returns
    -------
    pairs : the ABX table's columns, ``probe`` (accuracy) and ``chosen`` (whether this layer was chosen on the probe's
        validation speakers, or is the only one)
    """
    probes = linear_probes(probing)
    chosen = probes.loc[probes["layer"] == "selected", [*_KEYS[:-1], "selected_layer"]]
    chosen = chosen.rename(columns={"selected_layer": "layer"}).assign(chosen=True)
    layers = probes.loc[probes["layer"] != "selected", [*_KEYS, "value"]].rename(columns={"value": "probe"})
    pairs = abx.merge(layers, on=_KEYS).merge(chosen, on=_KEYS, how="left")
    only = pairs.groupby([*_CONDITION, "model", "step"])["layer"].transform("size") == 1
    return pairs.assign(chosen=pairs["chosen"].eq(True) | only)


def spearman(x: npt.ArrayLike, y: npt.ArrayLike) -> float:
    """Return Spearman's rank correlation, ties sharing ranks; NaN below :data:`MIN_RANKED` points or if constant."""
    x, y = np.asarray(x), np.asarray(y)
    if len(x) < MIN_RANKED:
        return float("nan")
    ranks = np.stack([rankdata(x), rankdata(y)])
    if (ranks.std(axis=1) == 0).any():
        return float("nan")
    return float(np.corrcoef(ranks)[0, 1])


def rank_agreement(abx: pd.DataFrame, probing: pd.DataFrame) -> pd.DataFrame:
    """Correlate ABX and probe accuracy over the layers of each model, and over models.

    Over models, each model is scored at the layer chosen on the probe's validation speakers, so no test score selects
    it. Over layers, ``best_by_probe`` is this choice; ``best_by_abx``, the layer with the highest ABX score, only
    describes the curve. There is no interval: layers of one model are not independent, and there are few models.

    Parameters
    ----------
    abx, probing : collected tables of both families

    Returns
    -------
    agreement : columns :data:`AGREEMENT_COLUMNS`; ``over`` is ``layers`` or ``models``; ``n`` is their number
    """
    pairs = pair_scores(abx, probing)
    rows = [row for condition, group in pairs.groupby(_CONDITION, sort=False) for row in _rows(condition, group)]
    return pd.DataFrame(rows, columns=list(AGREEMENT_COLUMNS))


def _rows(condition: tuple[str, ...], pairs: pd.DataFrame) -> Iterator[dict[str, Any]]:
    names = dict(zip(_CONDITION, condition))
    chosen = pairs[pairs["chosen"]]
    yield names | {"over": "models", "spearman": spearman(chosen["probe"], chosen["value"]), "n": len(chosen)}
    for (model, step), layers in pairs.groupby(["model", "step"], sort=False):
        if len(layers) == 1:
            continue
        by_probe = layers.loc[layers["chosen"], "layer"]
        yield names | {
            "over": "layers",
            "model": model,
            "step": step,
            "spearman": spearman(layers["probe"], layers["value"]),
            "n": len(layers),
            "best_by_probe": by_probe.iloc[0] if len(by_probe) else "",
            "best_by_abx": layers["layer"].iloc[layers["value"].to_numpy().argmax()],
        }
