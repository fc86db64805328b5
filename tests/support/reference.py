"""Slow and simple reference implementations of library functions, and activations with planted information."""

from dataclasses import dataclass

import numpy as np
import pandas as pd
from sklearn.linear_model import RidgeClassifier
from sklearn.preprocessing import StandardScaler


def ridge_scores(x, y, penalty, x_new):
    """Return ridge predictions on standardised features from the normal equations, in float64, one target at a time."""
    mean, sd = x.mean(axis=0), x.std(axis=0)
    z = (x - mean) / sd
    system = z.T @ z / len(z) + penalty * np.eye(z.shape[1])
    columns = []
    for target in y.T:
        weights = np.linalg.solve(system, z.T @ (target - target.mean()) / len(z))
        columns.append((x_new - mean) / sd @ weights + target.mean())
    return np.stack(columns, axis=1)


def nested_ridge(x, labels, folds, penalties):
    """Predict every item with a ridge classifier whose penalty is selected by cross-validation on the other folds."""
    predicted = np.empty_like(labels)
    for test in np.unique(folds):
        hits = dict.fromkeys(penalties, 0)
        for valid in np.unique(folds[folds != test]):
            train = (folds != test) & (folds != valid)
            for penalty in penalties:
                hits[penalty] += np.sum(_classify(x, labels, train, folds == valid, penalty) == labels[folds == valid])
        best = max(sorted(penalties, reverse=True), key=hits.get)
        predicted[folds == test] = _classify(x, labels, folds != test, folds == test, best)
    return predicted


def _classify(x, labels, train, test, penalty):
    scaler = StandardScaler().fit(x[train])
    model = RidgeClassifier(alpha=penalty * train.sum()).fit(scaler.transform(x[train]), labels[train])
    return model.predict(scaler.transform(x[test]))


def item_trustworthiness(x, placed, n_neighbours):
    """Return the trustworthiness of each item by definition, from the ranks in ``x`` of its neighbours on the map."""
    n = len(x)
    values = np.empty(n)
    for i in range(n):
        others = [j for j in range(n) if j != i]
        near = sorted(others, key=lambda j: np.linalg.norm(x[i] - x[j]))
        near_on_map = sorted(others, key=lambda j: np.linalg.norm(placed[i] - placed[j]))[:n_neighbours]
        excess = sum(max(0, near.index(j) + 1 - n_neighbours) for j in near_on_map)
        values[i] = 1 - 2 * excess / (n_neighbours * (2 * n - 3 * n_neighbours - 1))
    return values


@dataclass
class PlantedActivations:
    """In-memory activations without checks, so that tests can plant faults."""

    layers: tuple
    index: pd.DataFrame
    vectors: dict

    def load(self, layer, rows=None):
        return self.vectors[layer] if rows is None else self.vectors[layer][rows]


def plant(n_speakers=12, n_items=40, n_dims=16, seed=0):
    """Return activations: T1 encodes four phone classes and the speaker, T2 the classes more strongly, noise none."""
    rng = np.random.default_rng(seed)
    speaker = np.repeat(np.arange(n_speakers), n_items)
    phone = rng.integers(4, size=len(speaker))
    index = pd.DataFrame(
        {
            "utterance": [f"s{s:02d}-u{i // 8}" for s, i in zip(speaker, np.tile(np.arange(n_items), n_speakers))],
            "tier": "phone",
            "index": np.tile(np.arange(n_items) % 8, n_speakers),
            "label": np.array(list("aeiu"))[phone],
            "phone_class": np.array(["vowel", "stop", "nasal", "fricative"])[phone],
            "speaker": [f"s{s:02d}" for s in speaker],
            "gender": np.where(speaker % 2, "female", "male"),
            "language": "english",
            "text": [f"sentence {i // 8}" for i in np.tile(np.arange(n_items), n_speakers)],
        }
    )
    noise = rng.normal(size=(3, len(index), n_dims))
    of_phone, of_speaker = rng.normal(size=(4, n_dims)), rng.normal(size=(n_speakers, n_dims))
    vectors = {
        "T1": noise[0] + 0.5 * of_phone[phone] + 2 * of_speaker[speaker],
        "T2": noise[1] + 2 * of_phone[phone],
        "noise": noise[2],
    }
    return PlantedActivations(tuple(vectors), index, {name: x.astype(np.float32) for name, x in vectors.items()})
