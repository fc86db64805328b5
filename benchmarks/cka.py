"""CKA of all pairs of layers with intervals: time against n × n Gram matrices, and memory at n = 10⁵, d = 768.

Memory does not depend on the number of layers, of which two are held at a time. Equal: to 1e-6 of the Gram form at a
small n, and a peak of the whole process under 4 GB at the large one, whose peer is scaled from the small n by n².
"""

import resource
import time

import numpy as np

from auscult.cka import cka_pairs

N_DIMS, N_SPEAKERS, SMALL, LARGE, N_LAYERS, LIMIT_GB = 768, 16, 3000, 100_000, 3, 4
PAIRS = [(i, j) for i in range(N_LAYERS) for j in range(i, N_LAYERS)]


class Layers:
    """Layers that share what lies under them, made anew whenever they are read; keeps the seconds this takes."""

    def __init__(self, n_items):
        self.n_items, self.seconds = n_items, 0.0

    def __call__(self, layer):
        start = time.perf_counter()
        shared = np.random.default_rng(0).standard_normal((self.n_items, 64), dtype=np.float32)
        x = np.random.default_rng(layer + 1).standard_normal((self.n_items, N_DIMS), dtype=np.float32)
        x[:, :64] += 3 * shared
        self.seconds += time.perf_counter() - start
        return x


def ours(n_items):
    """Return CKA of every pair and the seconds taken without making the layers."""
    layers, start = Layers(n_items), time.perf_counter()
    found = [row[2] for row in cka_pairs(layers, PAIRS, np.arange(n_items) % N_SPEAKERS, n_resamples=1000)]
    return found, time.perf_counter() - start - layers.seconds


def gram(n_items):
    """Return the same by centred n × n Gram matrices with unbiased HSIC, and its seconds; without intervals."""
    spaces = [Layers(n_items)(layer).astype(np.float64) for layer in range(N_LAYERS)]
    start = time.perf_counter()
    grams = [u_centred(x @ x.T) for x in spaces]
    product = np.array([[np.vdot(a, b) for a in grams] for b in grams])
    found = [product[i, j] / np.sqrt(product[i, i] * product[j, j]) for i, j in PAIRS]
    return found, time.perf_counter() - start


def u_centred(k):
    """Centre a Gram matrix without its diagonal, as Székely and Rizzo (2014, eq. 2.8)."""
    n = len(k)
    np.fill_diagonal(k, 0)
    rows = k.sum(axis=1) / (n - 2)
    k = k - rows[:, None] - rows + k.sum() / ((n - 1) * (n - 2))
    np.fill_diagonal(k, 0)
    return k


def main():
    large, large_s = ours(LARGE)
    peak_gb = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20
    small, small_s = ours(SMALL)
    expected, gram_s = gram(SMALL)
    equal = np.allclose(small, expected, atol=1e-6)
    scaled_s = gram_s * (LARGE / SMALL) ** 2
    name = f"cka {len(PAIRS)} pairs {{}} x {N_DIMS}"
    print(f"{name.format(SMALL)}, {small_s:.2f}, {gram_s:.2f}, {gram_s / small_s:.2f}, {equal}")
    fits = peak_gb < LIMIT_GB and np.allclose(large, expected, atol=0.02)
    print(
        f"{name.format(LARGE)} peak {peak_gb:.1f} GB, {large_s:.2f}, {scaled_s:.2f}, {scaled_s / large_s:.2f}, {fits}"
    )


if __name__ == "__main__":
    main()
