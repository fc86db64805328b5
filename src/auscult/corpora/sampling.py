"""Samples of a corpus's utterances."""

import numpy as np
import pandas as pd

__all__ = ["spread_over_speakers"]


def spread_over_speakers(rows: pd.DataFrame, n: int | None, seed: int) -> pd.DataFrame:
    """Return at most ``n`` utterances: one of every speaker, then a second, and so on, in random order.

    Parameters
    ----------
    rows : utterances with column ``speaker``
    n : number of utterances; None for all
    seed : of the order

    Returns
    -------
    rows in the order given
    """
    if n is None or n >= len(rows):
        return rows
    order = np.random.default_rng(seed).permutation(len(rows))
    turn = rows.iloc[order].groupby("speaker").cumcount().to_numpy()
    return rows.iloc[np.sort(order[np.argsort(turn, kind="stable")[:n]])]
