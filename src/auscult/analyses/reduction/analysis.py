"""Reduction: two-dimensional maps of activations, fitted on half of the speakers and evaluated on the other half.

A map that is evaluated on the items that fit it shows groups even in noise, above all a supervised map. Three measures
on held-out speakers describe each map: whether neighbours on the map are neighbours in the layer (trustworthiness),
whether the values of a factor are separate (silhouette), and whether another seed and other items give the same map
(stability).
"""

import logging
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import Any

import numpy as np
import pandas as pd
from sklearn.metrics import silhouette_samples
from tqdm import tqdm

from auscult.activations.interface import Activations
from auscult.analyses.reduction.columns import (
    COORDINATE_COLUMNS,
    FITTED,
    HELD_OUT,
    NEIGHBOURHOOD,
    NO_MAP,
    REDUCTION_COLUMNS,
    SHAPE,
)
from auscult.analyses.reduction.projections import (
    METHODS,
    fit_map,
    item_trustworthiness,
    neighbour_overlap,
    shape_agreement,
)
from auscult.analyses.reduction.settings import ReductionSettings
from auscult.errors import AnalysisError
from auscult.statistics.folds import check_disjoint, speaker_folds
from auscult.statistics.intervals import cluster_bootstrap
from auscult.statistics.moments import Moments
from auscult.tables import check_results

__all__ = ["REDUCTION_COLUMNS", "reduce_activations"]

# Share of the items from which the maps compared for stability are made: large enough to find the same structure, small
# enough to notice if it depends on single items.
_SHARE_OF_ITEMS = 0.8
_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class _Items:
    """Sampled items.

    Parameters
    ----------
    table : their rows of the index
    rows : their positions in the index [shape=(n_items,)]
    fits : whether each fits the maps; the others are held out [shape=(n_items,)]
    """

    table: pd.DataFrame
    rows: np.ndarray
    fits: np.ndarray

    @property
    def held_out(self) -> pd.DataFrame:
        """The rows of held-out items."""
        return self.table[~self.fits]


@dataclass(frozen=True)
class _Measure:
    """One measure of one map: a ratio of sums over items.

    Parameters
    ----------
    target, metric : values of these columns
    sums, counts : one pair per held-out item; the count is 0 for items that are not measured [shape=(n_items,)]
    chance : value for permuted items
    """

    target: str
    metric: str
    sums: np.ndarray
    counts: np.ndarray
    chance: float


