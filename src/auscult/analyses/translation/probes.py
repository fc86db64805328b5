"""Attention probes for the speaker's gender in the states of a translator, and the control with shuffled genders.

One learned query attends over the states of an utterance before a linear layer (Fucci et al., 2025). The probe is
trained on training speakers, with equal numbers of utterances of women and men, stopped on validation speakers, and
evaluated on test speakers.
"""

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd

from auscult.errors import AnalysisError
from auscult.probes.attention_probe import fit_attention

__all__ = ["GENDERS", "probe_items", "shuffled_genders", "probe_gender"]

GENDERS = ("female", "male")


def probe_items(references: pd.DataFrame, n_train: int, seed: int) -> dict[str, pd.DataFrame]:
    """Return the utterances of each split for a probe, each once; training utterances are balanced by gender.

    Parameters
    ----------
    references : as returned by :func:`auscult.corpora.translations.read_references`
    n_train : maximum number of training utterances
    seed : of the sample of training utterances

    Raises
    ------
    AnalysisError
        A split is missing.
    """
    utterances = references.drop_duplicates("utterance")
    tables = {split: utterances[utterances["split"] == split] for split in ("train", "valid", "test")}
    missing = [split for split, table in tables.items() if table.empty]
    if missing:
        raise AnalysisError(
            f"expected speakers in splits train, valid and test to probe gender, found none in "
            f"{', '.join(missing)}; assign speakers to this split"
        )
    groups = [table for _, table in tables["train"].groupby("gender", sort=True)]
    n_each = min(n_train // 2, *map(len, groups))
    rng = np.random.default_rng(seed)
    drawn = [table.iloc[np.sort(rng.choice(len(table), n_each, replace=False))] for table in groups]
    return tables | {"train": pd.concat(drawn)}


def shuffled_genders(utterances: pd.DataFrame, seed: int) -> pd.Series:
    """Return a random gender for each speaker: half of the women and half of the men of each split get either.

    Speakers, not utterances, are relabelled, so every speaker has one gender but it is unrelated to the voice.

    Parameters
    ----------
    utterances : with columns ``speaker, gender, split``
    seed : of the assignment
    """
    rng = np.random.default_rng([seed, 1])
    assigned: dict[str, str] = {}
    speakers = utterances[["split", "gender", "speaker"]].drop_duplicates().sort_values(["split", "gender", "speaker"])
    for (_, gender), group in speakers.groupby(["split", "gender"], sort=True):
        names = rng.permutation(group["speaker"].to_numpy())
        # If their number is odd, the extra speaker gets the other gender.
        n_own = len(names) // 2
        other = GENDERS[1 - GENDERS.index(gender)]
        assigned |= dict(zip(names, [gender] * n_own + [other] * (len(names) - n_own)))
    return pd.Series(assigned)


def probe_gender(
    states: Mapping[str, Sequence[np.ndarray]],
    items: Mapping[str, pd.DataFrame],
    genders: pd.Series | None = None,
    *,
    max_epochs: int = 40,
    patience: int = 8,
    seed: int = 0,
) -> np.ndarray:
    """Train the probe and return the gender that it predicts for each test utterance.

    Parameters
    ----------
    states : states of each utterance, by split, in the order of ``items`` [shape=(n_states, n_dims) each]
    items : as returned by :func:`probe_items`
    genders : gender of each speaker to learn instead of the true one
    max_epochs, patience : maximum number of epochs, and epochs without improvement before training stops
    seed : of the order of batches

    Raises
    ------
    AnalysisError
        The training or validation speakers have only one gender.
    """
    codes = {split: _codes(items[split], genders) for split in ("train", "valid")}
    for split in ("train", "valid"):
        if len(set(codes[split])) < 2:
            raise AnalysisError(
                f"expected women and men among the {split} speakers of a gender probe, found only "
                f"{GENDERS[codes[split][0]]}; add speakers of the other gender"
            )
    predict = fit_attention(
        states["train"],
        codes["train"],
        states["valid"],
        codes["valid"],
        n_classes=2,
        max_epochs=max_epochs,
        patience=patience,
        seed=seed,
    )
    return np.array(GENDERS)[predict(states["test"])]


def _codes(table: pd.DataFrame, genders: pd.Series | None) -> np.ndarray:
    names = table["gender"] if genders is None else table["speaker"].map(genders)
    return np.array([GENDERS.index(name) for name in names])
