"""Utterances that several jobs have explained, kept in sealed folders until one job summarises them."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from auscult.manifests import check_folder
from auscult.tables import write_table

__all__ = ["Explained", "write_part", "read_parts"]


@dataclass(frozen=True)
class Explained:
    """Utterances that have been explained, before anything is averaged.

    Parameters
    ----------
    scores, gaps : scores of segments and completeness gaps, by ``utterance``
    correct : whether the prediction is correct, with the index ``utterance``
    """

    scores: pd.DataFrame
    gaps: pd.DataFrame
    correct: pd.Series

    @classmethod
    def joined(cls, parts: "Sequence[Explained]") -> "Explained":
        """Return the utterances of several parts together, in the order of the parts."""
        return cls(
            pd.concat([part.scores for part in parts], ignore_index=True),
            pd.concat([part.gaps for part in parts], ignore_index=True),
            pd.concat([part.correct for part in parts]),
        )


def write_part(explained: Explained, stem: Path) -> None:
    """Write the explained utterances of a model as three tables, ``{stem}.scores.parquet`` and so on."""
    tables = {
        "scores": explained.scores,
        "gaps": explained.gaps,
        "correct": explained.correct.reset_index(),
    }
    for name, table in tables.items():
        write_table(table, stem.with_name(f"{stem.name}.{name}.parquet"))


def read_parts(folders: Sequence[str | Path], place: int) -> Explained | None:
    """Return the explained utterances of one model of the parts, in their order; None if there are no parts.

    Parameters
    ----------
    folders : sealed folders of all parts
    place : number of the model among those of the task

    Raises
    ------
    ManifestError
        A part is damaged.
    """
    parts = []
    for folder in map(Path, folders):
        check_folder(folder)
        if (folder / f"{place}.scores.parquet").is_file():
            scores, gaps, correct = (
                pd.read_parquet(folder / f"{place}.{name}.parquet") for name in ("scores", "gaps", "correct")
            )
            parts.append(Explained(scores, gaps, correct.set_index("utterance")["correct"]))
    return Explained.joined(parts) if parts else None
