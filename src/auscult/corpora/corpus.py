"""A corpus folder in memory: two checked tables and the waveform of each utterance."""

from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np
import pandas as pd

from auscult.corpora.audio import decode_audio
from auscult.errors import AudioError, CorpusError
from auscult.manifests import Manifest, check_folder
from auscult.tables import check_segments, check_utterances, read_table

__all__ = ["SPLITS", "GENDERS", "Corpus", "read_corpus", "split_speakers"]

SPLITS = ("train", "valid", "test")
# Genders that analyses of two genders know; a corpus may have others, and "" where none is stated.
GENDERS = ("female", "male", "")


@dataclass(frozen=True)
class Corpus:
    """A sealed corpus folder: 16 kHz mono recordings and their labelled segments.

    Parameters
    ----------
    name : name of the corpus in the configuration
    folder : the corpus folder; column ``path`` of the utterances is relative to it
    utterances : one row per recording, see :data:`auscult.tables.UTTERANCE_COLUMNS`
    segments : one row per label, see :data:`auscult.tables.SEGMENT_COLUMNS`; times in samples
    manifest : hashes and recipe of the folder
    """

    name: str
    folder: Path
    utterances: pd.DataFrame
    segments: pd.DataFrame
    manifest: Manifest

    @cached_property
    def _rows(self) -> pd.DataFrame:
        return self.utterances.set_index("utterance")

    def waveform(self, utterance: str) -> np.ndarray:
        """Return the recording of an utterance, float32 in [-1, 1], shape (n_samples,).

        Raises
        ------
        CorpusError
            The corpus has no utterance of this name.
        AudioError
            The recording does not have the length and sample rate stated in the table.
        """
        if utterance not in self._rows.index:
            raise CorpusError(
                f"expected one of the {len(self._rows)} utterances of corpus {self.name!r}, found {utterance!r}; "
                "column 'utterance' of the utterances table lists them"
            )
        row = self._rows.loc[utterance]
        channels, sample_rate_hz = decode_audio(self.folder / row["path"])
        if channels.shape != (row["n_samples"], 1) or sample_rate_hz != row["sample_rate_hz"]:
            raise AudioError(
                f"expected {row['n_samples']} samples of one channel at {row['sample_rate_hz']} Hz in "
                f"{self.folder / row['path']}, found {len(channels)} of {channels.shape[1]} at {sample_rate_hz} Hz; "
                "delete the corpus folder and run the same command again"
            )
        return channels[:, 0]


def read_corpus(folder: str | Path) -> Corpus:
    """Read a corpus folder; compare every file with its manifest and check both tables.

    Raises
    ------
    ManifestError
        The folder is incomplete, or a file differs from its hash in the manifest.
    CorpusError, LabelError
        A table lacks a column or has an invalid value, or labels do not fit their recordings.
    """
    folder = Path(folder)
    manifest = check_folder(folder)
    utterances = check_utterances(read_table(folder / "utterances.parquet"))
    segments = check_segments(read_table(folder / "segments.parquet"), utterances)
    _require_values(utterances, "split", SPLITS)
    return Corpus(utterances["corpus"].iloc[0], folder, utterances, segments, manifest)


def split_speakers(utterances: pd.DataFrame, divide: bool) -> pd.Series:
    """Return the split of each utterance of a corpus without published splits: all ``test``, or divided by speaker.

    By default a recorded corpus is only analysed: analyses read the ``test`` split and make speaker-disjoint folds of
    it. With ``divide``, speakers are assigned to train, valid and test (2 : 1 : 1), within each gender in the order of
    their names, so that a model can be trained on part of the corpus.
    """
    if not divide:
        return pd.Series("test", index=utterances.index)
    speakers = utterances[["gender", "speaker"]].drop_duplicates("speaker").sort_values("speaker")
    rank = speakers.groupby("gender").cumcount() % 4
    names = pd.Series(rank.map({0: "train", 1: "train", 2: "valid", 3: "test"}).to_numpy(), index=speakers["speaker"])
    return utterances["speaker"].map(names)


def _require_values(utterances: pd.DataFrame, column: str, allowed: tuple[str, ...]) -> None:
    wrong = utterances[~utterances[column].isin(allowed)]
    if len(wrong):
        row = wrong.iloc[0]
        raise CorpusError(
            f"expected {column} to be one of {', '.join(map(repr, allowed))}, found {row[column]!r} for utterance "
            f"{row['utterance']!r} ({len(wrong)} such rows); correct the table"
        )
