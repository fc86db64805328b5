"""A multi-layer perceptron: the non-linear twin of a linear probe, trained until other voices gain nothing more."""

from collections.abc import Callable
from typing import Any

import numpy as np
from sklearn.neural_network import MLPClassifier

from auscult.probes.classifiers import standardiser

__all__ = ["fit_mlp", "fit_mlp_scores", "stop_early"]

_BATCH = 128


def fit_mlp(
    x: np.ndarray,
    codes: np.ndarray,
    x_valid: np.ndarray,
    codes_valid: np.ndarray,
    *,
    n_hidden: int = 100,
    max_epochs: int = 60,
    patience: int = 6,
    seed: int = 0,
) -> Callable[[np.ndarray], np.ndarray]:
    """Train one hidden layer of rectified linear units with Adam and return the network of the best epoch.

    scikit-learn's network with its default step size; stopping looks at ``x_valid``, which should be other speakers,
    where scikit-learn's own early stopping would look at random items of the training speakers.

    Parameters
    ----------
    x, x_valid : training and validation vectors [shape=(n, n_dims)]
    codes, codes_valid : their classes [shape=(n,)]
    patience : epochs without a better validation accuracy after which training stops
    seed : of initial weights and batches

    Returns
    -------
    predict : maps vectors to class codes
    """
    model, prepare = _train(x, codes, x_valid, codes_valid, n_hidden, max_epochs, patience, seed)
    if model is None:
        return lambda new: np.full(len(new), codes[0])
    return lambda new: model.predict(prepare(new))


def fit_mlp_scores(
    x: np.ndarray,
    codes: np.ndarray,
    x_valid: np.ndarray,
    codes_valid: np.ndarray,
    *,
    n_hidden: int = 100,
    max_epochs: int = 60,
    patience: int = 6,
    seed: int = 0,
) -> Callable[[np.ndarray], np.ndarray]:
    """Train as :func:`fit_mlp`, of two classes or more, and return what gives the logits instead of the classes.

    Returns
    -------
    scores : maps vectors to logits, their mean over the classes 0 [shape=(n, n_classes)], classes in the order of
        their codes
    """
    model, prepare = _train(x, codes, x_valid, codes_valid, n_hidden, max_epochs, patience, seed)

    def scores(new: np.ndarray) -> np.ndarray:
        hidden = np.maximum(prepare(new) @ model.coefs_[0] + model.intercepts_[0], 0)
        logits = hidden @ model.coefs_[1] + model.intercepts_[1]
        if logits.shape[1] == 1:
            # Of two classes scikit-learn has one logit, of the second against the first.
            logits = np.concatenate([-logits, logits], axis=1) / 2
        return logits - logits.mean(axis=1, keepdims=True)

    return scores


def stop_early(epoch: Callable[[], float], state: Callable[[], Any], max_epochs: int, patience: int) -> Any:
    """Run epochs until ``patience`` of them in a row brought no better score, and return the state of the best one.

    Parameters
    ----------
    epoch : trains once through the data and returns the validation score, higher is better
    state : returns a copy of what is to be kept
    """
    best, kept, waited = -np.inf, None, 0
    for _ in range(max_epochs):
        score = epoch()
        waited += 1
        if score > best:
            best, kept, waited = score, state(), 0
        if waited >= patience:
            break
    return kept


def _train(x, codes, x_valid, codes_valid, n_hidden: int, max_epochs: int, patience: int, seed: int):
    mean, scale = standardiser(x)
    prepare = _preparer(mean, scale)
    classes = np.unique(codes)
    if len(classes) == 1:
        return None, prepare
    model = MLPClassifier((n_hidden,), batch_size=min(_BATCH, len(x)), random_state=seed)
    z, z_valid = prepare(x), prepare(x_valid)

    def epoch() -> float:
        model.partial_fit(z, codes, classes=classes)
        return float(np.mean(model.predict(z_valid) == codes_valid))

    def state() -> list[np.ndarray]:
        return [part.copy() for part in (*model.coefs_, *model.intercepts_)]

    best = stop_early(epoch, state, max_epochs, patience)
    model.coefs_, model.intercepts_ = best[: len(best) // 2], best[len(best) // 2 :]
    return model, prepare


def _preparer(mean: np.ndarray, scale: np.ndarray) -> Callable[[np.ndarray], np.ndarray]:
    return lambda x: ((x - mean) * scale).astype(np.float32)
