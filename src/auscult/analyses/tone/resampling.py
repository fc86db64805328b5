"""Resampling of voices, strings and seeds, which are crossed: every seed is tested on every syllable."""

from collections.abc import Sequence

import numpy as np

from auscult.statistics.intervals import MIN_GROUPS

__all__ = ["crossed_draws", "resampled_units"]


def crossed_draws(
    values: np.ndarray, groups: Sequence[np.ndarray], *, n_resamples: int, seed: int
) -> np.ndarray | None:
    """Return means over items of resampled groups; items are grouped in one way or two, such as by voice and by string.

    All groupings are resampled independently. An item's weight is the product of how often its groups were drawn
    (pigeonhole bootstrap: Owen, 2007, Annals of Applied Statistics 1, 386). Intervals are wider than with one of two
    groupings resampled.

    Parameters
    ----------
    values : columns that share the weights, such as seeds [shape=(n_items, n_columns)]
    groups : one or two groupings [shapes=(n_items,)]
    n_resamples : number of bootstrap samples
    seed : of the resampling

    Returns
    -------
    means [shape=(n_resamples, n_columns)]; None when there are fewer than ``MIN_GROUPS`` groups of any kind
    """
    codes = [np.unique(one, return_inverse=True)[1] for one in groups]
    # Without a second grouping all items are in one group, which is always drawn.
    codes, shape = [*codes, np.zeros(len(values), int)][:2], [code.max() + 1 for code in codes]
    if min(shape) < MIN_GROUPS:
        return None
    sizes = [*shape, 1][:2]
    total, count = np.zeros((*sizes, values.shape[1])), np.zeros(sizes)
    np.add.at(total, tuple(codes), values)
    np.add.at(count, tuple(codes), 1)
    generator = np.random.default_rng(seed)
    drawn = [generator.multinomial(n, np.full(n, 1 / n), size=n_resamples).astype(float) for n in sizes]
    sums = np.einsum("rbc,rb->rc", np.tensordot(drawn[0], total, axes=1), drawn[1])
    counts = ((drawn[0] @ count) * drawn[1]).sum(axis=1)[:, None]
    return np.divide(sums, counts, out=np.full(sums.shape, np.nan), where=counts > 0)


def resampled_units(*units: str, n_seeds: int) -> str:
    """Return the names of what an interval resamples."""
    names = [*units, *(["seed"] if n_seeds > 1 else [])]
    return " and ".join([", ".join(names[:-1]), names[-1]] if len(names) > 1 else names)
