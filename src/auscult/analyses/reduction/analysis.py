"""Reduction: two-dimensional maps of activations, drawn from some speakers and judged on others.

A map that is fitted and judged on the same items shows groups even in noise, above all a supervised one. Here half of
the speakers fit the map, the other half are placed on it, and three numbers say what their picture is worth: whether
neighbours on the map are neighbours in the layer (trustworthiness), whether the values of a factor lie apart
(silhouette), and whether another seed and part of the items give the same map (stability).
"""

import logging
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import Any

import numpy as np
import pandas as pd
from sklearn.metrics import silhouette_samples
from tqdm import tqdm

from auscult.analyses.reduction.projections import (
    METHODS,
    fit_map,
    item_trustworthiness,
    neighbour_overlap,
    shape_agreement,
)
from auscult.errors import AnalysisError
from auscult.statistics.folds import check_disjoint, speaker_folds
from auscult.statistics.intervals import cluster_bootstrap
from auscult.statistics.moments import Moments
from auscult.tables import RESULT_COLUMNS, check_results

__all__ = ["REDUCTION_COLUMNS", "reduce_activations"]

REDUCTION_COLUMNS = (
    *RESULT_COLUMNS,
    "tier",
    "method",
    "supervised",
    "n_components",
    "n_neighbours",
    "chance",
    "resampling_unit",
    "held_out",
    "n_seeds",
)
_COORDINATE_COLUMNS = (
    "corpus",
    "model",
    "step",
    "layer",
    "method",
    "supervised",
    "x",
    "y",
    "part",
    "utterance",
    "index",
    "label",
)

# What a map made with another seed is made from: enough to find the same structure, few enough to tell if it does not.
_SHARE_OF_ITEMS = 0.8
_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class _Items:
    """The items of a study: a table, their positions in the index, and which of them fit the maps."""

    table: pd.DataFrame
    rows: np.ndarray
    fits: np.ndarray


