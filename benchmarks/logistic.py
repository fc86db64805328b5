"""Logistic probes of all pairs of folds and penalties solved together, compared with a loop over scikit-learn.

Both fit one layer on the training sides of four folds and of their six pairs, with four penalties; for both, time grows
linearly with the number of layers. scikit-learn has its default solver and tolerance. Times are CPU times on one
thread. ``equal``: accuracies on the left-out folds differ by at most .005.
"""

import time
import warnings
from itertools import combinations

import numpy as np
import torch
from sklearn.exceptions import ConvergenceWarning
from sklearn.linear_model import LogisticRegression
from threadpoolctl import threadpool_limits

from auscult.probes.logistic import fit_logistic

N_ITEMS, N_DIMS, N_CLASSES, N_FOLDS = 4500, 128, 45, 4
PENALTIES = (1e-1, 1e-2, 1e-3, 1e-4)


def plant(seed=0):
    """Return vectors whose classes overlap as phones do, their codes and folds."""
    rng = np.random.default_rng(seed)
    codes = rng.choice(N_CLASSES, N_ITEMS, p=rng.dirichlet(np.full(N_CLASSES, 2.0)))
    x = rng.normal(size=(N_ITEMS, N_DIMS)) + 0.45 * rng.normal(size=(N_CLASSES, N_DIMS))[codes]
    mixed = x @ rng.normal(size=(N_DIMS, N_DIMS)) / N_DIMS**0.5
    return mixed.astype(np.float32), codes, np.arange(N_ITEMS) % N_FOLDS


def ours(x, codes, left_out, training):
    """Return the accuracy on the left-out items of every problem and penalty."""
    path = fit_logistic(x, np.repeat(codes[None], len(training), axis=0), training, PENALTIES, N_CLASSES)
    return np.array(
        [
            (path.scores(x[tested], problem).argmax(axis=2) == codes[tested, None]).mean(axis=0)
            for problem, tested in enumerate(left_out)
        ]
    )


def peer(x, codes, left_out, training):
    """Return the same from one scikit-learn fit per problem and penalty."""
    found = np.zeros((len(training), len(PENALTIES)))
    for problem, (rows, tested) in enumerate(zip(training, left_out)):
        z = (x - x[rows].mean(axis=0)) / x[rows].std(axis=0)
        for place, penalty in enumerate(PENALTIES):
            model = LogisticRegression(C=1 / (rows.sum() * penalty), max_iter=1000).fit(z[rows], codes[rows])
            found[problem, place] = (model.predict(z[tested]) == codes[tested]).mean()
    return found


def timed(function, *arguments):
    start = time.process_time()
    return function(*arguments), time.process_time() - start


def main():
    x, codes, folds = plant()
    sides = [*combinations(range(N_FOLDS), 2), *((fold,) for fold in range(N_FOLDS))]
    left_out = np.array([np.isin(folds, side) for side in sides])
    warnings.simplefilter("ignore", ConvergenceWarning)
    torch.set_num_threads(1)
    with threadpool_limits(1):
        found, ours_s = timed(ours, x, codes, left_out, ~left_out)
        expected, peer_s = timed(peer, x, codes, left_out, ~left_out)
    equal = np.abs(found - expected).max() <= 0.005
    name = f"logistic probes, n = {N_ITEMS}, d = {N_DIMS}: {found.size} fits"
    print(f"{name}, {ours_s:.2f}, {peer_s:.2f}, {peer_s / ours_s:.1f}, {equal}")


if __name__ == "__main__":
    main()