def reduce_activations(
    activations: Activations,
    *,
    layers: Sequence[str],
    corpus: str,
    model: str,
    step: str,
    settings: ReductionSettings = ReductionSettings(),
    seed: int = 0,
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Map layers to two dimensions and measure the quality of the maps on held-out speakers.

    Dimensions are standardised with the moments of the fitting items; constant dimensions are left out. All layers are
    mapped with the same items. Intervals resample held-out speakers and keep maps and distances fixed.

    Stability compares all pairs of ``n_seeds`` maps of a method, each with its own seed and, except for the map that is
    drawn, a random 80 % of the items it is made from (for t-SNE, of the items it maps), over the held-out items that
    both maps contain. It therefore also describes deterministic methods: it shows how far a map depends on single
    items.

    Parameters
    ----------
    activations : activations of all segments
    layers : layers to map
    corpus, model, step : values of these columns of the tables
    settings : items, methods, factors and resampling. A factor with one value only, or with no value that occurs twice,
        is left out and logged. With ``lda``, items without a value of ``supervised_by`` are left out
    seed : seed of halves, sample, maps and resampling

    Returns
    -------
    quality : columns :data:`REDUCTION_COLUMNS`; higher is better for every ``metric``: ``silhouette`` (−1 to 1) of the
        factor that ``target`` names, ``trustworthiness`` (0 to 1) of the ``neighbourhood``, ``stability`` of the
        ``neighbourhood`` (mean Jaccard index of nearest neighbours, 0 to 1) and of the ``shape`` (Procrustes
        similarity, at most 1). ``method`` is ``none`` for the layer itself; ``chance`` is the metric for permuted items
        (labels, or places on the map); ``n_seeds`` is the number of maps compared
    coordinates : one row per item, layer and method: ``corpus, model, step, layer, method, supervised, x, y, part``
        (``fit | held-out``), ``utterance, index, label`` and the factors

    Raises
    ------
    AnalysisError
        A method, layer, tier or column does not exist; there are too few items or speakers; a vector is not finite.
    """
    _check_choice("methods", settings.methods, METHODS)
    _check_choice("layers", layers, activations.layers)
    if settings.n_seeds < 1:
        raise AnalysisError(f"reduction: expected n_seeds of 1 (no stability) or more, found {settings.n_seeds}")
    items = _sample_items(activations.index, settings, seed)
    factors = _measurable_factors(items, settings.factors)
    quality: list[dict[str, Any]] = []
    coordinates: list[pd.DataFrame] = []
    for layer in tqdm(layers, desc=f"{model} {step} reduction", disable=None):
        x = _standardise(activations.load(layer, items.rows), items.fits, layer)
        maps = {NO_MAP: [x[~items.fits]]}
        for method in settings.methods:
            places = _place(method, x, items, settings, seed)
            coordinates.append(_coordinates(items, places, factors).assign(layer=layer, method=method))
            again = (_place_again(method, x, items, settings, seed + i) for i in range(1, settings.n_seeds))
            maps[method] = [places[~items.fits], *again]
        rows = _quality_rows(maps, items.held_out, factors, settings, seed)
        quality += [{"layer": layer, **row} for row in rows]
    names = {"corpus": corpus, "model": model, "step": str(step)}
    quality_table = pd.DataFrame(quality).assign(
        **names,
        tier=settings.tier,
        resampling_unit="speaker",
        held_out="speaker",
        supervised=lambda rows: rows["method"] == "lda",
    )
    coordinate_table = pd.concat(coordinates, ignore_index=True)
    coordinate_table = coordinate_table.assign(**names, supervised=coordinate_table["method"] == "lda")
    columns = list(dict.fromkeys([*COORDINATE_COLUMNS, *factors]))
    return check_results(quality_table[list(REDUCTION_COLUMNS)]), coordinate_table[columns]


def _check_choice(what: str, chosen: Sequence[str], available: Sequence[str]) -> None:
    unknown = [name for name in chosen if name not in available]
    if unknown:
        raise AnalysisError(f"reduction: expected {what} of {', '.join(available)}, found {unknown[0]!r}")


def _sample_items(index: pd.DataFrame, settings: ReductionSettings, seed: int) -> _Items:
    tier, n_neighbours = settings.tier, settings.n_neighbours
    rows = np.flatnonzero(index["tier"] == tier)
    if not len(rows):
        raise AnalysisError(f"reduction: expected items of tier {tier!r}, found {', '.join(index['tier'].unique())}")
    if "lda" in settings.methods:
        rows = _with_class(index, rows, settings)
    speakers = index["speaker"].iloc[rows].astype(str).to_numpy()
    strata = index["gender"].iloc[rows].astype("string").fillna("") if "gender" in index else None
    halves = speaker_folds(speakers, 2, seed, strata, where="reduction", advice="add speakers to the corpus")
    check_disjoint(speakers, halves)
    rng = np.random.default_rng([seed, 1])
    n_half = settings.n_items // 2
    sample = np.concatenate([rng.permutation(np.flatnonzero(halves == half))[:n_half] for half in (0, 1)])
    sample.sort()
    n_each = np.bincount(halves[sample], minlength=2)
    if n_each.min() <= 2 * n_neighbours:
        raise AnalysisError(
            f"reduction: expected more than {2 * n_neighbours} items (2 × n_neighbours) in both halves of the speakers,"
            f" found {n_each[0]} and {n_each[1]} of tier {tier!r}; add speakers, raise n_items or lower n_neighbours"
        )
    return _Items(index.iloc[rows[sample]].reset_index(drop=True), rows[sample], halves[sample] == 0)


def _with_class(index: pd.DataFrame, rows: np.ndarray, settings: ReductionSettings) -> np.ndarray:
    column = settings.supervised_by
    if column not in index:
        raise AnalysisError(
            f"reduction: expected column {column!r} (supervised_by) in the index, found {', '.join(index)}"
        )
    rows = rows[(index[column].iloc[rows].astype("string").fillna("") != "").to_numpy()]
    if not len(rows):
        raise AnalysisError(
            f"reduction: expected items of tier {settings.tier!r} with a {column!r} for lda, found none; set "
            "supervised_by to a column that this tier has, or leave lda out of the methods"
        )
    return rows


def _measurable_factors(items: _Items, factors: Sequence[str]) -> list[str]:
    """Return the factors with at least two values among held-out items, one of which occurs twice; log the others."""
    _check_choice("factors", factors, items.table.columns)
    measurable = []
    for factor in factors:
        values = items.held_out[factor].astype("string").fillna("")
        if 2 <= values[values != ""].nunique() < (values != "").sum():
            measurable.append(factor)
        else:
            _log.info(
                "reduction: factor %s left out: fewer than two values, or none twice, among held-out items", factor
            )
    return measurable


def _standardise(x: np.ndarray, fits: np.ndarray, layer: str) -> np.ndarray:
    n_wrong = int((~np.isfinite(x)).any(axis=1).sum())
    if n_wrong:
        raise AnalysisError(
            f"reduction: expected finite vectors, found NaN or infinity in {n_wrong} of {len(x)} rows of layer "
            f"{layer!r}; check the model's weights and precision, then extract again"
        )
    moments = Moments.of(x[fits], np.empty((int(fits.sum()), 0)))
    scale = moments.inverse_scale
    if (scale > 0).sum() < 2:
        raise AnalysisError(f"reduction: expected two dimensions or more that vary, found fewer in layer {layer!r}")
    return ((x - moments.mean_x) * scale)[:, scale > 0]


def _place(method: str, x: np.ndarray, items: _Items, settings: ReductionSettings, seed: int) -> np.ndarray:
    """Return the places of all items on the map that is drawn; t-SNE places held-out items only."""
    place = _fit(method, x, items, items.fits, settings, seed)
    places = np.full((len(x), 2), np.nan)
    # One call for each half: the places that UMAP gives depend on the items that are placed together.
    places[~items.fits] = place(x[~items.fits])
    if method != "tsne":
        places[items.fits] = place(x[items.fits])
    return places


def _place_again(method: str, x: np.ndarray, items: _Items, settings: ReductionSettings, seed: int) -> np.ndarray:
    """Return the places of the held-out items on a map with another seed and a part of the items."""
    used = np.random.default_rng([seed, 3]).random(len(x)) < _SHARE_OF_ITEMS
    shown = ~items.fits & (used | (method != "tsne"))
    places = np.full((len(x), 2), np.nan)
    places[shown] = _fit(method, x, items, items.fits & used, settings, seed)(x[shown])
    return places[~items.fits]


def _fit(
    method: str, x: np.ndarray, items: _Items, fits: np.ndarray, settings: ReductionSettings, seed: int
) -> Callable[[np.ndarray], np.ndarray]:
    labels = items.table[settings.supervised_by][fits] if method == "lda" else None
    return fit_map(method, x[fits], labels, n_neighbours=settings.n_neighbours, seed=seed)


def _coordinates(items: _Items, places: np.ndarray, factors: Sequence[str]) -> pd.DataFrame:
    columns = list(dict.fromkeys(["utterance", "index", "label", *factors]))
    part = np.where(items.fits, FITTED, HELD_OUT)
    table = items.table[columns].assign(x=places[:, 0], y=places[:, 1], part=part)
    return table[np.isfinite(places).all(axis=1)]


def _quality_rows(
    maps: Mapping[str, Sequence[np.ndarray]],
    table: pd.DataFrame,
    factors: Sequence[str],
    settings: ReductionSettings,
    seed: int,
) -> Iterator[dict[str, Any]]:
    """Yield the result rows of the layer itself and of each method.

    Parameters
    ----------
    maps : by method, the places of held-out items on the map that is drawn, then on the maps compared with it
    table : held-out rows of the index
    """
    speakers = table["speaker"].astype(str).to_numpy()
    rng, layer = np.random.default_rng([seed, 2]), maps[NO_MAP][0]
    for method, places in maps.items():
        measures = [*_silhouettes(places[0], table, factors, rng)]
        if method != NO_MAP:
            measures.append(_trustworthiness(layer, places[0], settings.n_neighbours, rng))
            measures += _stability(places, settings.n_neighbours, rng)
        for measure in measures:
            used = measure.counts > 0
            low, high = cluster_bootstrap(
                measure.sums, measure.counts, speakers, n_resamples=settings.n_resamples, seed=seed
            )
            yield {
                "target": measure.target,
                "metric": measure.metric,
                "value": measure.sums.sum() / measure.counts.sum(),
                "ci_low": low,
                "ci_high": high,
                "n": int(used.sum()),
                "n_groups": len(np.unique(speakers[used])),
                "method": method,
                "n_components": places[0].shape[1],
                "n_neighbours": settings.n_neighbours,
                "chance": measure.chance,
                "n_seeds": len(places) if measure.metric == "stability" else 1,
            }


def _silhouettes(
    space: np.ndarray, table: pd.DataFrame, factors: Sequence[str], rng: np.random.Generator
) -> Iterator[_Measure]:
    for factor in factors:
        values = table[factor].astype("string").fillna("").to_numpy(dtype=str)
        used, sums = values != "", np.zeros(len(values))
        chance = silhouette_samples(space[used], rng.permutation(values[used])).mean()
        sums[used] = silhouette_samples(space[used], values[used])
        yield _Measure(factor, "silhouette", sums, used.astype(float), chance)


def _trustworthiness(layer: np.ndarray, places: np.ndarray, n_neighbours: int, rng: np.random.Generator) -> _Measure:
    items = item_trustworthiness(layer, places, n_neighbours)
    chance = item_trustworthiness(layer, rng.permutation(places), n_neighbours).mean()
    return _Measure(NEIGHBOURHOOD, "trustworthiness", items, np.ones_like(items), chance)


def _stability(maps: Sequence[np.ndarray], n_neighbours: int, rng: np.random.Generator) -> Iterator[_Measure]:
    if len(maps) < 2:
        return

    def overlap(one: np.ndarray, other: np.ndarray) -> np.ndarray:
        return neighbour_overlap(one, other, n_neighbours)

    for target, agreement in {NEIGHBOURHOOD: overlap, SHAPE: shape_agreement}.items():
        sums, counts, chances = np.zeros(len(maps[0])), np.zeros(len(maps[0])), []
        for one, other in combinations(maps, 2):
            both = np.isfinite(one).all(axis=1) & np.isfinite(other).all(axis=1)
            sums[both] += agreement(one[both], other[both])
            counts += both
            chances.append(agreement(one[both], rng.permutation(other[both])).mean())
        yield _Measure(target, "stability", sums, counts, float(np.mean(chances)))
