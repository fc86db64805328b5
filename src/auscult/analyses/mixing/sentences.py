"""Sentences with target words whose cue is known: their words, their half, and those averaged in maps."""

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from auscult.errors import AnalysisError
from auscult.models.frames import FrameTiming

if TYPE_CHECKING:
    from auscult.corpora.corpus import Corpus

__all__ = ["Sentence", "plan_sentences"]

_CUE_COLUMNS = ("utterance", "target_index", "target_pos", "cue_index")


@dataclass(frozen=True)
class Sentence:
    """An utterance with target words whose cue is known.

    Parameters
    ----------
    half : ``valid`` (chooses layers) or ``test`` (is reported)
    words : segments of tier ``word``, in order
    cues : one row per target word; ``target_place`` and ``cue_place`` are positions in ``words``
    whole : whether the rows of all words are computed, for a map
    """

    utterance: str
    text: str
    half: str
    n_samples: int
    words: pd.DataFrame
    cues: pd.DataFrame
    whole: bool

    @property
    def rows(self) -> np.ndarray:
        """Positions of the words whose rows are computed: the target words, or all words for a map."""
        return np.arange(len(self.words)) if self.whole else np.unique(self.cues["target_place"])

    def spans(self, timing: FrameTiming) -> tuple[np.ndarray, int]:
        """Return the frame range of each word [shape=(n_words, 2)], and the number of words given the nearest frame.

        A frame on the border of two words belongs to the first, so that no frame is zeroed with both; only a word that
        contains no frame shares one.
        """
        onset, offset = (self.words[column].to_numpy() for column in ("onset", "offset"))
        starts, stops, nearest = timing.segment_frames(onset, offset, max(1, int(timing.n_frames(self.n_samples))))
        own = np.maximum(starts, np.maximum.accumulate(np.append(0, stops[:-1])))
        return np.stack([np.where(own < stops, own, starts), stops], axis=1), int(nearest.sum())


def plan_sentences(
    corpus: "Corpus", cues: pd.DataFrame, splits: Sequence[str], max_sentences: int | None, seed: int
) -> list[Sentence]:
    """Return the sentences with a known cue, in the order of the corpus.

    Halves are drawn by text. Maps average the sentences of the half ``test`` that have the most frequent sequence of
    parts of speech among the sentences with most kinds of target words.

    Raises
    ------
    AnalysisError
        The cues lack a column or name a word that does not exist, or no utterance of the splits has a target word.
    """
    missing = [column for column in _CUE_COLUMNS if column not in cues]
    if missing:
        raise AnalysisError(f"expected columns {', '.join(_CUE_COLUMNS)} in the cues, found no {', '.join(missing)}")
    utterances = corpus.utterances[corpus.utterances["split"].isin(splits)]
    utterances = utterances[utterances["utterance"].isin(cues["utterance"])]
    if utterances.empty:
        raise AnalysisError(
            f"expected targets with a known cue in splits {', '.join(splits)} of corpus {corpus.name!r}, found none; "
            "choose a corpus whose words carry number, head and relation"
        )
    if max_sentences is not None and max_sentences < len(utterances):
        utterances = utterances.iloc[np.arange(max_sentences) * len(utterances) // max_sentences]
    words = corpus.segments[corpus.segments["tier"] == "word"]
    words = words[words["utterance"].isin(utterances["utterance"])].sort_values(["utterance", "index"])
    words, cues = (dict(list(table.groupby("utterance"))) for table in (words, cues))
    halves = _halves(utterances["text"], seed)
    of_test = [name for name, text in zip(utterances["utterance"], utterances["text"]) if halves[text] == "test"]
    placed = {name: _placed(cues[name], words.get(name), name) for name in utterances["utterance"]}
    template = _template((words[name], cues[name]) for name in of_test)
    whole = {name for name in of_test if _kind(words[name]) == template}
    return [
        Sentence(name, text, halves[text], int(n_samples), words[name], placed[name], name in whole)
        for name, text, n_samples in utterances[["utterance", "text", "n_samples"]].itertuples(index=False)
    ]


def _halves(texts: pd.Series, seed: int) -> dict[str, str]:
    """Assign every text to one of two halves."""
    names = np.array(sorted(texts.unique()))
    order = np.random.default_rng(seed).permutation(len(names))
    return {name: "valid" if place < len(names) // 2 else "test" for place, name in enumerate(names[order])}


def _kind(words: pd.DataFrame) -> tuple[str, ...]:
    """Return a key equal for sentences whose maps are averaged: parts of speech, or without them the words."""
    return tuple(words["pos"] if "pos" in words and (words["pos"] != "").all() else words["label"])


def _template(parts: Iterable[tuple[pd.DataFrame, pd.DataFrame]]) -> tuple[str, ...]:
    """Return the most frequent kind of sentence among those with most kinds of target words."""
    counts = Counter((targets["target_pos"].nunique(), _kind(words)) for words, targets in parts)
    most = max((n_targets for n_targets, _ in counts), default=0)
    kinds = {kind: count for (n_targets, kind), count in counts.items() if n_targets == most}
    return min(kinds, key=lambda kind: (-kinds[kind], kind), default=())


def _placed(cues: pd.DataFrame, words: pd.DataFrame | None, utterance: str) -> pd.DataFrame:
    """Add the positions of target word and cue among the words."""
    place = {} if words is None else {index: at for at, index in enumerate(words["index"])}
    for column in ("target_index", "cue_index"):
        for index in cues[column]:
            if index not in place:
                raise AnalysisError(
                    f"expected {column} of utterance {utterance!r} to be one of its {len(place)} words, found {index}; "
                    "compute the cues from the same corpus"
                )
    own = cues[cues["target_index"] == cues["cue_index"]]
    if len(own):
        raise AnalysisError(
            f"expected the cue of a word to be another word, found word {own['target_index'].iloc[0]} of utterance "
            f"{utterance!r} as its own cue; correct the cues"
        )
    return cues.assign(target_place=cues["target_index"].map(place), cue_place=cues["cue_index"].map(place))
