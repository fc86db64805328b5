"""Ridge classifiers of unknown voices saying unknown strings, at penalties and layers chosen without both.

Voices and strings are dealt into K folds each, and an item lies in one of K × K cells. The items of a cell are tested
by a probe that was trained without its voices and without its strings. What the probe is set to was chosen on cells
whose voices and strings are other ones again, by probes trained without all four folds. Of these cells we take those
as far away in voices as in strings (all of them up to K = 3): half of the fits, and half of the validation items.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from itertools import combinations, product

import numpy as np

from auscult.analyses.tone.items import ContrastItems
from auscult.probes.classifiers import prepare_fitter

__all__ = ["PENALTIES", "CellOutcome", "probe_cells", "choose_layer", "majority"]

# Relative to unit variance and one item: n · penalty is the alpha of scikit-learn.
PENALTIES = (10.0, 1.0, 1e-1, 1e-2, 1e-3, 1e-4)


@dataclass(frozen=True)
class CellOutcome:
    """What probes said of every item, and what was chosen for each cell.

    Parameters
    ----------
    predicted : class codes [shape=(n_items,)]
    valid : validation accuracy of the best penalty [shape=(n_folds, n_folds)]: by fold of voices and of strings
    penalty : that penalty [shape=(n_folds, n_folds)]
    layer : its name [shape=(n_folds, n_folds)]
    """

    predicted: np.ndarray
    valid: np.ndarray
    penalty: np.ndarray
    layer: np.ndarray


def probe_cells(
    x: np.ndarray, items: ContrastItems, layer: str = "input", penalties: Iterable[float] = PENALTIES
) -> CellOutcome:
    """Test every item once by a ridge classifier that knows neither its voice nor its string.

    Vectors are divided by their standard deviation in training, without centring, and a ridge classifier with an
    unpenalised intercept is fitted, as in Shen et al. (2024), who choose penalty and layer on their test set; here
    both come from validation items.

    Parameters
    ----------
    x : vectors of the items [shape=(n_items, n_dims)]
    layer : copied into the outcome
    penalties : to choose from; ties go to the strongest
    """
    penalties, k, n_classes = np.sort(np.asarray(list(penalties)))[::-1], items.n_folds, len(items.classes)
    fit = prepare_fitter("ridge", [(np.arange(len(x)), x)], items.labels[:, None], items.cells, [n_classes])
    members = {(s, t): np.flatnonzero((items.cells == (s, k + t)).all(axis=1)) for s, t in product(range(k), repeat=2)}
    hits, n_valid = np.zeros((k, k, len(penalties))), np.zeros((k, k))
    for voices, strings in _pairs(k):
        left_out = [*voices, *(k + string for string in strings)]
        predict = fit(left_out, penalties)
        for s, t in product(voices, strings):
            judges = members[sum(voices) - s, sum(strings) - t]
            if len(judges):
                hits[s, t] += (predict(x[judges])[:, :, 0] == items.labels[judges, None]).sum(axis=0)
                n_valid[s, t] += len(judges)
    best, predicted = hits.argmax(axis=2), np.full(len(x), -1)
    for (s, t), mine in members.items():
        if len(mine):
            predicted[mine] = fit([s, k + t], penalties[[best[s, t]]])(x[mine])[:, 0, 0]
    valid = np.divide(hits.max(axis=2), n_valid, out=np.zeros((k, k)), where=n_valid > 0)
    return CellOutcome(predicted, valid, penalties[best], np.full((k, k), layer, dtype=object))


def choose_layer(items: ContrastItems, outcomes: Mapping[str, CellOutcome]) -> CellOutcome:
    """Take for each cell the layer that was best on its validation items; ties go to the first."""
    layers = list(outcomes.values())
    best = np.stack([outcome.valid for outcome in layers]).argmax(axis=0)
    valid, penalty, layer = (
        np.take_along_axis(np.stack([getattr(outcome, name) for outcome in layers]), best[None], axis=0)[0]
        for name in ("valid", "penalty", "layer")
    )
    chosen = best[items.cells[:, 0], items.cells[:, 1] - items.n_folds]
    predicted = np.stack([outcome.predicted for outcome in layers])[chosen, np.arange(len(chosen))]
    return CellOutcome(predicted, valid, penalty, layer)


def majority(items: ContrastItems) -> np.ndarray:
    """Return for each item the most frequent class of the items its probe is trained on [shape=(n_items,)]."""
    guess = np.empty(len(items.labels), dtype=np.int64)
    for cell in np.unique(items.cells, axis=0):
        training = items.labels[(items.cells != cell).all(axis=1)]
        guess[(items.cells == cell).all(axis=1)] = np.bincount(training).argmax()
    return guess


def _pairs(k: int) -> Iterator[tuple[tuple[int, int], tuple[int, int]]]:
    """Yield two folds of voices and two of strings, each pair equally far apart when folds are laid out in a circle."""

    def distance(pair: tuple[int, int]) -> int:
        return min(pair[1] - pair[0], k - pair[1] + pair[0])

    pairs = list(combinations(range(k), 2))
    yield from ((voices, strings) for voices, strings in product(pairs, pairs) if distance(voices) == distance(strings))
