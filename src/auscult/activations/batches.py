"""Batches of utterances of similar length, which need little padding."""

from collections.abc import Iterator

import pandas as pd

__all__ = ["batches_of_like_length"]


def batches_of_like_length(lengths: pd.Series, batch_samples: int) -> Iterator[list[str]]:
    """Yield batches of utterance names, the shortest utterances first; a batch holds at least one utterance.

    Parameters
    ----------
    lengths : number of samples of each utterance, by name; not empty
    batch_samples : maximum number of samples in a batch, padding to its longest utterance included
    """
    batch: list[str] = []
    for name, n_samples in lengths.sort_values(kind="stable").items():
        if batch and (len(batch) + 1) * n_samples > batch_samples:
            yield batch
            batch = []
        batch.append(name)
    yield batch
