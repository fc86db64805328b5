"""Items of a Mandarin contrast: syllables, their classes, and the folds of voices and strings."""

import logging
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from auscult.analyses.tone.settings import Contrast
from auscult.errors import AnalysisError
from auscult.statistics.folds import check_disjoint, speaker_folds, type_folds

__all__ = ["CONSONANTS", "TONES", "MIN_STRING_FOLDS", "Contrast", "ContrastItems", "contrast_items"]

# The ten fricatives and affricates of Shen et al. (2024), and the four tones without the neutral one.
CONSONANTS = ("r", "sh", "ch", "s", "z", "j", "zh", "q", "c", "x")
TONES = ("1", "2", "3", "4")
# One fold of strings is tested, one validates, and one trains.
MIN_STRING_FOLDS = 3
_COLUMNS: dict[str, str] = {"tone": "tone", "consonant": "onset_consonant"}
_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class ContrastItems:
    """The syllables of one contrast, divided into folds by voice and by string.

    Parameters
    ----------
    contrast : its name
    rows : their positions in the table of syllables [shape=(n_items,)]
    classes : names of the classes
    labels : class codes [shape=(n_items,)]
    citation : class codes according to the dictionary, which may differ from the spoken tone; -1 where unknown
        [shape=(n_items,)]
    speakers, strings : voice and string of each item [shape=(n_items,)]
    cells : fold of its voice, counted from 0, and of its string, counted from ``n_folds`` [shape=(n_items, 2)]
    n_folds, n_string_folds : number of folds of voices, and of strings
    n_dropped : number of syllables left out because their class cannot be tested
    train : name of the corpus whose voices train, if it is another one: these are divided into folds from 1, and all
        voices that are tested are fold 0
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
    n_string_folds: int
    n_dropped: int
    train: str = ""

    @property
    def tested(self) -> np.ndarray:
        """Mask of the items that are tested: all, or those of the tested corpus [shape=(n_items,)]."""
        return self.cells[:, 0] == 0 if self.train else np.ones(len(self.labels), dtype=bool)

    @property
    def speaker_overlap(self) -> float:
        """Share of items (0 to 1) whose voice occurs in the training data of their probe: 0 by construction."""
        return self._overlap(self.speakers)

    @property
    def string_overlap(self) -> float:
        """Share of items (0 to 1) whose string occurs in the training data of their probe: 0 by construction."""
        return self._overlap(self.strings)

    def _overlap(self, values: np.ndarray) -> float:
        n_seen = 0
        for cell in np.unique(self.cells[self.tested], axis=0):
            tested = (self.cells == cell).all(axis=1)
            training = (self.cells != cell).all(axis=1)
            n_seen += np.isin(values[tested], values[training]).sum()
        return float(n_seen / self.tested.sum())


def contrast_items(
    syllables: pd.DataFrame,
    contrast: Contrast,
    *,
    n_folds: int,
    seed: int,
    classes: Sequence[str] = (),
    train: str | None = None,
) -> ContrastItems:
    """Select the syllables of a contrast and divide voices and strings into folds.

    The string is the rest of the syllable, from which a probe could infer the class: for ``tone`` the syllable without
    its tone, for ``consonant`` the rime. Tones are as spoken (a third tone before another third tone counts as a
    second); neutral tones are left out. A class whose strings or voices all lie in one fold would be missing from the
    training data of that fold: it is dropped, logged and counted.

    Parameters
    ----------
    syllables : columns ``label, tone, onset_consonant, rime, speaker, gender`` and optionally ``lexical_tone``
    contrast : ``tone`` or ``consonant``
    n_folds : number of folds of voices, and of strings, of which there are at least :data:`MIN_STRING_FOLDS`; an item
        is tested by a probe trained without its two folds
    seed : of the folds
    classes : by default :data:`TONES` or :data:`CONSONANTS`
    train : name of another corpus in column ``corpus``, whose syllables train the probes of all others. Its voices are
        divided into ``n_folds - 1`` folds that choose penalty and layer, or as many as it has

    Raises
    ------
    AnalysisError
        The contrast is unknown; a column is missing; there are fewer than two classes, or fewer voices or strings
        than folds.
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
    genders, n_string_folds = chosen["gender"].to_numpy(str), max(MIN_STRING_FOLDS, n_folds)
    if train:
        trains = (chosen["corpus"] == train).to_numpy()
        voices, n_folds = _training_voices(speakers, genders, trains, n_folds, seed, where)
    else:
        voices = speaker_folds(speakers, n_folds, seed, strata=genders, where=where)
    cells = np.stack([voices, n_folds + type_folds(strings, values[rows], n_string_folds, seed, where=where)], axis=1)
    check_disjoint(speakers, cells[:, 0])
    check_disjoint(strings, cells[:, 1], "string")
    shape = n_folds, n_string_folds
    left_out = [0] if train else range(n_folds)
    names = tuple(
        name for name in names if name in values[rows] and _is_testable(cells, values[rows] == name, shape, left_out)
    )
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
    return ContrastItems(
        contrast=contrast,
        rows=rows[kept],
        classes=names,
        labels=codes[kept],
        citation=citation[kept],
        speakers=speakers[kept],
        strings=strings[kept],
        cells=cells[kept],
        n_folds=n_folds,
        n_string_folds=n_string_folds,
        n_dropped=int((~kept).sum()),
        train=train or "",
    )


def _training_voices(
    speakers: np.ndarray, genders: np.ndarray, trains: np.ndarray, n_folds: int, seed: int, where: str
) -> tuple[np.ndarray, int]:
    """Return the fold of each voice, 0 for those that are tested, and the number of folds."""
    if trains.all() or not trains.any():
        raise AnalysisError(
            f"{where}: expected syllables to train on in one corpus and to test in another, found them in one only; "
            "correct train"
        )
    n_training = min(max(2, n_folds - 1), len(np.unique(speakers[trains])))
    voices = np.zeros(len(speakers), dtype=np.int64)
    voices[trains] = 1 + speaker_folds(speakers[trains], n_training, seed, strata=genders[trains], where=where)
    return voices, n_training + 1


def _is_testable(cells: np.ndarray, members: np.ndarray, shape: tuple[int, int], left_out: Iterable[int]) -> bool:
    """Return whether a class has training items whichever fold of voices and fold of strings is left out."""
    occupied = np.zeros(shape, dtype=bool)
    occupied[cells[members, 0], cells[members, 1] - shape[0]] = True
    return all(
        np.delete(np.delete(occupied, voice, axis=0), string, axis=1).any()
        for voice in left_out
        for string in range(shape[1])
    )


def _require_classes(where: str, found: np.ndarray, names: Sequence[str], syllables: pd.DataFrame) -> None:
    if len(np.unique(found)) < 2:
        raise AnalysisError(
            f"{where}: expected at least two of its classes, each with strings and voices in several folds, found "
            f"{', '.join(np.unique(found)) or 'none'} among {len(syllables)} syllables; add sentences or lower n_folds"
        )
