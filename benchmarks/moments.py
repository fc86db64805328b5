"""Joint moments of two spaces per speaker, compared with one matrix product of the same size in the same run.

``equal``: every cross-moment block agrees within 1e-5 (float32) or 1e-12 (float64), relative to the scale of the
dimensions.
"""

import time

import numpy as np

from auscult.statistics.moments import JointMoments

N_ITEMS, N_DIMS, N_SPEAKERS, REPEATS = 16000, 768, 16, 3
TOLERANCE = {"float32": 1e-5, "float64": 1e-12}


def best_of(function):
    """Return the shortest time of several runs, and the result of the function."""
    seconds = []
    for _ in range(REPEATS):
        start = time.perf_counter()
        result = function()
        seconds.append(time.perf_counter() - start)
    return min(seconds), result


def main():
    rng = np.random.default_rng(0)
    x, y = (rng.standard_normal((N_ITEMS, N_DIMS)) for _ in range(2))
    speakers = np.arange(N_ITEMS) % N_SPEAKERS
    exact = np.stack([x[speakers == s].T @ y[speakers == s] for s in range(N_SPEAKERS)])
    for precision in ("float32", "float64"):
        a, b = x.astype(precision), y.astype(precision)
        peer_s, _ = best_of(lambda a=a, b=b: a.T @ b)
        ours_s, moments = best_of(lambda a=a, b=b: JointMoments.of(a, b, speakers))
        error = np.abs(moments.cross - exact).max() / (N_ITEMS / N_SPEAKERS)
        name = f"moments {precision} {N_ITEMS} x {N_DIMS} of {N_SPEAKERS} speakers"
        print(f"{name}, {ours_s:.3f}, {peer_s:.3f}, {peer_s / ours_s:.2f}, {error < TOLERANCE[precision]}")


if __name__ == "__main__":
    main()
