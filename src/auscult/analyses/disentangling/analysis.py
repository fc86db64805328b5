"""Disentangling: whether a layer separates phone class, gender and language, and how much each prediction uses them.

Four questions are asked of the same vectors: how the subspaces of factors are oriented towards each other
(:mod:`auscult.analyses.disentangling.geometry`), how erasing one factor affects the others
(:mod:`auscult.analyses.disentangling.erasure`), how much of a prediction runs through each subspace
(:mod:`auscult.analyses.disentangling.attribution`), and whether a bottleneck learns to separate text from the rest
(:mod:`auscult.analyses.disentangling.latents`). Factors are crossed and weighted, so that no factor predicts another in
the corpus. Subspaces, erasers and probes are fitted on other speakers than those on whom they are measured.
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd
from tqdm import tqdm

from auscult.activations.interface import Activations
from auscult.analyses.disentangling.attribution import (
    factor_targets,
    labelled_target,
    measure_attribution,
    subspace_parts,
)
from auscult.analyses.disentangling.columns import DISENTANGLING_COLUMNS
from auscult.analyses.disentangling.erasure import measure_erasure
from auscult.analyses.disentangling.geometry import measure_geometry, speaker_effects
from auscult.analyses.disentangling.items import FactorItems, factor_items
from auscult.analyses.disentangling.readouts import check_finite
from auscult.analyses.disentangling.settings import DisentanglingSettings
from auscult.corpora.corpus import GENDERS
from auscult.errors import AnalysisError
from auscult.tables import check_results

__all__ = ["DISENTANGLING_COLUMNS", "KNOWN_VALUES", "disentangle_activations"]

# Values allowed for a factor; factors that are not listed may have any.
KNOWN_VALUES = {"gender": tuple(gender for gender in GENDERS if gender)}


def disentangle_activations(
    activations: Activations,
    *,
    layer: str,
    factors: Sequence[str],
    targets: Mapping[str, Mapping[str, Any]] | None = None,
    corpus: str,
    model: str,
    step: str,
    settings: DisentanglingSettings = DisentanglingSettings(),
    seed: int = 0,
) -> pd.DataFrame:
    """Compare the subspaces of factors at every layer; at one layer, erase factors and attribute predictions to them.

    Each dimension is divided by its standard deviation over all items, which uses no labels.

    Parameters
    ----------
    activations : vectors and index of one model and corpus
    layer : layer of erasure and attribution, declared beforehand; the only layer of a model that has one
    factors : columns of the index that are crossed, such as ``phone_class``, ``gender`` and ``language``
    targets : further targets, by name, whose predictions are attributed to the parts: ``tier`` and ``column``
    corpus, model, step : copied into the table
    settings : see :class:`~auscult.analyses.disentangling.settings.DisentanglingSettings`
    seed : of folds, random subspaces, samples and resampling

    Returns
    -------
    results : columns :data:`DISENTANGLING_COLUMNS`. Rows of ``analysis`` ``geometry``: ``angle_deg`` (0 to 90) of each
        ``component``, ``overlap`` (mean squared cosine, 0 to 1) between the subspaces of ``target`` and ``factor``, and
        ``overlap_corrected`` for the reliability of both, all with the quantiles of a ``null`` and the share of it at
        or below the value, and a ``verdict`` (:func:`auscult.analyses.disentangling.geometry.measure_geometry`); and
        ``residual_variance`` (0 to 1) of ``target`` after removal of ``component`` axes of ``factor``, whose
        ``null_median`` is the variance left by random axes. ``erasure``: ``balanced_accuracy`` of ``target`` after
        ``factor`` is erased by ``method`` (empty: nothing erased), and ``accuracy_change``. ``attribution``:
        ``part_share``, the share of the score of ``target`` that runs through part ``factor``, and ``part_score``, the
        mean score

    Raises
    ------
    AnalysisError
        A layer, method, factor, target or tier does not exist; there are fewer than three folds; see also
        :func:`auscult.analyses.disentangling.items.factor_items`.
    """
    if len(activations.layers) > 1 and layer not in activations.layers:
        raise AnalysisError(
            f"disentangling: expected one of the layers {', '.join(activations.layers)}, found {layer!r}; name one of "
            "them"
        )
    if settings.n_folds < 3:
        raise AnalysisError(
            f"disentangling: expected n_folds of 3 or more (test, validation, training), found {settings.n_folds}; "
            "raise it"
        )
    chosen, index = (activations.layers[0] if len(activations.layers) == 1 else layer), activations.index
    items = factor_items(index, factors, settings, known=KNOWN_VALUES, seed=seed)
    fold_of = dict(zip(items.speakers, items.folds))
    further = [
        labelled_target(
            index,
            fold_of,
            name,
            target,
            min_class_size=settings.min_class_size,
            max_items=settings.max_items,
            seed=seed,
        )
        for name, target in (targets or {}).items()
    ]
    rows: list[dict[str, Any]] = []

    def add(analysis: str, at: str, found: Iterable[dict[str, Any]]) -> None:
        rows.extend({"analysis": analysis, "layer": at, "n": len(items.rows), **row} for row in found)

    for name in tqdm(activations.layers, desc=f"{model} {step} disentangling", disable=None):
        x, scale = _scaled(activations, name, items)
        geometry = measure_geometry(
            speaker_effects(x, items),
            _covariance(x, items),
            n_draws=settings.n_null,
            seed=seed,
        )
        add("geometry", name, geometry)
        if name == chosen:
            add("erasure", name, measure_erasure(x, items, settings, seed=seed))
            vectors = [(target, x) for target in factor_targets(items)]
            vectors += [(target, activations.load(name, target.rows).astype(float) * scale) for target in further]
            parts = subspace_parts(x, items, settings.methods, shrinkage=settings.shrinkage, seed=seed)
            attribution = measure_attribution(
                parts, vectors, n_mlp_items=settings.n_mlp_items, n_resamples=settings.n_resamples, seed=seed
            )
            add("attribution", name, attribution)
    results = pd.DataFrame(rows).assign(
        corpus=corpus, model=model, step=str(step), tier=settings.tier, held_out="speaker", resampling_unit="speaker"
    )
    return check_results(results.reindex(columns=list(DISENTANGLING_COLUMNS)))


def _scaled(activations: Activations, layer: str, items: FactorItems) -> tuple[np.ndarray, np.ndarray]:
    """Return the vectors of the items, scaled to unit variance per dimension, and the scale of each dimension."""
    x = check_finite(activations.load(layer, items.rows), layer).astype(float)
    spread = x.std(axis=0)
    varies = spread > 1e-7 * np.abs(x).max(axis=0)
    scale = np.divide(1.0, spread, where=varies, out=np.zeros_like(spread))
    return x * scale, scale


def _covariance(x: np.ndarray, items: FactorItems) -> np.ndarray:
    return np.cov(x.T, aweights=items.weights, ddof=0)
