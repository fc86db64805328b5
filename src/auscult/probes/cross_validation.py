"""Nested cross-validation: every item is predicted by a probe whose penalty and layer were chosen without its fold.

For each test fold, every other fold in turn is the validation fold of probes trained on the remaining ones. Their
pooled score selects the penalty and the layer. The final probe is trained on all folds but the test fold.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from scipy.special import softmax

from auscult.activations.layer_vectors import LayerVectors
from auscult.probes.classifiers import Fitter, LinearProbe, Predictor, Probe, fit_together, prepare_fitter
from auscult.probes.tasks import Task

__all__ = ["Outcome", "cross_validate", "select_layer", "score_sums", "normalise"]


@dataclass(frozen=True)
class Outcome:
    """Predictions of probes, with the penalty, the layer and the validation score of every test fold and labelling.

    Parameters
    ----------
    predicted : class codes or values; undefined for items that are never tested [shape=(n_items, n_labellings)]
    valid : validation score, accuracy or R² of each test [shape=(n_tests, n_labellings)]
    penalty : selected penalty; NaN if there was none to select [shape=(n_tests, n_labellings)]
    layer : name of the layer [shape=(n_tests, n_labellings)]
    probes : fitted probes of the first labelling, one per test; empty unless they are kept
    confidence : probability of the predicted and of the true class, from the first labelling of a kept logistic probe
        [shape=(n_items, 2)]
    """

    predicted: np.ndarray
    valid: np.ndarray
    penalty: np.ndarray
    layer: np.ndarray
    probes: tuple[LinearProbe, ...] = ()
    confidence: np.ndarray | None = None


def cross_validate(
    vectors: LayerVectors, tasks: Sequence[Task], probe: Probe, penalties: np.ndarray, keep: bool = False
) -> list[Outcome]:
    """Predict every tested item of every task from one layer.

    Tasks with the same items and folds share the moments of the vectors and their decompositions.

    Parameters
    ----------
    vectors : vectors of the layer
    tasks : tasks to predict
    probe : ``ridge`` or ``logistic``
    penalties : candidates in descending order, so that ties go to the strongest penalty
    keep : whether outcomes hold the fitted probes and the probabilities of classes

    Returns
    -------
    one outcome per task
    """
    outcomes: dict[int, Outcome] = {}
    alike: dict[tuple[bytes, bytes, tuple[tuple[int, ...], ...]], list[int]] = {}
    for place, task in enumerate(tasks):
        alike.setdefault((task.rows.tobytes(), task.cells.tobytes(), task.tests), []).append(place)
    for places in alike.values():
        shared = [tasks[place] for place in places]
        outcomes |= zip(places, _cross_validate_shared(vectors, shared, probe, penalties, keep))
    return [outcomes[place] for place in range(len(tasks))]


def _cross_validate_shared(
    vectors: LayerVectors, tasks: list[Task], probe: Probe, penalties: np.ndarray, keep: bool
) -> Iterator[Outcome]:
    """Yield the outcome of each task; all tasks have the same items and folds."""
    task, tests = tasks[0], tasks[0].tests
    labels = np.concatenate([each.labels for each in tasks], axis=1)
    n_classes = np.repeat([each.n_classes for each in tasks], [each.labels.shape[1] for each in tasks])
    fit = prepare_fitter(probe, vectors.chunks(task.rows, task.name), labels, task.cells, n_classes)
    # Where every fold is tested alone, two folds are left out of the same probe, whichever of them is tested.
    left_out = {
        (number, valid): tuple(sorted((*test, valid)))
        for number, test in enumerate(tests)
        for valid in range(task.n_folds)
        if valid not in test
    }
    distinct = list(dict.fromkeys(left_out.values()))
    without = dict(zip(distinct, fit_together(fit, distinct, penalties)))
    sums = np.zeros((len(tests), len(penalties), labels.shape[1]))
    for items, x in vectors.chunks(task.rows, task.name):
        for valid, in_fold in _by_fold(task, items):
            for number in (number for number, test in enumerate(tests) if valid not in test):
                guess = without[left_out[number, valid]](x[in_fold])
                sums[number] += score_sums(labels[items[in_fold]], guess, n_classes)
    best = sums.argmax(axis=1)
    final = [_Chosen.of(fit, test, penalties, best[number]) for number, test in enumerate(tests)]
    predicted = np.zeros(labels.shape)
    starts = np.cumsum([0, *(each.labels.shape[1] for each in tasks)])[:-1]
    probes = [tuple(chosen.linear(int(start)) for chosen in final) if keep else () for start in starts]
    confidences = [
        np.full((len(task.rows), 2), np.nan) if keep and probe == "logistic" and each.n_classes else None
        for each in tasks
    ]
    for items, x in vectors.chunks(task.rows, task.name):
        for fold, in_fold in _by_fold(task, items):
            for number in (number for number, test in enumerate(tests) if fold in test):
                predicted[items[in_fold]] = final[number](x[in_fold])
                for each, fitted, confidence in zip(tasks, probes, confidences):
                    if confidence is not None:
                        truth = each.labels[items[in_fold], 0].astype(int)
                        confidence[items[in_fold]] = _confidence(fitted[number].scores(x[in_fold]), truth)
    ends = np.cumsum([0, *(each.labels.shape[1] for each in tasks)])
    for place, (each, start, end) in enumerate(zip(tasks, ends[:-1], ends[1:])):
        own = slice(start, end)
        validates = [(each.folds >= 0) & ~np.isin(each.folds, test) for test in tests]
        scores = np.stack(
            [normalise(each, validates[number], sums[number, :, own].max(axis=0)) for number in range(len(tests))]
        )
        layer = np.full(scores.shape, vectors.layer, dtype=np.object_)
        guesses = predicted[:, own].astype(each.labels.dtype)
        yield Outcome(guesses, scores, penalties[best[:, own]], layer, probes[place], confidences[place])


@dataclass(frozen=True)
class _Chosen:
    """Probes of all labellings, each at its own penalty: ``place`` is that of the penalty among those fitted."""

    predict: Predictor
    place: np.ndarray

    @classmethod
    def of(cls, fit: Fitter, test: tuple[int, ...], penalties: np.ndarray, best: np.ndarray) -> "_Chosen":
        chosen, place = np.unique(best, return_inverse=True)
        return cls(fit(test, penalties[chosen]), place)

    def __call__(self, x: np.ndarray) -> np.ndarray:
        """Return predictions [shape=(n, n_labellings)]."""
        return self.predict(x)[:, self.place, np.arange(len(self.place))]

    def linear(self, labelling: int) -> LinearProbe:
        return self.predict.linear(int(self.place[labelling]), labelling)


def _confidence(scores: np.ndarray, truth: np.ndarray) -> np.ndarray:
    """Return the probability of the likeliest and of the true class from logits [shape=(n, 2)]."""
    p = softmax(scores.astype(np.float64), axis=1)
    return np.stack([p.max(axis=1), p[np.arange(len(p)), truth]], axis=1)


def score_sums(truth: np.ndarray, guess: np.ndarray, n_classes: Sequence[int] | np.ndarray) -> np.ndarray:
    """Return the number of hits of each labelling or, for values, minus the sum of squared errors.

    Parameters
    ----------
    truth : labels [shape=(n, n_labellings)]
    guess : predictions [shape=(n, n_penalties, n_labellings)]
    n_classes : number of classes of each labelling, 0 for values

    Returns
    -------
    sums [shape=(n_penalties, n_labellings)], higher is better
    """
    truth, values = truth[:, None, :], np.asarray(n_classes) == 0
    sums = (guess == truth).sum(axis=0).astype(float)
    sums[:, values] = -((guess - truth)[:, :, values] ** 2).sum(axis=0)
    return sums


def select_layer(task: Task, outcomes: Mapping[str, Outcome]) -> Outcome:
    """Select for each test fold the layer with the best validation score; ties go to the first layer.

    Shuffled labels select their own layer, which gives them as many chances as the true labels have. Control labels use
    the layer of the true labels, since selectivity compares both at the same layer.
    """
    layers = list(outcomes.values())
    best = np.stack([outcome.valid for outcome in layers]).argmax(axis=0)
    best[:, task.columns("control")] = best[:, :1]
    valid, penalty, layer = (
        np.take_along_axis(np.stack([getattr(outcome, name) for outcome in layers]), best[None], axis=0)[0]
        for name in ("valid", "penalty", "layer")
    )
    predicted = np.stack([outcome.predicted for outcome in layers])
    predicted = np.take_along_axis(predicted, best[np.maximum(task.test_of, 0)][None], axis=0)[0]
    probes, confidence = layers[0].probes, layers[0].confidence
    if probes:
        probes = tuple(layers[chosen].probes[test] for test, chosen in enumerate(best[:, 0]))
    if confidence is not None:
        every = np.stack([outcome.confidence for outcome in layers if outcome.confidence is not None])
        confidence = every[best[np.maximum(task.test_of, 0), 0], np.arange(len(task.rows))]
    return Outcome(predicted, valid, penalty, layer, probes, confidence)


def _by_fold(task: Task, items: np.ndarray) -> Iterator[tuple[int, np.ndarray]]:
    folds = task.folds[items]
    for fold in np.unique(folds[folds >= 0]):
        yield int(fold), folds == fold


def normalise(task: Task, valid: np.ndarray, sums: np.ndarray) -> np.ndarray:
    """Return accuracy or R² on validation items from sums over them; R² is −∞ if their values are all equal.

    Parameters
    ----------
    valid : mask of validation items [shape=(n_items,), bool]
    sums : sum of each labelling, as returned by :func:`score_sums` [shape=(n_labellings,)]
    """
    if task.n_classes:
        return sums / valid.sum()
    spread = valid.sum() * task.labels[valid].var(axis=0)
    return 1 + np.divide(sums, spread, out=np.full_like(spread, -np.inf), where=spread > 0)
