"""Reference implementation of ABX by its definition: nested loops over items and recursive time warping."""

import functools
from itertools import product

import numpy as np
import pandas as pd

EPSILON = 1e-6


def distance(p, q, kind):
    """Return the distance between two vectors."""
    p, q = np.asarray(p, dtype=float), np.asarray(q, dtype=float)
    if kind == "euclidean":
        return np.linalg.norm(p - q)
    if kind == "kl":
        ratio = (p + EPSILON) / (q + EPSILON)
        return 0.5 * np.sum(p * np.log(ratio)) + 0.5 * np.sum(q * np.log(1 / ratio))
    cosine = np.dot(p, q) / np.linalg.norm(p) / np.linalg.norm(q)
    return 1 - cosine if kind == "cosine" else np.arccos(np.clip(cosine, -1, 1)) / np.pi


def warped_distance(p, q, items, kind):
    """Return the dynamic-time-warping distance of two items: the cost per step of the cheapest path."""
    first, second = items[p], items[q]

    @functools.cache
    def best(i, j):
        here = distance(first[i], second[j], kind)
        if i == 0 and j == 0:
            return here, 1
        # The order matters, since min keeps the first of equal costs.
        steps = [(i - 1, j - 1), (i, j - 1), (i - 1, j)]
        cost, length = min((best(*step) for step in steps if min(step) >= 0), key=lambda found: found[0])
        return here + cost, length + 1

    cost, length = best(len(first) - 1, len(second) - 1)
    return cost / length


def abx_cells(items, between, on, by, across=None):
    """Return a table of cells with their scores; ``between(i, j)`` is the distance of two items."""
    by, records = list(by), items.to_dict("records")
    cells, speakers = {}, "speaker" in (*by, across)
    for (i, a), (j, b), (k, x) in product(enumerate(records), repeat=3):
        same_context = all(a[column] == b[column] == x[column] for column in by)
        if i == k or not same_context or a[on] != x[on] or b[on] == a[on]:
            continue
        if across and (a[across] != b[across] or x[across] == a[across]):
            continue
        sides = (a[across], x[across]) if across else (None, None)
        to_a, to_b = np.float32(between(i, k)), np.float32(between(j, k))
        cell = (*(a[column] for column in by), *sides, a[on], b[on], a["speaker"] if speakers else "")
        cells.setdefault(cell, []).append(float(to_a < to_b) + 0.5 * float(to_a == to_b))
    names = [*by, "side", "other_side", "label", "other", "of"]
    rows = [(*cell, np.mean(wins), len(wins)) for cell, wins in cells.items()]
    return pd.DataFrame(rows, columns=[*names, "score", "n"])


def abx_score(cells):
    """Average over cells per speaker and contrast, then over speakers, then over contrasts."""
    by_speaker = cells.groupby(["of", "label", "other"])["score"].mean()
    return by_speaker.groupby(["label", "other"]).mean().mean()
