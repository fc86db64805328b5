"""Utterances of lens: those that fit the affine maps, and those that are tested, by other speakers."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import pandas as pd

from auscult.analyses.lens.settings import LensSettings
from auscult.corpora.sampling import spread_over_speakers
from auscult.errors import AnalysisError

__all__ = ["LensItems", "choose_utterances"]

_MAX_NAMED = 3


@dataclass(frozen=True)
class LensItems:
    """The utterances of lens.

    Parameters
    ----------
    fit : names of the utterances that fit the maps; none without maps
    test : tested utterances with ``utterance, speaker, text``; no text is empty
    """

    fit: list[str]
    test: pd.DataFrame

    @property
    def example(self) -> int:
        """Place of the utterance that is shown: the first with the median number of words (the lower one of two)."""
        lengths = self.test["text"].str.split().str.len()
        median = lengths.quantile(0.5, interpolation="lower")
        return int((lengths == median).to_numpy().argmax())


def choose_utterances(corpus: Any, settings: LensSettings, seed: int) -> LensItems:
    """Return the utterances that fit the maps and those that are tested.

    Parameters
    ----------
    corpus : a :class:`~auscult.corpora.corpus.Corpus`, or an object with its ``name`` and ``utterances``
    settings : splits and numbers of utterances
    seed : of the samples

    Raises
    ------
    AnalysisError
        A split has no utterance, a speaker is in both, or the transcript of a test utterance is empty.
    """
    utterances = corpus.utterances.sort_values("utterance", kind="stable")
    test = spread_over_speakers(_select(utterances, settings.splits.test, corpus.name), settings.n_test, seed)
    empty = test.loc[test["text"].fillna("").str.strip() == "", "utterance"]
    if len(empty):
        raise AnalysisError(
            f"expected a transcript of every test utterance of corpus {corpus.name!r}, found an empty one for "
            f"{empty.iloc[0]!r} ({len(empty)} in all); add it, or leave the utterance out of the corpus"
        )
    names: list[str] = []
    if settings.affine:
        fit = _select(utterances, settings.splits.fit, corpus.name)
        _require_unseen(set(test["speaker"]) & set(fit["speaker"]), corpus.name)
        names = spread_over_speakers(fit, settings.n_fit, seed)["utterance"].tolist()
    return LensItems(names, test[["utterance", "speaker", "text"]].reset_index(drop=True))


def _select(utterances: pd.DataFrame, splits: Sequence[str], corpus: str) -> pd.DataFrame:
    rows = utterances[utterances["split"].isin(splits)]
    if rows.empty:
        found = ", ".join(sorted(utterances["split"].unique()))
        raise AnalysisError(
            f"expected utterances of split {' or '.join(splits)} in corpus {corpus!r} to read layers of, found only "
            f"{found}; name another split in analyses: lens: splits, or set affine: false if there is none to fit on"
        )
    return rows


def _require_unseen(shared: set[str], corpus: str) -> None:
    if shared:
        named = ", ".join(sorted(map(str, shared))[:_MAX_NAMED]) + (", …" if len(shared) > _MAX_NAMED else "")
        raise AnalysisError(
            f"expected test speakers of corpus {corpus!r} that the maps were not fitted on, found {len(shared)} in "
            f"both roles ({named}); divide the speakers, or set affine: false in analyses: lens"
        )
