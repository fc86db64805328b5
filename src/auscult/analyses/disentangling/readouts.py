"""Linear readouts of several targets at once, from weighted moments, with penalties chosen on other speakers."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from auscult.errors import AnalysisError
from auscult.statistics.intervals import bootstrap_statistic
from auscult.statistics.moments import Moments, fit_ridge

__all__ = [
    "PENALTIES",
    "weighted_moments",
    "one_hot",
    "fit_readouts",
    "hits_by_speaker",
    "balanced_accuracy",
    "accuracy_rows",
    "check_finite",
]

# In descending order, so that a tie selects the strongest penalty.
PENALTIES = tuple(10.0**exponent for exponent in (1, 0, -1, -2, -3, -4))


def one_hot(codes: np.ndarray, n_classes: int) -> np.ndarray:
    """Return one column per class [shape=(n, n_classes)]."""
    return np.eye(n_classes)[codes]


def weighted_moments(x: np.ndarray, y: np.ndarray, weights: np.ndarray) -> Moments:
    """Return the moments of vectors and targets in which every item is counted with its weight.

    Parameters
    ----------
    x, y : vectors and targets [shapes=(n, n_dims) and (n, n_targets)]
    weights : non-negative [shape=(n,)]
    """
    weighted = x * weights[:, None]
    n: Any = float(weights.sum())  # the number of items, which weights make a fraction
    return Moments(n, weighted.sum(axis=0), weights @ y, weighted.T @ x, weighted.T @ y)


def fit_readouts(
    x: np.ndarray,
    codes: Sequence[np.ndarray],
    n_classes: Sequence[int],
    weights: np.ndarray,
    folds: np.ndarray,
    test: int,
) -> list[tuple[np.ndarray, np.ndarray]]:
    """Fit a ridge regression on the one-hot classes of each target, without the speakers of one fold.

    The penalty of each target maximises balanced accuracy on the fold after the left-out one; the readout is then
    trained on that fold as well.

    Parameters
    ----------
    x : vectors of all items [shape=(n_items, n_dims)]
    codes, n_classes : classes of all items, and number of classes, of each target
    weights, folds : weight and fold of all items [shapes=(n_items,)]
    test : fold to leave out

    Returns
    -------
    readouts : slopes and intercepts of each target [shapes=(n_dims, n_classes) and (n_classes,)]
    """
    valid = (test + 1) % (folds.max() + 1)
    y = np.concatenate([one_hot(each, n) for each, n in zip(codes, n_classes)], axis=1)
    trains, validates = (folds != test) & (folds != valid), folds == valid
    moments = weighted_moments(x[trains], y[trains], weights[trains])
    path = fit_ridge(moments, PENALTIES)
    scores = path.predict(x[validates])
    whole = fit_ridge(moments + weighted_moments(x[validates], y[validates], weights[validates]), PENALTIES)
    readouts, ends = [], np.cumsum(n_classes)
    for each, n, end in zip(codes, n_classes, ends):
        predicted = scores[:, :, end - n : end].argmax(axis=2).T
        truth, mass = each[validates], weights[validates]
        accuracies = [_weighted_accuracy(truth, answers, mass) for answers in predicted]
        chosen = whole.weights[int(np.argmax(accuracies))][:, end - n : end]
        readouts.append((chosen, whole.mean_y[end - n : end] - whole.mean_x @ chosen))
    return readouts


def hits_by_speaker(
    truth: np.ndarray, predicted: np.ndarray, weights: np.ndarray, speakers: np.ndarray, n_classes: int
) -> np.ndarray:
    """Return the weight of correctly predicted items and of all items, by speaker and class.

    Parameters
    ----------
    truth, predicted : class codes from 0 [shapes=(n_items,)]
    weights : weight of every item [shape=(n_items,)]
    speakers : speaker codes from 0 [shape=(n_items,)]

    Returns
    -------
    sums [shape=(n_speakers, 2, n_classes)]
    """
    sums = np.zeros((speakers.max() + 1, 2, n_classes))
    np.add.at(sums[:, 0], (speakers, truth), weights * (truth == predicted))
    np.add.at(sums[:, 1], (speakers, truth), weights)
    return sums


def balanced_accuracy(sums: np.ndarray) -> np.ndarray:
    """Return the mean over classes of the share of correct items, 0 to 1; NaN where a class has no items.

    Parameters
    ----------
    sums : as returned by :func:`hits_by_speaker`, summed over speakers [shape=(..., 2, n_classes)]
    """
    with np.errstate(invalid="ignore"):
        return np.mean(sums[..., 0, :] / sums[..., 1, :], axis=-1)


def accuracy_rows(
    sums: np.ndarray, before: np.ndarray | None, *, n: int, n_resamples: int, seed: int
) -> list[dict[str, Any]]:
    """Return the row of a balanced accuracy and, with ``before``, the row of its change, paired by speaker.

    Parameters
    ----------
    sums, before : sums after and before erasure, as returned by :func:`hits_by_speaker`
    n : number of items
    n_resamples : bootstrap samples of speakers
    seed : of the resampling
    """
    shared = {"n": n, "n_groups": len(sums), "chance": 1 / sums.shape[-1]}
    low, high = bootstrap_statistic(sums, balanced_accuracy, n_resamples=n_resamples, seed=seed)
    value = float(balanced_accuracy(sums.sum(axis=0)))
    rows = [{"metric": "balanced_accuracy", "value": value, "ci_low": low, "ci_high": high, **shared}]
    if before is not None:

        def change(totals: np.ndarray) -> np.ndarray:
            return balanced_accuracy(totals[..., 0, :, :]) - balanced_accuracy(totals[..., 1, :, :])

        both = np.stack([sums, before], axis=1)
        low, high = bootstrap_statistic(both, change, n_resamples=n_resamples, seed=seed)
        value = float(change(both.sum(axis=0)))
        rows.append(
            {"metric": "accuracy_change", "value": value, "ci_low": low, "ci_high": high, **shared, "chance": 0.0}
        )
    return rows


def check_finite(x: np.ndarray, layer: str) -> np.ndarray:
    """Return the vectors, or raise :class:`AnalysisError` if one is not finite."""
    wrong = int((~np.isfinite(x)).any(axis=1).sum())
    if wrong:
        raise AnalysisError(
            f"disentangling: expected finite vectors, found NaN or infinity in {wrong} of {len(x)} rows of layer "
            f"{layer!r}; check the model's weights and precision, then extract again"
        )
    return x


def _weighted_accuracy(truth: np.ndarray, predicted: np.ndarray, weights: np.ndarray) -> float:
    totals = np.bincount(truth, weights)
    hits = np.bincount(truth, weights * (truth == predicted), minlength=len(totals))
    return float(np.mean(hits[totals > 0] / totals[totals > 0]))
