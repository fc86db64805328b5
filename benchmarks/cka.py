"""CKA of all pairs of layers with intervals, compared with n × n Gram matrices in time, and in memory at n = 10⁵.

At most two layers (d = 768) are in memory, whatever their number. ``equal``: at small n, values agree with the Gram
form within 1e-8; at large n, peak memory of the process is below 4 GB. The peer's time at large n is extrapolated from
small n by n².
"""

import resource
import time
from functools import lru_cache

import numpy as np

from auscult.analyses.similarity.comparisons import Space, compare_spaces
from auscult.analyses.similarity.items import Items
from auscult.analyses.similarity.settings import Measures

N_DIMS, N_SPEAKERS, SMALL, LARGE, N_LAYERS, LIMIT_GB = 768, 16, 2000, 100_000, 3, 4
PAIRS = [(i, j) for i in range(N_LAYERS) for j in range(i, N_LAYERS)]


class Layers:
    """Layers with a shared component, generated on every read; ``seconds`` accumulates the time this takes."""

    def __init__(self, n_items):
        self.n_items, self.seconds = n_items, 0.0

    def load(self, layer, rows=None):
        start = time.perf_counter()
        shared = np.random.default_rng(0).standard_normal((self.n_items, 64), dtype=np.float32)
        x = np.random.default_rng(layer + 1).standard_normal((self.n_items, N_DIMS), dtype=np.float32)
        x[:, :64] += 3 * shared
        self.seconds += time.perf_counter() - start
        return x


def speakers_of(n_items):
    """Return the speaker of each item; speakers differ widely in their number of items."""
    return (np.sqrt(np.arange(n_items) / n_items) * N_SPEAKERS).astype(int)


def ours(n_items):
    """Return the CKA of every pair and the seconds taken, without generating the layers."""
    speakers, folds, no_labels = speakers_of(n_items), np.zeros(N_SPEAKERS, dtype=int), np.full(n_items, "")
    items = Items(np.arange(n_items), "phone", speakers, speakers, folds, no_labels)
    layers, measures, start = Layers(n_items), Measures(metrics=("cka",), n_resamples=1000), time.perf_counter()
    space = lru_cache(maxsize=2)(lambda layer: Space.of(layers, layer, items))
    found = [row["value"] for i, j in PAIRS for row in compare_spaces(space(i), space(j), measures)]
    return found, time.perf_counter() - start - layers.seconds


def gram(n_items):
    """Return the same CKA from n × n Gram matrices without same-speaker pairs, and seconds; without intervals."""
    spaces = [Layers(n_items).load(layer).astype(np.float64) for layer in range(N_LAYERS)]
    start, speakers = time.perf_counter(), speakers_of(n_items)
    grams = [gram_between(x - x.mean(axis=0), speakers) for x in spaces]
    hsic = {(i, j): hsic_between(grams[i], grams[j], speakers) for i, j in PAIRS}
    found = [hsic[i, j] / np.sqrt(hsic[i, i] * hsic[j, j]) for i, j in PAIRS]
    return found, time.perf_counter() - start


def gram_between(x, speakers):
    """Return the Gram matrix with 0 for pairs of items of the same speaker."""
    return x @ x.T * (speakers[:, None] != speakers)


def hsic_between(k, m, speakers):
    """Return the mean of K_ij M_ij + K_ij M_qr − 2 K_ij M_iq over items of distinct speakers."""
    member = (speakers[:, None] == np.arange(N_SPEAKERS)).astype(float)
    k_rows, m_rows = k @ member, m @ member
    k_of, m_of = member.T @ k_rows, member.T @ m_rows
    # Row sums over all other items, minus the terms in which both of them are from one speaker.
    triples = k_rows.sum(axis=1) @ m_rows.sum(axis=1) - np.sum(k_rows * m_rows)
    shared = 4 * np.sum(k_of.sum(axis=1) * m_of.sum(axis=1)) - 2 * np.sum(k_of * m_of)
    n1, n2, n3, n4 = (np.sum(member.sum(axis=0) ** power) for power in (1, 2, 3, 4))
    quadruples = (k.sum() * m.sum() - shared) / (n1**4 - 6 * n1**2 * n2 + 3 * n2**2 + 8 * n1 * n3 - 6 * n4)
    return np.vdot(k, m) / (n1**2 - n2) + quadruples - 2 * triples / (n1**3 - 3 * n1 * n2 + 2 * n3)


def main():
    large, large_s = ours(LARGE)
    peak_gb = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20
    small, small_s = ours(SMALL)
    expected, gram_s = gram(SMALL)
    equal = np.allclose(small, expected, atol=1e-8)
    scaled_s = gram_s * (LARGE / SMALL) ** 2
    name = f"cka {len(PAIRS)} pairs {{}} x {N_DIMS}"
    print(f"{name.format(SMALL)}, {small_s:.2f}, {gram_s:.2f}, {gram_s / small_s:.2f}, {equal}")
    fits = peak_gb < LIMIT_GB and np.allclose(large, expected, atol=0.02)
    print(
        f"{name.format(LARGE)} peak {peak_gb:.1f} GB, {large_s:.2f}, {scaled_s:.2f}, {scaled_s / large_s:.2f}, {fits}"
    )


if __name__ == "__main__":
    main()
