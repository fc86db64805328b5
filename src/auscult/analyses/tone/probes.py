"""Ridge classifiers tested on unseen voices and unseen strings, with penalty and layer chosen on validation items.

Voices and strings are divided into K folds each, so that every item lies in one of K × K cells. The items of a cell are
tested by a probe trained without its voice fold and its string fold. Penalty and layer are chosen on validation cells
that share neither fold with the test cell, by probes trained without all four folds. Only validation cells at the same
distance in voices as in strings are used (folds on a circle; all cells if K = 3), which halves the number of fits.

With two folds of voices, none is left to validate with: penalty and layer are chosen on other strings of the voices
that train. The test remains one of unseen voices and unseen strings. Where another corpus trains, its voices validate
in turn (or other strings of its only voice), by probes that have met no voice of the tested corpus.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations, product

import numpy as np

from auscult.analyses.tone.items import ContrastItems
from auscult.probes.classifiers import prepare_fitter

Cell = tuple[int, int]
# Folds of voices and of strings that are left out, and tested cells with the cells that validate for them.
Selection = tuple[Sequence[int], tuple[int, int], list[tuple[Cell, Cell]]]
__all__ = ["PENALTIES", "CellOutcome", "probe_cells", "choose_layer", "majority"]

# For unit variance and one item: scikit-learn's alpha is n · penalty.
PENALTIES = (10.0, 1.0, 1e-1, 1e-2, 1e-3, 1e-4)


@dataclass(frozen=True)
class CellOutcome:
    """Predictions for every item, and penalty and layer of each cell.

    Parameters
    ----------
    predicted : class codes, -1 for items that only train [shape=(n_items,)]
    valid : validation accuracy of the best penalty, by voice fold and string fold [shape=(n_folds, n_string_folds)]
    penalty : that penalty [shape=(n_folds, n_string_folds)]
    layer : name of the layer [shape=(n_folds, n_string_folds)]
    published : accuracy in the published mode: one split, by strings alone, with the penalty that is best on its test
        items; NaN where another corpus trains
    n_published : number of these items
    """

    predicted: np.ndarray
    valid: np.ndarray
    penalty: np.ndarray
    layer: np.ndarray
    published: float
    n_published: int


def probe_cells(
    x: np.ndarray, items: ContrastItems, layer: str = "input", penalties: Iterable[float] = PENALTIES
) -> CellOutcome:
    """Test every item once by a ridge classifier trained on neither its voice nor its string.

    As in Shen et al. (2024), vectors are divided by their standard deviation in training, without centring, and the
    intercept is not penalised. They choose penalty and layer on test items; here both are chosen on validation items.
    ``published`` gives their mode for comparison: the first fold of strings is tested, all voices are trained on.

    Parameters
    ----------
    x : vectors of the items [shape=(n_items, n_dims)]
    items : labels and folds
    layer : name of the layer, copied into the outcome
    penalties : candidates; ties go to the strongest
    """
    strongest_first, n_classes = np.sort(np.asarray(list(penalties)))[::-1], len(items.classes)
    k, shape = items.n_folds, (items.n_folds, items.n_string_folds)
    fit = prepare_fitter("ridge", [(np.arange(len(x)), x)], items.labels[:, None], items.cells, [n_classes])
    members = {(s, t): np.flatnonzero((items.cells == (s, k + t)).all(axis=1)) for s, t in np.ndindex(*shape)}
    hits, n_valid = np.zeros((*shape, len(strongest_first))), np.zeros(shape)
    for voices, strings, validations in _selections(*shape, bool(items.train)):
        predict = fit([*voices, *(k + string for string in strings)], strongest_first)
        for (s, t), cell in validations:
            validation = members[cell]
            if len(validation):
                hits[s, t] += (predict(x[validation])[:, :, 0] == items.labels[validation, None]).sum(axis=0)
                n_valid[s, t] += len(validation)
    best, predicted = hits.argmax(axis=2), np.full(len(x), -1)
    for (s, t), tested in members.items():
        if len(tested) and items.tested[tested[0]]:
            predicted[tested] = fit([s, k + t], strongest_first[[best[s, t]]])(x[tested])[:, 0, 0]
    valid = np.divide(hits.max(axis=2), n_valid, out=np.zeros(shape), where=n_valid > 0)
    unseen = (items.cells[:, 1] == k) & (not items.train)
    published = float("nan")
    if not items.train:
        right = fit([k], strongest_first)(x[unseen])[:, :, 0] == items.labels[unseen, None]
        published = float(right.mean(axis=0).max())
    return CellOutcome(
        predicted,
        valid,
        strongest_first[best],
        np.full(shape, layer, dtype=object),
        published,
        int(unseen.sum()),
    )


def choose_layer(items: ContrastItems, outcomes: Mapping[str, CellOutcome]) -> CellOutcome:
    """Take for each cell the layer with the highest validation accuracy; ties go to the first.

    The published mode takes the layer with the highest accuracy on its test items.
    """
    layers = list(outcomes.values())
    best = np.stack([outcome.valid for outcome in layers]).argmax(axis=0)
    valid, penalty, layer = (
        np.take_along_axis(np.stack([getattr(outcome, name) for outcome in layers]), best[None], axis=0)[0]
        for name in ("valid", "penalty", "layer")
    )
    chosen = best[items.cells[:, 0], items.cells[:, 1] - items.n_folds]
    predicted = np.stack([outcome.predicted for outcome in layers])[chosen, np.arange(len(chosen))]
    published = max(outcome.published for outcome in layers)
    return CellOutcome(predicted, valid, penalty, layer, published, layers[0].n_published)


def majority(items: ContrastItems) -> np.ndarray:
    """Return for each tested item the most frequent class in the training data of its probe [shape=(n_items,)]."""
    guess = np.full(len(items.labels), -1, dtype=np.int64)
    for cell in np.unique(items.cells[items.tested], axis=0):
        training = items.labels[(items.cells != cell).all(axis=1)]
        guess[(items.cells == cell).all(axis=1)] = np.bincount(training).argmax()
    return guess


def _selections(k: int, m: int, across: bool) -> Iterator[Selection]:
    """Yield folds of voices and strings that a probe is trained without, and pairs of a tested and a validating cell.

    Parameters
    ----------
    k, m : number of folds of voices, and of strings
    across : whether the voices of fold 0 are tested, and those of the other folds train
    """
    if across:
        for s, (t, u) in product(range(1, k), combinations(range(m), 2)):
            yield (0, s) if k > 2 else (0,), (t, u), [((0, t), (s, u)), ((0, u), (s, t))]
        return
    if k > 2:
        for voices, strings in _pairs(k):
            cells = product(voices, strings)
            yield voices, strings, [((s, t), (sum(voices) - s, sum(strings) - t)) for s, t in cells]
        return
    for s, (t, u) in product(range(k), combinations(range(m), 2)):
        yield (s,), (t, u), [((s, t), (1 - s, u)), ((s, u), (1 - s, t))]


def _pairs(k: int) -> Iterator[tuple[tuple[int, int], tuple[int, int]]]:
    """Yield two voice folds and two string folds, both pairs equally far apart on a circle of folds."""

    def distance(pair: tuple[int, int]) -> int:
        return min(pair[1] - pair[0], k - pair[1] + pair[0])

    pairs = list(combinations(range(k), 2))
    yield from ((voices, strings) for voices, strings in product(pairs, pairs) if distance(voices) == distance(strings))
