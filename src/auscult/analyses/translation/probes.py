"""What an attention probe hears of the speaker's gender in the states of a translator, and of voices dealt at random.

One learned query looks over the states of an utterance before a linear layer answers (Fucci et al., 2025): trained on
training voices, as many utterances of women as of men, stopped by validation voices, asked of test voices.
"""

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd

from auscult.errors import AnalysisError
from auscult.probes.attention_probe import fit_attention

__all__ = ["GENDERS", "probe_items", "shuffled_genders", "probe_gender"]

GENDERS = ("female", "male")


def probe_items(references: pd.DataFrame, n_train: int, seed: int) -> dict[str, pd.DataFrame]:
    """Return the utterances that a probe sees of each split, each once: of training as many by women as by men.

    Parameters
    ----------
    references : of :func:`auscult.corpora.translations.read_references`
    n_train : at most so many training utterances, drawn by ``seed``

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
            f"expected voices of splits train, valid and test to probe gender, found none of "
            f"{', '.join(missing)}; give some speakers this split"
        )
    groups = [table for _, table in tables["train"].groupby("gender", sort=True)]
    n_each = min(n_train // 2, *map(len, groups))
    rng = np.random.default_rng(seed)
    drawn = [table.iloc[np.sort(rng.choice(len(table), n_each, replace=False))] for table in groups]
    return tables | {"train": pd.concat(drawn)}


def shuffled_genders(utterances: pd.DataFrame, seed: int) -> pd.Series:
    """Return a gender for each speaker that says nothing of the voice: half of the women, half of the men get each.

    Whole speakers are dealt, within each split: voices stay what they are, only the labels no longer belong to them.

    Parameters
    ----------
    utterances : with columns ``speaker, gender, split``
    """
    rng, dealt = np.random.default_rng([seed, 1]), {}
    speakers = utterances[["split", "gender", "speaker"]].drop_duplicates().sort_values(["split", "gender", "speaker"])
    for (_, gender), group in speakers.groupby(["split", "gender"], sort=True):
        names = rng.permutation(group["speaker"].to_numpy())
        # Of an odd number of women one more is called male, of men one more female.
        n_own = len(names) // 2
        other = GENDERS[1 - GENDERS.index(gender)]
        dealt |= dict(zip(names, [gender] * n_own + [other] * (len(names) - n_own)))
    return pd.Series(dealt)


def probe_gender(
    states: Mapping[str, Sequence[np.ndarray]],
    items: Mapping[str, pd.DataFrame],
    genders: pd.Series | None = None,
    *,
    max_epochs: int = 40,
    patience: int = 8,
    seed: int = 0,
) -> np.ndarray:
    """Train the probe and return the gender that it hears in each test utterance.

    Parameters
    ----------
    states : of each utterance, by split, in the order of ``items`` [shape=(n_states, n_dims) each]
    items : as of :func:`probe_items`
    genders : by speaker, labels to learn instead of the speaker's own

    Raises
    ------
    AnalysisError
        Training or validation voices have one gender only.
    """
    codes = {split: _codes(table, genders) for split, table in items.items()}
    for split in ("train", "valid"):
        if len(set(codes[split])) < 2:
            raise AnalysisError(
                f"expected women and men among the {split} voices of a gender probe, found only "
                f"{GENDERS[codes[split][0]]}; add voices of the other gender"
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
