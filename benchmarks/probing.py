"""Ridge probes of all targets, folds and penalties from one pass of moments, compared with a loop over scikit-learn.

Both select one of 8 penalties by nested cross-validation (4 outer, 3 inner folds) at one layer; for both, time grows
linearly with the number of layers. Times are CPU times on one thread. ``equal``: at most one prediction in a thousand
differs.
"""

import time
import warnings
from dataclasses import dataclass

import numpy as np
import pandas as pd
from scipy.linalg import LinAlgWarning
from sklearn.linear_model import RidgeClassifier
from sklearn.preprocessing import StandardScaler
from threadpoolctl import threadpool_limits

from auscult.activations.layer_vectors import LayerVectors
from auscult.analyses.probing.analysis import PENALTIES
from auscult.probes.cross_validation import cross_validate
from auscult.probes.tasks import make_task

N_LAYERS, N_ITEMS, N_DIMS, N_FOLDS = 1, 12000, 768, 4
CLASSES = {"phone": 40, "gender": 2}


@dataclass
class Planted:
    """In-memory activations with labels planted in noise, so that predictions depend on the penalty."""

    layers: tuple
    index: pd.DataFrame
    vectors: dict

    def load(self, layer, rows=None):
        return self.vectors[layer] if rows is None else self.vectors[layer][rows]


def plant(seed=0):
    rng = np.random.default_rng(seed)
    speakers = np.arange(N_ITEMS) % 16
    codes = {name: rng.integers(n, size=N_ITEMS) for name, n in CLASSES.items()}
    codes["gender"] = speakers % 2
    index = pd.DataFrame({"utterance": speakers, "tier": "phone", "speaker": speakers, **codes})
    mix = rng.normal(size=(N_DIMS, N_DIMS)) / N_DIMS**0.5
    vectors = {}
    for layer in range(N_LAYERS):
        x = rng.normal(size=(N_ITEMS, N_DIMS))
        x += sum(rng.normal(size=(n, N_DIMS))[codes[name]] * 0.5 for name, n in CLASSES.items())
        vectors[f"T{layer + 1}"] = (x @ mix).astype(np.float32)
    return Planted(tuple(vectors), index, vectors)


def ours(activations, tasks, penalties):
    """Predict every item of every task at every layer with Auscult."""
    predicted = {}
    for layer in activations.layers:
        vectors = LayerVectors(activations, layer)
        for task, outcome in zip(tasks, cross_validate(vectors, tasks, "ridge", penalties)):
            predicted[layer, task.name] = outcome.predicted
    return predicted


def peer(activations, tasks, penalties):
    """Predict the same items with one scikit-learn fit per layer, target, labelling, pair of folds and penalty."""
    predicted = {}
    for layer in activations.layers:
        for task in tasks:
            guess = [nested(activations.load(layer, task.rows), y, task.folds, penalties) for y in task.labels.T]
            predicted[layer, task.name] = np.stack(guess, axis=1)
    return predicted


def nested(x, y, folds, penalties):
    guess = np.empty_like(y)
    for test in range(N_FOLDS):
        hits = np.zeros(len(penalties))
        for valid in (fold for fold in range(N_FOLDS) if fold != test):
            for place, penalty in enumerate(penalties):
                answer = classify(x, y, (folds != test) & (folds != valid), folds == valid, penalty)
                hits[place] += np.sum(answer == y[folds == valid])
        guess[folds == test] = classify(x, y, folds != test, folds == test, penalties[hits.argmax()])
    return guess


def classify(x, y, train, test, penalty):
    scaler = StandardScaler().fit(x[train])
    model = RidgeClassifier(alpha=penalty * train.sum()).fit(scaler.transform(x[train]), y[train])
    return model.predict(scaler.transform(x[test]))


def timed(function, *arguments):
    start = time.process_time()
    return function(*arguments), time.process_time() - start


def main():
    activations, penalties = plant(), np.sort(PENALTIES)[::-1]
    settings = {"n_folds": N_FOLDS, "n_permutations": 0, "min_class_size": 10, "max_items": None, "seed": 0}
    tasks = [
        make_task(activations.index, {"name": name, "tier": "phone", "column": name, "held_out": "speaker"}, **settings)
        for name in CLASSES
    ]
    # scikit-learn warns about weak penalties in float32.
    warnings.simplefilter("ignore", LinAlgWarning)
    with threadpool_limits(1):
        found, ours_s = timed(ours, activations, tasks, penalties)
        expected, peer_s = timed(peer, activations, tasks, penalties)
    equal = np.mean([np.mean(found[key] == expected[key]) for key in found])
    # Items close to a decision boundary may differ, since scikit-learn solves in float32 and Auscult in float64.
    name = f"ridge probes, n = {N_ITEMS}, d = {N_DIMS}: {len(CLASSES)} targets"
    print(f"{name}, {ours_s:.2f}, {peer_s:.2f}, {peer_s / ours_s:.1f}, {equal > 0.999}")


if __name__ == "__main__":
    main()
