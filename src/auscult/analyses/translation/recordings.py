"""The recordings on which translators are scored and probed: a corpus, and its companion of synthetic speech."""

from dataclasses import dataclass
from functools import cached_property

import numpy as np
import pandas as pd

from auscult.corpora.corpus import Corpus
from auscult.corpora.translations import read_references
from auscult.errors import AnalysisError

__all__ = ["EXCHANGE_COLUMNS", "Recordings"]

# Condition, speaker, pair of speakers and sentence of an utterance with an exchanged property of the voice.
EXCHANGE_COLUMNS = ("exchanged", "base", "pair", "sentence")
_NO_EXCHANGE = {"exchanged": "", "base": "", "pair": -1, "sentence": ""}


@dataclass(frozen=True)
class Recordings:
    """A corpus with references, with its companion (:mod:`auscult.corpora.synthesis.unmet_voices`) if it has one.

    Parameters
    ----------
    source : corpus with references, with splits ``train``, ``valid`` and ``test``
    companion : training utterances of voices that no model has met, and test utterances with exchanged properties
    """

    source: Corpus
    companion: Corpus | None = None

    @cached_property
    def references(self) -> pd.DataFrame:
        """References of the corpus; training utterances are those of the companion, if there is one."""
        references = read_references(self.source.folder, self.source.utterances).assign(**_NO_EXCHANGE)
        if self.companion is None:
            return references
        unmet = self._of_companion[self._of_companion["split"] == "train"]
        met = set(references["speaker"]) & set(unmet["speaker"])
        if met:
            raise AnalysisError(
                f"expected voices in the companion {self.companion.folder} that the corpus lacks, found "
                f"{sorted(met)[0]!r} in both; delete the folder and run the same command again"
            )
        return pd.concat([references[references["split"] != "train"], unmet], ignore_index=True)

    @cached_property
    def training_references(self) -> pd.DataFrame:
        """References that translators were trained on."""
        references = read_references(self.source.folder, self.source.utterances)
        return references[references["split"] == "train"]

    @cached_property
    def exchanged(self) -> pd.DataFrame:
        """References of sentences spoken with exchanged properties of the voice; empty without a companion."""
        if self.companion is None:
            return self.references.head(0)
        return self._of_companion[self._of_companion["split"] == "test"].reset_index(drop=True)

    @cached_property
    def lengths(self) -> pd.Series:
        """Number of samples of each utterance."""
        parts = [corpus.utterances for corpus in (self.source, self.companion) if corpus is not None]
        return pd.concat(parts).set_index("utterance")["n_samples"]

    def waveform(self, utterance: str) -> np.ndarray:
        """Return the recording of an utterance of the corpus or its companion [shape=(n_samples,)]."""
        added = self.companion is not None and utterance in self._names
        return (self.companion if added and self.companion is not None else self.source).waveform(utterance)

    @cached_property
    def _names(self) -> set[str]:
        return set() if self.companion is None else set(self.companion.utterances["utterance"])

    @cached_property
    def _of_companion(self) -> pd.DataFrame:
        if self.companion is None:
            return pd.DataFrame()
        utterances = self.companion.utterances
        columns = ["utterance", *EXCHANGE_COLUMNS]
        return read_references(self.companion.folder, utterances).merge(utterances[columns], on="utterance")
