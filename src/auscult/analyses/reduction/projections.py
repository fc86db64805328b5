"""Projections to two dimensions, the trustworthiness of a map, and the agreement of two maps."""

import warnings
from collections.abc import Callable

import numpy as np
import numpy.typing as npt
from scipy.spatial import procrustes
from sklearn.decomposition import PCA
from sklearn.discriminant_analysis import LinearDiscriminantAnalysis
from sklearn.manifold import TSNE
from sklearn.metrics import pairwise_distances

from auscult.errors import AnalysisError

__all__ = ["METHODS", "fit_map", "item_trustworthiness", "neighbour_overlap", "shape_agreement"]

METHODS = ("pca", "lda", "mds", "umap", "tsne")

_BLOCK = 256
# With 500 landmarks, 1,500 items had 0.7 % more stress than in a joint fit, whose cost is quadratic in their number.
_N_LANDMARKS = 500
_N_STEPS = 300
_STEP_TOLERANCE = 1e-4


def fit_map(
    method: str, x: np.ndarray, labels: npt.ArrayLike | None = None, *, n_neighbours: int, seed: int
) -> Callable[[np.ndarray], np.ndarray]:
    """Fit a map to two dimensions and return the function that places vectors on it.

    Parameters
    ----------
    method : one of :data:`METHODS`:

        - ``pca``: principal components;
        - ``lda``: Fisher's discriminants of ``labels``, with the covariance shrinkage of Ledoit and Wolf (2004);
        - ``mds``: metric multidimensional scaling of Euclidean distances by SMACOF (de Leeuw, 1977), started from PCA,
          of at most 500 landmarks drawn with ``seed``; other items are placed where their distances to the landmarks
          have least stress;
        - ``umap`` (McInnes, Healy and Melville, 2018);
        - ``tsne`` (van der Maaten and Hinton, 2008), which cannot place new items: the function returned ignores ``x``
          and maps the items it is given, without labels

    x : standardised vectors [shape=(n, n_dims)]
    labels : classes for ``lda``, three or more [shape=(n,)]
    n_neighbours : size of the neighbourhood of ``umap``
    seed : seed of landmarks, UMAP and t-SNE

    Returns
    -------
    place : function of vectors [shape=(m, n_dims)] that returns places [shape=(m, 2)]. Axes of PCA and LDA have the
        sign that makes their largest weight positive, so that refits do not mirror the map.

    Raises
    ------
    AnalysisError
        The method does not exist, or LDA has fewer than three classes.
    """
    match method:
        case "pca":
            return _fit_pca(x)
        case "lda":
            return _fit_lda(x, np.asarray(labels, dtype=str))
        case "mds":
            return _fit_mds(x, seed)
        case "umap":
            return _fit_umap(x, n_neighbours, seed)
        case "tsne":
            return lambda new: TSNE(
                perplexity=min(30.0, (len(new) - 1) / 3), random_state=seed, n_jobs=1
            ).fit_transform(new)
    raise AnalysisError(f"reduction: expected methods of {', '.join(METHODS)}, found {method!r}")


def _fit_pca(x: np.ndarray) -> Callable[[np.ndarray], np.ndarray]:
    pca = PCA(n_components=2, svd_solver="full").fit(x)
    return _projection(pca.mean_, pca.components_.T)


def _fit_lda(x: np.ndarray, labels: np.ndarray) -> Callable[[np.ndarray], np.ndarray]:
    classes, counts = np.unique(labels, return_counts=True)
    members = np.isin(labels, classes[counts >= 2])
    if (counts >= 2).sum() < 3:
        raise AnalysisError(
            f"expected three classes or more with two items each for two axes of LDA, found {(counts >= 2).sum()} of "
            f"{len(classes)} classes ({', '.join(classes[:5])}); choose another supervised_by, or leave lda out"
        )
    lda = LinearDiscriminantAnalysis(solver="eigen", shrinkage="auto").fit(x[members], labels[members])
    return _projection(x.mean(axis=0), lda.scalings_[:, :2])


def _projection(mean: np.ndarray, axes: np.ndarray) -> Callable[[np.ndarray], np.ndarray]:
    largest = np.take_along_axis(axes, np.abs(axes).argmax(axis=0)[None], axis=0)
    return lambda x: (x - mean) @ (axes * np.sign(largest))


def _fit_mds(x: np.ndarray, seed: int) -> Callable[[np.ndarray], np.ndarray]:
    start = _fit_pca(x)
    drawn = np.random.default_rng(seed).permutation(len(x))[:_N_LANDMARKS]
    landmarks = x[np.sort(drawn)]
    centre = start(landmarks).mean(axis=0)
    anchors = _majorise(start(landmarks) - centre, pairwise_distances(landmarks), None) + centre

    def place(new: np.ndarray) -> np.ndarray:
        blocks = [new[begin : begin + _BLOCK] for begin in range(0, len(new), _BLOCK)]
        return np.concatenate([_majorise(start(rows), pairwise_distances(rows, landmarks), anchors) for rows in blocks])

    return place


