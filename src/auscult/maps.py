"""Maps: placing vectors in two dimensions, and how far the neighbours on a map can be trusted."""

import warnings
from collections.abc import Callable

import numpy as np
from sklearn.decomposition import PCA
from sklearn.discriminant_analysis import LinearDiscriminantAnalysis
from sklearn.manifold import TSNE
from sklearn.metrics import pairwise_distances

from auscult.errors import AnalysisError

__all__ = ["METHODS", "fit_map", "item_trustworthiness"]

METHODS = ("pca", "lda", "umap", "tsne")

_BLOCK = 256


def fit_map(
    method: str, x: np.ndarray, labels: np.ndarray | None = None, *, n_neighbours: int = 15, seed: int = 0
) -> Callable[[np.ndarray], np.ndarray]:
    """Fit a map to two dimensions and return the function that places vectors on it.

    Parameters
    ----------
    method : ``pca``; ``lda`` (Fisher's discriminants with the covariance shrinkage of Ledoit and Wolf, 2004, supervised
        by ``labels``); ``umap`` (McInnes, Healy and Melville, 2018); ``tsne`` (van der Maaten and Hinton, 2008), which
        cannot place new items: its function ignores what was fitted and maps the items it is given, without labels
    x : standardised vectors [shape=(n, n_dims)]
    labels : classes for ``lda``, three or more [shape=(n,)]

    Returns
    -------
    place : maps vectors [shape=(m, n_dims)] to [shape=(m, 2)]. The axes of PCA and LDA point to where their largest
        weight is positive, so that refits do not mirror the map.

    Raises
    ------
    AnalysisError
        The method does not exist, or LDA has fewer than three classes.
    """
    match method:
        case "pca":
            pca = PCA(n_components=2, svd_solver="full").fit(x)
            return _projection(pca.mean_, pca.components_.T)
        case "lda":
            return _fit_lda(x, np.asarray(labels, dtype=str))
        case "umap":
            return _fit_umap(x, n_neighbours, seed)
        case "tsne":
            return lambda new: TSNE(
                perplexity=min(30.0, (len(new) - 1) / 3), random_state=seed, n_jobs=1
            ).fit_transform(new)
    raise AnalysisError(f"reduction: expected methods of {', '.join(METHODS)}, found {method!r}")


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


def _fit_umap(x: np.ndarray, n_neighbours: int, seed: int) -> Callable[[np.ndarray], np.ndarray]:
    # Imported here: it compiles for seconds, which only those who ask for it should wait.
    with warnings.catch_warnings():
        # Its parametric variant, not used here, announces that its optional framework is missing.
        warnings.simplefilter("ignore", ImportWarning)
        import umap

    # Started from PCA: the spectral start warns, and is arbitrary, where the neighbourhood graph falls into parts.
    model = umap.UMAP(n_neighbors=n_neighbours, init="pca", random_state=seed, transform_seed=seed, n_jobs=1)
    return model.fit(x).transform


def item_trustworthiness(x: np.ndarray, placed: np.ndarray, n_neighbours: int) -> np.ndarray:
    """Return each item's trustworthiness, whose mean is that of the map (Venna and Kaski, 2001).

    For item i it is 1 − 2 / (k (2n − 3k − 1)) · Σ_j (r(i, j) − k) over the j that are among its k nearest neighbours on
    the map but not in the layer, r(i, j) being j's rank by distance in the layer. 1 is best, permuted maps give
    about 0.5.

    Parameters
    ----------
    x : vectors of the layer [shape=(n, n_dims)]
    placed : their places on the map [shape=(n, 2)]
    n_neighbours : k, below n / 2

    Returns
    -------
    values [shape=(n,)]
    """
    n, excess = len(x), []
    for start in range(0, n, _BLOCK):
        block = np.arange(start, min(start + _BLOCK, n))
        ranks = _order(x, block).argsort(axis=1) + 1
        near_on_map = _order(placed, block)[:, :n_neighbours]
        found = np.take_along_axis(ranks, near_on_map, axis=1)
        excess.append(np.maximum(0, found - n_neighbours).sum(axis=1))
    return 1 - 2 / (n_neighbours * (2 * n - 3 * n_neighbours - 1)) * np.concatenate(excess)


def _order(vectors: np.ndarray, block: np.ndarray) -> np.ndarray:
    distances = pairwise_distances(vectors[block].astype(np.float64), vectors.astype(np.float64))
    distances[np.arange(len(block)), block] = np.inf
    return distances.argsort(axis=1, kind="stable")
