"""The sentences in which the true cue of a word is known: their words, their halves, and which of them make a map."""

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
    """An utterance with targets whose cue is known.

    Parameters
    ----------
    half : ``valid``, to choose layers on, or ``test``
    words : segments of tier ``word``, in order
    cues : one row a target; ``target_place`` and ``cue_place`` count its words
    whole : whether the rows of all words are wanted, for a map
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
        """Words whose rows are needed: the targets, or all for a map."""
        return np.arange(len(self.words)) if self.whole else np.unique(self.cues["target_place"])

    def spans(self, timing: FrameTiming) -> tuple[np.ndarray, int]:
        """Return the frame range of each word [shape=(n_words, 2)], and how many took the nearest frame.

        A frame on the border of two words belongs to the first, so that no values are zeroed with both; only a word
        without a frame of its own shares one.
        """
        times = (self.words[column].to_numpy() for column in ("onset", "offset"))
        starts, stops, nearest = timing.segment_frames(*times, max(1, int(timing.n_frames(self.n_samples))))
        own = np.maximum(starts, np.maximum.accumulate(np.append(0, stops[:-1])))
        return np.stack([np.where(own < stops, own, starts), stops], axis=1), int(nearest.sum())


def plan_sentences(
    corpus: "Corpus", cues: pd.DataFrame, splits: Sequence[str], max_sentences: int | None, seed: int
) -> list[Sentence]:
    """Return the sentences with a known cue, in the order of the corpus, each with its half, its words and its cues.

    Halves are drawn by text. Of the half ``test``, the sentences of the most frequent sequence of parts of speech,
    among those with most kinds of targets, are taken whole.

    Raises
    ------
    AnalysisError
        The cues lack a column or name a word that does not exist; no utterance of the splits has a target.
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
    """Give every text to one of two halves."""
    names = np.array(sorted(texts.unique()))
    order = np.random.default_rng(seed).permutation(len(names))
    return {name: "valid" if place < len(names) // 2 else "test" for place, name in enumerate(names[order])}


def _kind(words: pd.DataFrame) -> tuple[str, ...]:
    """Return what sentences must share for their maps to be averaged: parts of speech, or else the words themselves."""
    return tuple(words["pos"] if "pos" in words and (words["pos"] != "").all() else words["label"])


def _template(parts: Iterable[tuple[pd.DataFrame, pd.DataFrame]]) -> tuple[str, ...]:
    """Return the most frequent kind of sentence among those with most targets."""
    counts = Counter((targets["target_pos"].nunique(), _kind(words)) for words, targets in parts)
    most = max((n_targets for n_targets, _ in counts), default=0)
    kinds = {kind: count for (n_targets, kind), count in counts.items() if n_targets == most}
    return min(kinds, key=lambda kind: (-kinds[kind], kind), default=())


def _placed(cues: pd.DataFrame, words: pd.DataFrame | None, utterance: str) -> pd.DataFrame:
    """Add where target and cue stand among the words."""
    place = {} if words is None else {index: at for at, index in enumerate(words["index"])}
    for column in ("target_index", "cue_index"):
        for index in cues[column]:
            if index not in place:
                raise AnalysisError(
                    f"expected {column} of utterance {utterance!r} to be one of its {len(place)} words, found {index}; "
                    "make the cues of the corpus they are used with"
                )
    own = cues[cues["target_index"] == cues["cue_index"]]
    if len(own):
        raise AnalysisError(
            f"expected the cue of a word to be another, found word {own['target_index'].iloc[0]} of utterance "
            f"{utterance!r} as its own; make the cues of the corpus they are used with"
        )
    return cues.assign(target_place=cues["target_index"].map(place), cue_place=cues["cue_index"].map(place))
