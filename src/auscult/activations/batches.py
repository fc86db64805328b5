"""Batches of utterances of like length, so that little of a padded batch is padding."""

from collections.abc import Iterator

import pandas as pd

__all__ = ["batches_of_like_length"]


def batches_of_like_length(lengths: pd.Series, batch_samples: int) -> Iterator[list[str]]:
    """Yield names, shortest first, as many as fit into ``batch_samples`` when padded to the longest; one at least.

    Parameters
    ----------
    lengths : samples of each utterance, by name; at least one
    batch_samples : of a batch, padding included
    """
    batch: list[str] = []
    for name, n_samples in lengths.sort_values(kind="stable").items():
        if batch and (len(batch) + 1) * n_samples > batch_samples:
            yield batch
            batch = []
        batch.append(name)
    yield batch
