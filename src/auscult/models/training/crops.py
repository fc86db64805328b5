"""Training data of an encoder: the utterances of a split in one stream, and crops of it with their units."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import pandas as pd

from auscult.corpora.corpus import Corpus
from auscult.errors import CorpusError
from auscult.models.frames import FrameTiming
from auscult.models.speech import SpeechModel
from auscult.models.training.units import fit_codebook, unit_features

__all__ = ["Stream", "read_streams", "normalise"]


@dataclass(frozen=True)
class Stream:
    """The utterances of a split one after another, ordered by speaker, each cut to whole hops.

    Parameters
    ----------
    waveform : 16-bit samples [shape=(n_hops * hop_samples,), int16]
    units : by codebook, the unit of the frame that starts at each hop [shape=(n_hops,), int16]; −1 for the last
        frames of an utterance, whose receptive field reaches into the next utterance
    timing : of the frames of the model that is trained
    """

    waveform: np.ndarray
    units: Mapping[str, np.ndarray]
    timing: FrameTiming

    def crops(self, rng: np.random.Generator, n_crops: int, n_samples: int) -> tuple[np.ndarray, dict[str, np.ndarray]]:
        """Draw crops that start at a hop, so that frames of a crop are frames of the stream.

        Returns
        -------
        waveforms : [shape=(n_crops, n_samples), float32 in [-1, 1]]
        units : by codebook [shape=(n_crops, n_frames), int64]
        """
        hop = self.timing.hop_samples
        starts = rng.integers(0, (len(self.waveform) - n_samples) // hop + 1, n_crops)
        frames = starts[:, None] + np.arange(int(self.timing.n_frames(n_samples)))
        waveforms = np.stack([self.waveform[start * hop : start * hop + n_samples] for start in starts])
        units = {name: of_stream[frames].astype(np.int64) for name, of_stream in self.units.items()}
        return waveforms.astype(np.float32) / 32768, units


def read_streams(
    corpus: Corpus,
    codebooks: Mapping[str, int],
    timing: FrameTiming,
    n_samples: int,
    seed: int,
    teacher: SpeechModel | None = None,
) -> dict[str, Stream]:
    """Read the splits ``train`` and ``valid``, and assign each frame its unit of each codebook (fitted on ``train``).

    Parameters
    ----------
    corpus : training data
    codebooks : number of units by codebook; empty if the recipe needs no units
    timing : of the frames of the model that is trained
    n_samples : length of the crops that will be drawn
    seed : of the codebooks
    teacher : the model whose layers some codebooks are named after

    Raises
    ------
    CorpusError
        A split has no utterances, or fewer samples than one crop.
    """
    tables = {split: _split(corpus, split) for split in ("train", "valid")}
    waveforms = {split: [corpus.waveform(name) for name in table["utterance"]] for split, table in tables.items()}
    lengths = {split: sum(len(_whole_hops(w, timing)) for w in items) for split, items in waveforms.items()}
    for split, length in lengths.items():
        if length < n_samples:
            raise CorpusError(
                f"expected at least one crop of {n_samples / 16000:.2f} s in split {split!r} of corpus "
                f"{corpus.name!r}, found {length / 16000:.2f} s of audio in all; choose a shorter 'crop_s' or a larger "
                "corpus"
            )
    units: dict[str, dict[str, list[np.ndarray]]] = {split: {} for split in tables}
    for name, n_units in codebooks.items():
        features = {
            split: [unit_features(name, w, timing, teacher) for w in items] for split, items in waveforms.items()
        }
        codebook = fit_codebook(name, features["train"], n_units, seed)
        for split in tables:
            units[split][name] = [codebook.assign(frames) for frames in features[split]]
    return {split: _join(waveforms[split], units[split], timing) for split in tables}


def normalise(waveforms: np.ndarray) -> np.ndarray:
    """Return waveforms with zero mean and unit variance each [shape=(n_crops, n_samples)], as feature extractors do."""
    centred = waveforms - waveforms.mean(axis=1, keepdims=True)
    return centred / np.sqrt(centred.var(axis=1, keepdims=True) + 1e-7)


def _split(corpus: Corpus, split: str) -> pd.DataFrame:
    table = corpus.utterances[corpus.utterances["split"] == split]
    if table.empty:
        found = ", ".join(sorted(set(corpus.utterances["split"])))
        raise CorpusError(
            f"expected utterances of split {split!r} in corpus {corpus.name!r} to train a model, found "
            f"only {found}; give some speakers this split"
        )
    return table.sort_values(["speaker", "utterance"], kind="stable")


def _join(waveforms: list[np.ndarray], units: Mapping[str, list[np.ndarray]], timing: FrameTiming) -> Stream:
    whole = [_whole_hops(waveform, timing) for waveform in waveforms]
    samples = np.concatenate([np.rint(np.clip(w, -1, 1 - 2**-15) * 32768).astype(np.int16) for w in whole])
    n_hops = [len(waveform) // timing.hop_samples for waveform in whole]
    n_frames = [int(timing.n_frames(len(waveform))) for waveform in whole]
    joined = {
        name: np.concatenate([_fit(u[:kept], n) for u, kept, n in zip(parts, n_frames, n_hops)])
        for name, parts in units.items()
    }
    return Stream(samples, joined, timing)


def _whole_hops(waveform: np.ndarray, timing: FrameTiming) -> np.ndarray:
    return waveform[: len(waveform) // timing.hop_samples * timing.hop_samples]


def _fit(units: np.ndarray, n_hops: int) -> np.ndarray:
    return np.concatenate([units, np.full(max(0, n_hops - len(units)), -1, dtype=np.int16)])[:n_hops]