def _majorise(places: np.ndarray, distances: np.ndarray, anchors: np.ndarray | None) -> np.ndarray:
    """Minimise the stress Σ (‖y_i − a_j‖ − δ_ij)² of places y by majorisation (de Leeuw, 1977).

    The anchors a are fixed or, if None, the places themselves. The Guttman transform
    y_i ← ā + Σ_j δ_ij (y_i − a_j) / ‖y_i − a_j‖ / n never increases the stress.
    """
    for _ in range(_N_STEPS):
        fixed = places if anchors is None else anchors
        on_map = pairwise_distances(places, fixed)
        ratio = np.divide(distances, on_map, out=np.zeros_like(on_map), where=on_map > 0)
        moved = fixed.mean(axis=0) + (places * ratio.sum(axis=1, keepdims=True) - ratio @ fixed) / len(fixed)
        step, places = np.abs(moved - places).max(), moved
        if step <= _STEP_TOLERANCE * np.abs(fixed).max():
            break
    return places


def _fit_umap(x: np.ndarray, n_neighbours: int, seed: int) -> Callable[[np.ndarray], np.ndarray]:
    # Imported here, since its compilation takes seconds that other methods do not need.
    with warnings.catch_warnings():
        # Raised for an optional dependency of the parametric variant, which is not used.
        warnings.simplefilter("ignore", ImportWarning)
        import umap

    # PCA start: the spectral start is arbitrary, and warns, if the neighbourhood graph is not connected.
    model = umap.UMAP(n_neighbors=n_neighbours, init="pca", random_state=seed, transform_seed=seed, n_jobs=1)
    return model.fit(x).transform


def item_trustworthiness(x: np.ndarray, places: np.ndarray, n_neighbours: int) -> np.ndarray:
    """Return the trustworthiness of each item, whose mean is the trustworthiness of the map (Venna and Kaski, 2001).

    For item i it is 1 − 2 / (k (2n − 3k − 1)) · Σ_j (r(i, j) − k), summed over the items j that are among the k nearest
    neighbours of i on the map but not in the layer, where r(i, j) is the rank of j by distance from i in the layer. 1
    is best; permuted maps have about 0.5.

    Parameters
    ----------
    x : vectors of the layer [shape=(n, n_dims)]
    places : places of the same items on the map [shape=(n, 2)]
    n_neighbours : k, below n / 2

    Returns
    -------
    values [shape=(n,)]
    """
    n, excess = len(x), []
    for start in range(0, n, _BLOCK):
        block = np.arange(start, min(start + _BLOCK, n))
        ranks = _order(x, block).argsort(axis=1) + 1
        near_on_map = _order(places, block)[:, :n_neighbours]
        found = np.take_along_axis(ranks, near_on_map, axis=1)
        excess.append(np.maximum(0, found - n_neighbours).sum(axis=1))
    return 1 - 2 / (n_neighbours * (2 * n - 3 * n_neighbours - 1)) * np.concatenate(excess)


def neighbour_overlap(one: np.ndarray, other: np.ndarray, n_neighbours: int) -> np.ndarray:
    """Return for each item the Jaccard index of its k nearest neighbours on two maps.

    |A ∩ B| / |A ∪ B|, 0 to 1; about k / (2n) by chance.

    Parameters
    ----------
    one, other : places of the same items on two maps [shape=(n, 2)]
    n_neighbours : k, below n

    Returns
    -------
    values [shape=(n,)]
    """
    first, second = (_nearest(places, n_neighbours) for places in (one, other))
    shared = (first[:, :, None] == second[:, None, :]).sum(axis=(1, 2))
    return shared / (2 * n_neighbours - shared)


def shape_agreement(one: np.ndarray, other: np.ndarray) -> np.ndarray:
    """Return for each item 1 − n r², whose mean is one minus the Procrustes disparity of two maps (Gower, 1975).

    r is the distance between the item's places after both maps are centred and scaled to unit sum of squares, and the
    second is rotated, reflected and scaled to fit the first. The mean is 1 for maps of the same shape and near 0 for
    unrelated ones.

    Parameters
    ----------
    one, other : places of the same items on two maps [shape=(n, 2)]

    Returns
    -------
    values, at most 1 [shape=(n,)]
    """
    first, second, _ = procrustes(one, other)
    return 1 - len(first) * ((first - second) ** 2).sum(axis=1)


def _nearest(vectors: np.ndarray, n_neighbours: int) -> np.ndarray:
    blocks = [np.arange(start, min(start + _BLOCK, len(vectors))) for start in range(0, len(vectors), _BLOCK)]
    return np.concatenate([_order(vectors, block)[:, :n_neighbours] for block in blocks])


def _order(vectors: np.ndarray, block: np.ndarray) -> np.ndarray:
    distances = pairwise_distances(vectors[block].astype(np.float64), vectors.astype(np.float64))
    distances[np.arange(len(block)), block] = np.inf
    return distances.argsort(axis=1, kind="stable")
