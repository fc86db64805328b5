"""Disentangling: whether a layer keeps phone class, gender and language apart, and what runs through each.

Four questions of the same vectors: how the subspaces of factors lie to each other
(:mod:`auscult.analyses.disentangling.geometry`), what erasing one does to the others
(:mod:`auscult.analyses.disentangling.erasure`), how much of a prediction runs through each
(:mod:`auscult.analyses.disentangling.attribution`), and whether a bottleneck learns to separate text from the rest
(:mod:`auscult.analyses.disentangling.latents`). Factors are crossed and weighted so that none is told by another in the
corpus; speakers of whom subspaces, erasers and probes are fitted are never those on which they are measured.
"""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd
from tqdm import tqdm

from auscult.analyses.disentangling.attribution import (
    factor_targets,
    labelled_target,
    measure_attribution,
    subspace_parts,
)
from auscult.analyses.disentangling.erasure import METHODS, measure_erasure
from auscult.analyses.disentangling.geometry import measure_geometry, speaker_effects
from auscult.analyses.disentangling.items import FactorItems, factor_items
from auscult.analyses.disentangling.readouts import check_finite
from auscult.corpora.corpus import GENDERS
from auscult.errors import AnalysisError
from auscult.tables import RESULT_COLUMNS, check_results

__all__ = ["DISENTANGLING_COLUMNS", "KNOWN_VALUES", "disentangle_activations"]

DISENTANGLING_COLUMNS = (
    *RESULT_COLUMNS,
    "analysis",
    "factor",
    "method",
    "readout",
    "component",
    "chance",
    "null",
    "null_low",
    "null_median",
    "null_high",
    "share_of_null_below",
    "tier",
    "held_out",
    "resampling_unit",
)
# Values that a factor may have; other factors may have any.
KNOWN_VALUES = {"gender": tuple(gender for gender in GENDERS if gender)}


def disentangle_activations(
    activations: Any,
    *,
    layer: str,
    corpus: str,
    model: str,
    step: str,
    factors: Sequence[str] = ("phone_class", "gender", "language"),
    targets: Mapping[str, Mapping[str, Any]] | None = None,
    tier: str = "phone",
    methods: Sequence[str] = METHODS,
    shrinkage: float = 0.0,
    min_items: int = 10,
    max_items: int | None = None,
    min_class_size: int = 20,
    n_folds: int = 4,
    n_mlp_items: int = 2000,
    n_null: int = 1000,
    n_resamples: int = 1000,
    seed: int = 0,
) -> pd.DataFrame:
    """Measure the subspaces of factors at every layer, and at one of them what erasing and attributing to them does.

    Dimensions are divided by their standard deviation over all items, which knows no labels.

    Parameters
    ----------
    activations : has ``layers``, ``index`` (one row per segment) and ``load(layer, rows)``
    layer : where erasure and attribution are measured, declared beforehand; a model with one layer has that
    corpus, model, step : copied into the table
    factors : columns of the index that are crossed
    targets : further predictions that are shared out among the parts, by name: ``tier`` and ``column``
    tier : segments whose vectors are split
    methods : of :data:`auscult.analyses.disentangling.erasure.METHODS`
    shrinkage : of the covariance in LEACE
    min_items : least segments of a combination of values, see :func:`auscult.analyses.disentangling.items.factor_items`
    max_items : random sample of the segments, and of those of each target, held in memory at once
    min_class_size : of the classes of targets
    n_folds : of speakers; at least 3: test, validation and training
    n_mlp_items : sample that trains a network; 0 trains none
    n_null : random spaces a null
    n_resamples : bootstrap samples of speakers
    seed : of folds, random spaces, samples and resampling

    Returns
    -------
    results : columns :data:`DISENTANGLING_COLUMNS`. ``analysis`` is ``geometry``: ``angle_deg`` (0 to 90) of each
        ``component`` and ``overlap`` (mean squared cosine, 0 to 1) of the subspaces of ``target`` and ``factor``,
        beside the quantiles of a ``null`` and the share of it that is not above the value; and ``residual_variance``
        (0 to 1) of ``target`` once ``component`` axes of ``factor`` are removed, whose ``null_median`` is what random
        axes leave. ``erasure``: ``balanced_accuracy`` of ``target`` with ``factor`` erased (empty: nothing) by
        ``method``, and ``accuracy_change``. ``attribution``: the ``part_share`` of the score of ``target`` that runs
        through part ``factor``, and the mean score, ``part_score``

    Raises
    ------
    AnalysisError
        A layer, method, factor, target or tier does not exist; fewer than three folds; see also
        :func:`auscult.analyses.disentangling.items.factor_items`.
    """
    if len(activations.layers) > 1 and layer not in activations.layers:
        raise AnalysisError(f"disentangling: expected layer {', '.join(activations.layers)}, found {layer!r}")
    if n_folds < 3:
        raise AnalysisError(
            f"disentangling: expected n_folds of 3 or more (test, validation, training), found {n_folds}"
        )
    chosen, index = (activations.layers[0] if len(activations.layers) == 1 else layer), activations.index
    items = factor_items(
        index, tier, factors, n_folds=n_folds, min_items=min_items, max_items=max_items, known=KNOWN_VALUES, seed=seed
    )
    fold_of = dict(zip(items.speakers, items.folds))
    limits = {"min_class_size": min_class_size, "max_items": max_items, "seed": seed}
    further = [labelled_target(index, fold_of, name, target, **limits) for name, target in (targets or {}).items()]
    rows: list[dict] = []

    def add(analysis: str, at: str, found) -> None:
        rows.extend({"analysis": analysis, "layer": at, "n": len(items.rows), **row} for row in found)

    for name in tqdm(activations.layers, desc=f"{model} {step} disentangling", disable=None):
        x, scale = _scaled(activations, name, items)
        geometry = measure_geometry(
            speaker_effects(x, items), _covariance(x, items), n_resamples=n_resamples, n_draws=n_null, seed=seed
        )
        add("geometry", name, geometry)
        if name == chosen:
            shared = {"n_mlp_items": n_mlp_items, "n_resamples": n_resamples, "seed": seed}
            add("erasure", name, measure_erasure(x, items, methods=methods, shrinkage=shrinkage, **shared))
            vectors = [(target, x) for target in factor_targets(items)]
            vectors += [(target, activations.load(name, target.rows).astype(float) * scale) for target in further]
            parts = subspace_parts(x, items, methods, shrinkage=shrinkage, seed=seed)
            add("attribution", name, measure_attribution(parts, vectors, **shared))
    results = pd.DataFrame(rows).assign(
        corpus=corpus, model=model, step=str(step), tier=tier, held_out="speaker", resampling_unit="speaker"
    )
    return check_results(results.reindex(columns=list(DISENTANGLING_COLUMNS)))


def _scaled(activations: Any, layer: str, items: FactorItems) -> tuple[np.ndarray, np.ndarray]:
    """Return the vectors of the items, each dimension of unit variance, and what it was multiplied with."""
    x = check_finite(activations.load(layer, items.rows), layer).astype(float)
    spread = x.std(axis=0)
    varies = spread > 1e-7 * np.abs(x).max(axis=0)
    scale = np.divide(1.0, spread, where=varies, out=np.zeros_like(spread))
    return x * scale, scale


def _covariance(x: np.ndarray, items: FactorItems) -> np.ndarray:
    return np.cov(x.T, aweights=items.weights, ddof=0)
