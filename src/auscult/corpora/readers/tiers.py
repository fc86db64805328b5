"""Steps shared by the readers of label files: cuts at the end of the recording, stress digits, words around phones."""

import numpy as np
import pandas as pd

__all__ = ["cut_at_end", "split_stress", "enclosing_words"]

_MAX_EXCESS_S = 0.02


def cut_at_end(table: pd.DataFrame, n_samples: int, sample_rate_hz: int) -> pd.DataFrame:
    """Cut offsets up to 20 ms past the end of a recording at its end, and mark these labels in column ``cut``.

    Later offsets stay, for :func:`auscult.tables.check_segments` to refuse.
    """
    excess = table["offset"] - n_samples
    cut = (excess > 0) & (excess <= _MAX_EXCESS_S * sample_rate_hz)
    return table.assign(offset=table["offset"].mask(cut, n_samples), cut=cut)


def split_stress(labels: pd.Series) -> tuple[pd.Series, pd.Series]:
    """Return ARPAbet labels without their stress digit, and the digit; other labels are unchanged, with stress ""."""
    stressed = labels.str.extract(r"^([A-Z]+)([012])$")
    return stressed[0].fillna(labels), stressed[1].fillna("")


def enclosing_words(words: pd.DataFrame, phones: pd.DataFrame) -> np.ndarray:
    """Return the position of the word that contains each phone, -1 if none does; words are sorted by onset."""
    # The last word that begins at or before a phone's onset is the only one that can contain it.
    candidate = np.searchsorted(words["onset"], phones["onset"], side="right") - 1
    ends = np.append(words["offset"].to_numpy(), -1)[candidate]
    return np.where((candidate >= 0) & (phones["offset"] <= ends), candidate, -1)