def reduce_activations(
    activations: Any,
    *,
    layers: Sequence[str],
    corpus: str,
    model: str,
    step: str,
    tier: str = "phone",
    methods: Sequence[str] = ("pca", "lda", "umap"),
    factors: Sequence[str] = ("phone_class", "speaker", "gender", "language"),
    supervised_by: str = "phone_class",
    n_items: int = 2000,
    n_neighbours: int = 15,
    n_resamples: int = 2000,
    n_seeds: int = 3,
    seed: int = 0,
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Map layers to two dimensions and measure on held-out speakers what the maps keep.

    Dimensions are standardised by the fitting half; constant ones are left out. The same items serve every layer.
    Intervals resample the held-out speakers whose items are averaged; maps and distances stay as they are.

    Stability compares the map with others of the method, each with its own seed and a random four fifths of the items
    it is made from (of t-SNE, of the items it maps), pair by pair, over the held-out items that both place. So it
    means something for methods without randomness, too: how much a map owes to the very items that made it.

    Parameters
    ----------
    activations : has ``layers``, ``index`` (one row per segment) and ``load(layer, rows)``
    layers : which of them to map
    corpus, model, step : copied into the tables
    tier : the segments to map
    methods : of ``pca | lda | mds | umap | tsne``, see :func:`fit_map`
    factors : columns of the index whose silhouette is measured; one with a single value, or none twice, is left out
        and logged
    supervised_by : the column that LDA separates; items without a value are not used
    n_items : random sample, one half from either half of the speakers (or as many as there are)
    n_neighbours : neighbourhood size of UMAP, of trustworthiness and of stability
    n_resamples : bootstrap samples of an interval
    n_seeds : maps a method, the drawn one among them, whose stability is measured; 1 leaves it out
    seed : of halves, sample, maps and resampling

    Returns
    -------
    quality : columns :data:`REDUCTION_COLUMNS`; ``metric`` is ``silhouette`` (−1 to 1) of a factor, ``trustworthiness``
        (0 to 1) of the ``neighbourhood``, or ``stability`` of the ``neighbourhood`` (mean Jaccard index of nearest
        neighbours, 0 to 1) and of the ``shape`` (Procrustes similarity, up to 1), factor and so on being the
        ``target``; higher is better. Method ``none`` is the layer itself; ``chance`` is the metric when items are
        permuted (labels, or places on the map); ``n_seeds`` is the number of maps compared
    coordinates : one row per item, layer and method: ``corpus, model, step, layer, method, supervised, x, y, part``
        (``fit | held-out``), ``utterance, index, label`` and the factors

    Raises
    ------
    AnalysisError
        A method, layer, tier or column does not exist, or there are too few items or speakers; a vector is not finite.
    """
    _check_choice("methods", methods, METHODS)
    _check_choice("layers", layers, activations.layers)
    if n_seeds < 1:
        raise AnalysisError(f"reduction: expected n_seeds of 1 (no stability) or more, found {n_seeds}")
    items = _sample_items(activations.index, tier, methods, supervised_by, n_items, n_neighbours, seed)
    _check_choice("factors", factors, items.table.columns)
    known = [factor for factor in factors if _has_values(items.table, factor, ~items.fits)]
    for factor in (factor for factor in factors if factor not in known):
        _log.info("reduction: factor %s left out: fewer than two values, or none twice, among held-out items", factor)
    quality, coordinates = [], []
    for layer in tqdm(layers, desc=f"{model} {step} reduction", disable=None):
        x = _standardise(activations.load(layer, items.rows), items.fits, layer)
        maps = {"none": [x[~items.fits]]}
        for method in methods:
            placed = _place(method, x, items, supervised_by, n_neighbours, seed)
            coordinates.append(_coordinates(items, placed, known).assign(layer=layer, method=method))
            others = (_place_again(method, x, items, supervised_by, n_neighbours, seed + i) for i in range(1, n_seeds))
            maps[method] = [placed[~items.fits], *others]
        for row in _judge(maps, items.table[~items.fits], known, n_neighbours, n_resamples, seed):
            quality.append({"layer": layer, **row})
    names = {"corpus": corpus, "model": model, "step": str(step)}
    quality = pd.DataFrame(quality).assign(
        **names,
        tier=tier,
        resampling_unit="speaker",
        held_out="speaker",
        supervised=lambda rows: rows["method"] == "lda",
    )
    coordinates = pd.concat(coordinates, ignore_index=True)
    coordinates = coordinates.assign(**names, supervised=coordinates["method"] == "lda")
    columns = list(dict.fromkeys([*_COORDINATE_COLUMNS, *known]))
    return check_results(quality[list(REDUCTION_COLUMNS)]), coordinates[columns]


def _check_choice(what: str, chosen: Sequence[str], exists: Sequence[str]) -> None:
    unknown = [name for name in chosen if name not in exists]
    if unknown:
        raise AnalysisError(f"reduction: expected {what} of {', '.join(exists)}, found {unknown[0]!r}")


def _with_class(index, rows: np.ndarray, tier: str, supervised_by: str) -> np.ndarray:
    if supervised_by not in index:
        raise AnalysisError(
            f"reduction: expected column {supervised_by!r} (supervised_by) in the index, found {', '.join(index)}"
        )
    rows = rows[(index[supervised_by].iloc[rows].astype("string").fillna("") != "").to_numpy()]
    if not len(rows):
        raise AnalysisError(
            f"reduction: expected items of tier {tier!r} with a {supervised_by!r} for lda, found none; set "
            "supervised_by to a column that this tier has, or leave lda out of the methods"
        )
    return rows


def _sample_items(index, tier, methods, supervised_by, n_items, n_neighbours, seed) -> _Items:
    rows = np.flatnonzero(index["tier"] == tier)
    if not len(rows):
        raise AnalysisError(f"reduction: expected items of tier {tier!r}, found {', '.join(index['tier'].unique())}")
    if "lda" in methods:
        rows = _with_class(index, rows, tier, supervised_by)
    speakers = index["speaker"].iloc[rows].astype(str).to_numpy()
    strata = index["gender"].iloc[rows].astype("string").fillna("") if "gender" in index else None
    halves = speaker_folds(speakers, 2, seed, strata, where="reduction", advice="add speakers to the corpus")
    check_disjoint(speakers, halves)
    rng = np.random.default_rng([seed, 1])
    sample = np.concatenate([rng.permutation(np.flatnonzero(halves == half))[: n_items // 2] for half in (0, 1)])
    sample.sort()
    n_each = np.bincount(halves[sample], minlength=2)
    if n_each.min() <= 2 * n_neighbours:
        raise AnalysisError(
            f"reduction: expected more than {2 * n_neighbours} items (2 × n_neighbours) in both halves of the speakers,"
            f" found {n_each[0]} and {n_each[1]} of tier {tier!r}; add speakers, raise n_items or lower n_neighbours"
        )
    return _Items(index.iloc[rows[sample]].reset_index(drop=True), rows[sample], halves[sample] == 0)


def _has_values(table: pd.DataFrame, factor: str, held_out: np.ndarray) -> bool:
    values = table[factor][held_out].astype("string").fillna("")
    return 2 <= values[values != ""].nunique() < (values != "").sum()


def _standardise(x: np.ndarray, fits: np.ndarray, layer: str) -> np.ndarray:
    wrong = int((~np.isfinite(x)).any(axis=1).sum())
    if wrong:
        raise AnalysisError(
            f"reduction: expected finite vectors, found NaN or infinity in {wrong} of {len(x)} rows of layer {layer!r};"
            " check the model's weights and precision, then extract again"
        )
    moments = Moments.of(x[fits], np.empty((int(fits.sum()), 0)))
    scale = moments.inverse_scale
    if (scale > 0).sum() < 2:
        raise AnalysisError(f"reduction: expected two dimensions or more that vary, found fewer in layer {layer!r}")
    return ((x - moments.mean_x) * scale)[:, scale > 0]


def _place(method: str, x: np.ndarray, items: _Items, supervised_by: str, n_neighbours: int, seed: int) -> np.ndarray:
    labels = items.table[supervised_by][items.fits] if method == "lda" else None
    place = fit_map(method, x[items.fits], labels, n_neighbours=n_neighbours, seed=seed)
    placed = np.full((len(x), 2), np.nan)
    placed[~items.fits] = place(x[~items.fits])
    if method != "tsne":
        placed[items.fits] = place(x[items.fits])
    return placed


def _place_again(
    method: str, x: np.ndarray, items: _Items, supervised_by: str, n_neighbours: int, seed: int
) -> np.ndarray:
    """Return where the held-out items lie on a map made with another seed from some of the items."""
    used = np.random.default_rng([seed, 3]).random(len(x)) < _SHARE_OF_ITEMS
    fits, shown = items.fits & used, ~items.fits & (used | (method != "tsne"))
    labels = items.table[supervised_by][fits] if method == "lda" else None
    placed = np.full((len(x), 2), np.nan)
    placed[shown] = fit_map(method, x[fits], labels, n_neighbours=n_neighbours, seed=seed)(x[shown])
    return placed[~items.fits]


def _coordinates(items: _Items, placed: np.ndarray, factors: Sequence[str]) -> pd.DataFrame:
    columns = list(dict.fromkeys(["utterance", "index", "label", *factors]))
    part = np.where(items.fits, "fit", "held-out")
    table = items.table[columns].assign(x=placed[:, 0], y=placed[:, 1], part=part)
    return table[np.isfinite(placed).all(axis=1)]


def _judge(maps, table: pd.DataFrame, factors, n_neighbours: int, n_resamples: int, seed: int) -> Iterator[dict]:
    speakers = table["speaker"].astype(str).to_numpy()
    rng, layer = np.random.default_rng([seed, 2]), maps["none"][0]
    for method, placed in maps.items():
        measured = [*_silhouettes(placed[0], table, factors, rng)]
        if method != "none":
            measured += [_trustworthiness(layer, placed[0], n_neighbours, rng), *_stability(placed, n_neighbours, rng)]
        for target, metric, sums, counts, chance in measured:
            used = counts > 0
            low, high = cluster_bootstrap(sums, counts, speakers, n_resamples=n_resamples, seed=seed)
            yield {
                "target": target,
                "metric": metric,
                "value": sums.sum() / counts.sum(),
                "ci_low": low,
                "ci_high": high,
                "n": int(used.sum()),
                "n_groups": len(np.unique(speakers[used])),
                "method": method,
                "n_components": placed[0].shape[1],
                "n_neighbours": n_neighbours,
                "chance": chance,
                "n_seeds": len(placed) if metric == "stability" else 1,
            }


# Each of the following gives target, metric, and for every held-out item a sum and a count, whose ratio is averaged;
# last the value for permuted items.


def _silhouettes(space: np.ndarray, table: pd.DataFrame, factors, rng: np.random.Generator) -> Iterator[tuple]:
    for factor in factors:
        values = table[factor].astype("string").fillna("").to_numpy(dtype=str)
        used, sums = values != "", np.zeros(len(values))
        chance = silhouette_samples(space[used], rng.permutation(values[used])).mean()
        sums[used] = silhouette_samples(space[used], values[used])
        yield factor, "silhouette", sums, used.astype(float), chance


def _trustworthiness(layer: np.ndarray, placed: np.ndarray, n_neighbours: int, rng: np.random.Generator) -> tuple:
    items = item_trustworthiness(layer, placed, n_neighbours)
    chance = item_trustworthiness(layer, rng.permutation(placed), n_neighbours).mean()
    return "neighbourhood", "trustworthiness", items, np.ones_like(items), chance


def _stability(maps: Sequence[np.ndarray], n_neighbours: int, rng: np.random.Generator) -> Iterator[tuple]:
    if len(maps) < 2:
        return
    agreements = {"neighbourhood": lambda *pair: neighbour_overlap(*pair, n_neighbours), "shape": shape_agreement}
    for target, agreement in agreements.items():
        sums, counts, chances = np.zeros(len(maps[0])), np.zeros(len(maps[0])), []
        for one, other in combinations(maps, 2):
            both = np.isfinite(one).all(axis=1) & np.isfinite(other).all(axis=1)
            sums[both] += agreement(one[both], other[both])
            counts += both
            chances.append(agreement(one[both], rng.permutation(other[both])).mean())
        yield target, "stability", sums, counts, float(np.mean(chances))
