"""Which syllables tell a contrast of Mandarin, what their classes are, and which voices and strings are held out."""

import logging
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
import pandas as pd

from auscult.errors import AnalysisError
from auscult.statistics.folds import check_disjoint, speaker_folds, type_folds

__all__ = ["CONSONANTS", "TONES", "Contrast", "ContrastItems", "contrast_items"]

Contrast = Literal["consonant", "tone"]
# The ten fricatives and affricates of Shen et al. (2024), and the four tones without the neutral one.
CONSONANTS = ("r", "sh", "ch", "s", "z", "j", "zh", "q", "c", "x")
TONES = ("1", "2", "3", "4")
_COLUMNS = {"tone": "tone", "consonant": "onset_consonant"}
_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class ContrastItems:
    """The syllables of one contrast, dealt into folds by voice and by string.

    Parameters
    ----------
    contrast : its name
    rows : positions in the table of syllables [shape=(n_items,)]
    classes : names of the classes
    labels : class codes [shape=(n_items,)]
    citation : class codes by the dictionary, where the spoken tone may differ; -1 where unknown [shape=(n_items,)]
    speakers, strings : of each item [shape=(n_items,)]
    cells : fold of the voice, from 0, and of the string, from ``n_folds`` [shape=(n_items, 2)]
    n_folds : of voices, and of strings
    n_dropped : syllables with a class that cannot be tested
    """

    contrast: str
    rows: np.ndarray
    classes: tuple[str, ...]
    labels: np.ndarray
    citation: np.ndarray
    speakers: np.ndarray
    strings: np.ndarray
    cells: np.ndarray
    n_folds: int
    n_dropped: int

    @property
    def speaker_overlap(self) -> float:
        """Share of items, 0 to 1, whose voice is among those their probe was trained on: 0 by construction."""
        return self._overlap(self.speakers)

    @property
    def string_overlap(self) -> float:
        """Share of items, 0 to 1, whose string is among those their probe was trained on: 0 by construction."""
        return self._overlap(self.strings)

    def _overlap(self, values: np.ndarray) -> float:
        both = self.cells[:, 0] * self.n_folds + self.cells[:, 1] - self.n_folds
        hits = 0
        for fold in np.unique(both):
            mine = both == fold
            speaker, string = self.cells[mine][0]
            training = (self.cells[:, 0] != speaker) & (self.cells[:, 1] != string)
            hits += np.isin(values[mine], values[training]).sum()
        return float(hits / len(values))


def contrast_items(
    syllables: pd.DataFrame,
    contrast: Contrast,
    *,
    n_folds: int,
    seed: int,
    classes: Sequence[str] = (),
) -> ContrastItems:
    """Select the syllables of a contrast and deal voices and strings into folds.

    Strings are what else a probe could know a class by: for ``tone`` the syllable without its tone, for ``consonant``
    the rime. Tones are those that are spoken (a third tone before another is said as a second), neutral ones are left
    out. A class that would be missing from some training side, because its strings or voices lie in one fold, is
    dropped, which is logged and counted.

    Parameters
    ----------
    syllables : columns ``label, tone, onset_consonant, rime, speaker, gender``, perhaps ``lexical_tone``
    n_folds : of voices, and of strings: an item is tested by the probe trained without both of its folds
    classes : instead of :data:`TONES` or :data:`CONSONANTS`

    Raises
    ------
    AnalysisError
        There is no such contrast; a column is missing; fewer than two classes, or fewer voices or strings than folds.
    """
    if contrast not in _COLUMNS:
        raise AnalysisError(f"expected one of the contrasts {', '.join(_COLUMNS)}, found {contrast!r}")
    column, where = _COLUMNS[contrast], f"contrast {contrast!r}"
    missing = [name for name in (column, "label", "rime", "speaker", "gender") if name not in syllables]
    if missing:
        raise AnalysisError(
            f"{where}: expected column {missing[0]!r} of the syllables, found {', '.join(syllables)}; "
            "label them in the corpus, as pinyin with tones"
        )
    names = tuple(classes) or (TONES if contrast == "tone" else CONSONANTS)
    values = syllables[column].astype(str).to_numpy()
    rows = np.flatnonzero(np.isin(values, names))
    _require_classes(where, values[rows], names, syllables)
    chosen = syllables.iloc[rows]
    strings = (chosen["label"].str.rstrip("12345") if contrast == "tone" else chosen["rime"]).to_numpy(str)
    speakers = chosen["speaker"].to_numpy(str)
    voices = speaker_folds(speakers, n_folds, seed, strata=chosen["gender"].to_numpy(str), where=where)
    cells = np.stack([voices, n_folds + type_folds(strings, values[rows], n_folds, seed, where=where)], axis=1)
    check_disjoint(speakers, cells[:, 0])
    check_disjoint(strings, cells[:, 1], "string")
    names = [name for name in names if name in values[rows] and _is_testable(cells, values[rows] == name, n_folds)]
    kept = np.isin(values[rows], names)
    _require_classes(where, values[rows][kept], names, syllables)
    if not kept.all():
        _log.info(
            "%s: dropped %s, whose strings or voices all lie in one fold (%d syllables)",
            where,
            ", ".join(sorted({*values[rows][~kept]})),
            (~kept).sum(),
        )
    codes = pd.Categorical(values[rows], categories=names).codes.astype(np.int64)
    cited = chosen["lexical_tone"] if contrast == "tone" and "lexical_tone" in chosen else pd.Series("", chosen.index)
    citation = pd.Categorical(cited.astype(str), categories=names).codes.astype(np.int64)
    parts = (part[kept] for part in (codes, citation, speakers, strings, cells))
    return ContrastItems(contrast, rows[kept], tuple(names), *parts, n_folds, int((~kept).sum()))


def _is_testable(cells: np.ndarray, mine: np.ndarray, n_folds: int) -> bool:
    """Say whether a class is in every training side: whatever fold of voices and fold of strings is left out."""
    there = np.zeros((n_folds, n_folds), dtype=bool)
    there[cells[mine, 0], cells[mine, 1] - n_folds] = True
    return all(
        np.delete(np.delete(there, voice, axis=0), string, axis=1).any()
        for voice in range(n_folds)
        for string in range(n_folds)
    )


def _require_classes(where: str, found: np.ndarray, names: Sequence[str], syllables: pd.DataFrame) -> None:
    if len(np.unique(found)) < 2:
        raise AnalysisError(
            f"{where}: expected at least two of its classes, each with strings and voices in several folds, found "
            f"{', '.join(np.unique(found)) or 'none'} among {len(syllables)} syllables; add sentences or lower n_folds"
        )
