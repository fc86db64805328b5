"""A multi-layer perceptron as non-linear probe, with early stopping on other speakers."""

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

    The network is scikit-learn's, with its default learning rate. Training stops by the accuracy on ``x_valid``, which
    should hold other speakers; scikit-learn's own early stopping would use random items of the training speakers.

    Parameters
    ----------
    x, x_valid : training and validation vectors [shape=(n, n_dims)]
    codes, codes_valid : their class codes [shape=(n,)]
    n_hidden : number of hidden units
    max_epochs : maximum number of epochs
    patience : number of epochs without a higher validation accuracy after which training stops
    seed : seed of initial weights and batches

    Returns
    -------
    predict : function that maps vectors to class codes
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
    """Train as :func:`fit_mlp`, on two classes or more, and return a function that gives logits.

    Returns
    -------
    scores : function that maps vectors to logits with mean 0 over classes, which are in the order of their codes
        [shape=(n, n_classes)]
    """
    model, prepare = _train(x, codes, x_valid, codes_valid, n_hidden, max_epochs, patience, seed)

    def scores(new: np.ndarray) -> np.ndarray:
        hidden = np.maximum(prepare(new) @ model.coefs_[0] + model.intercepts_[0], 0)
        logits = hidden @ model.coefs_[1] + model.intercepts_[1]
        if logits.shape[1] == 1:
            # For two classes scikit-learn has one logit, of the second class against the first.
            logits = np.concatenate([-logits, logits], axis=1) / 2
        return logits - logits.mean(axis=1, keepdims=True)

    return scores


def stop_early(epoch: Callable[[], float], state: Callable[[], Any], max_epochs: int, patience: int) -> Any:
    """Run epochs until ``patience`` of them in a row do not improve the score, and return the state of the best one.

    Parameters
    ----------
    epoch : function that trains for one epoch and returns the validation score, higher is better
    state : function that returns a copy of the parameters
    max_epochs : maximum number of epochs
    patience : number of epochs without improvement after which training stops
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


def _train(
    x: np.ndarray,
    codes: np.ndarray,
    x_valid: np.ndarray,
    codes_valid: np.ndarray,
    n_hidden: int,
    max_epochs: int,
    patience: int,
    seed: int,
) -> tuple[Any, Callable[[np.ndarray], np.ndarray]]:
    """Return the trained network, None if there is only one class, and the function that prepares vectors for it."""
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
