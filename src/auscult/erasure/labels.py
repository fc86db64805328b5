"""Class labels for erasers, with checks of labels and speakers before anything is fitted."""

from collections.abc import Collection, Sequence

import numpy as np
import pandas as pd

from auscult.errors import AnalysisError

__all__ = ["GENDERS", "class_codes", "shuffle_by_speaker", "require_unseen"]

GENDERS = ("female", "male")


def class_codes(
    labels: Sequence[str],
    speakers: Sequence[str],
    *,
    known: Sequence[str] = GENDERS,
    what: str = "gender",
    where: str = "the utterances",
) -> np.ndarray:
    """Return the class code of each item, after checking that labels are known and constant within speakers.

    Parameters
    ----------
    labels : label of each item, a property of its speaker [shape=(n,)]
    speakers : speaker of each item [shape=(n,)]
    known : labels in the order of their codes
    what, where : names of the property and of the items, for messages

    Returns
    -------
    codes [shape=(n,), int64]

    Raises
    ------
    AnalysisError
        A label is missing or unknown, a speaker has two labels, or there are fewer than two classes.
    """
    table = pd.DataFrame({"label": pd.Series(list(labels), dtype="string").fillna(""), "speaker": list(speakers)})
    missing = sorted(table.loc[table["label"] == "", "speaker"].astype(str).unique())
    if missing:
        raise AnalysisError(
            f"expected a {what} for every speaker of {where}, found none for {len(missing)} ({_named(missing)}); add "
            "it to the corpus, or leave these speakers out"
        )
    unknown = sorted(set(table["label"]) - set(known))
    if unknown:
        raise AnalysisError(
            f"expected {what} labels among {', '.join(known)} in {where}, found {_named(unknown)}; rename them, or "
            "leave their speakers out"
        )
    kinds = table.groupby("speaker")["label"].nunique()
    if (kinds > 1).any():
        raise AnalysisError(
            f"expected one {what} for every speaker of {where}, found several for {_named(kinds.index[kinds > 1])}; "
            "correct the corpus"
        )
    found = [label for label in known if (table["label"] == label).any()]
    if len(found) < 2:
        raise AnalysisError(
            f"expected speakers of at least two kinds of {what} in {where}, found only {', '.join(found) or 'none'}; "
            "with one, every classifier is right and nothing can be erased: use more speakers"
        )
    return np.array([known.index(label) for label in table["label"]], dtype=np.int64)


def shuffle_by_speaker(codes: np.ndarray, speakers: Sequence[str], seed: int) -> np.ndarray:
    """Return control labels: classes are permuted among speakers, so that all items of a speaker keep one class.

    Parameters
    ----------
    codes : class code of each item, the same for all items of a speaker [shape=(n,)]
    speakers : speaker of each item [shape=(n,)]
    seed : seed of the permutation, which does not depend on the order of the items
    """
    names, first, groups = np.unique(np.asarray(speakers, dtype=str), return_index=True, return_inverse=True)
    return np.asarray(codes)[first][np.random.default_rng([seed, 6]).permutation(len(names))][groups]


def require_unseen(test: Collection[str], fitted: Collection[str], what: str = "erasers") -> None:
    """Raise :class:`AnalysisError` if a test speaker is also among the speakers of the fit."""
    shared = sorted(set(map(str, test)) & set(map(str, fitted)))
    if shared:
        raise AnalysisError(
            f"expected test speakers that {what} were not fitted on, found {len(shared)} in both ({_named(shared)}); "
            "fit on other speakers"
        )


def _named(names: Collection[str]) -> str:
    named = [str(name) for name in names]
    return ", ".join(named[:3]) + (", …" if len(named) > 3 else "")
