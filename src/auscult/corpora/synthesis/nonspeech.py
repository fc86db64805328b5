"""A control corpus without speech: noise, tones, chirps and clicks, with the length and level of spoken sentences."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import soundfile
from scipy.signal import butter, sosfilt

from auscult.corpora.synthesis.labelling import EXTRA_COLUMNS
from auscult.corpora.synthesis.recording_conditions import record
from auscult.corpora.synthesis.speech import build_corpus
from auscult.corpora.synthesis.voices import SPLITS
from auscult.errors import ConfigError
from auscult.manifests import Manifest
from auscult.tables import UTTERANCE_COLUMNS

__all__ = ["KINDS", "synthesise_nonspeech", "draw_event"]

REVISION = 1  # increment with every change that alters the bytes of a corpus
KINDS = ("noise", "tone", "chirp", "click", "modulated_noise")
N_SOURCES = 8
_RATE_HZ = 16_000


@dataclass(frozen=True)
class _Sequence:
    utterance: str
    split: str
    source: int


def synthesise_nonspeech(
    folder: str | Path, *, corpus: str, utterances: Mapping[str, int], seed: int, n_workers: int = 1
) -> Manifest:
    """Synthesise sequences of nonspeech sounds into a sealed folder; equal arguments give equal bytes.

    Each utterance is a sequence of events of 60 to 400 ms with pauses, 1.5 to 4.5 s long in total, like a spoken
    sentence, with the same rooms, channels, noises and levels as speech. Events are segments of tier ``phone`` with
    their kind as label. The speaker column names a *source*: one of eight frequency ranges per split, from low to high.

    Parameters
    ----------
    folder : the corpus folder to write
    corpus : name of the corpus in the tables
    utterances : number of utterances per split (``train``, ``valid``, ``test``)
    seed : seed of all random draws
    n_workers : number of processes

    Raises
    ------
    ConfigError
        A split is unknown, or the number of utterances is not positive.
    """
    if not utterances or set(utterances) - set(SPLITS) or min(utterances.values()) < 1:
        raise ConfigError(
            f"expected a positive number of utterances for splits among {', '.join(SPLITS)}, found {dict(utterances)}; "
            "correct the corpus entry"
        )
    items = [
        _Sequence(f"nonspeech-{split}-{number:05d}", split, number % N_SOURCES)
        for split in SPLITS
        for number in range(utterances.get(split, 0))
    ]
    recipe = {"corpus": corpus, "utterances": dict(utterances), "seed": seed, "nonspeech_revision": REVISION}
    return build_corpus(folder, recipe, partial(_produce, corpus=corpus, seed=seed), items, n_workers)


def draw_event(kind: str, n_samples: int, centre_hz: float, generator: np.random.Generator) -> np.ndarray:
    """Draw one sound of a kind around a centre frequency, with ramps of 5 ms.

    Parameters
    ----------
    kind : one of :data:`KINDS`
    n_samples : length at 16 kHz
    centre_hz : frequency of a tone, centre of a chirp or noise band, resonance of a click

    Returns
    -------
    float array [shape=(n_samples,)] with a root mean square of 1

    Raises
    ------
    ConfigError
        The kind is unknown.
    """
    times_s = np.arange(n_samples) / _RATE_HZ
    match kind:
        case "tone":
            sound = sum(np.sin(2 * np.pi * centre_hz * k * times_s) / k for k in (1, 2, 3))
        case "chirp":
            ratio = 2 ** (generator.choice([-1, 1]) * generator.uniform(0.5, 1.5))
            octaves = np.log2(ratio) * (times_s / times_s[-1] - 0.5)
            sound = np.sin(2 * np.pi * np.cumsum(centre_hz * 2**octaves) / _RATE_HZ)
        case "click":
            gap_s = generator.uniform(0.02, 0.06)
            since_s = times_s % gap_s
            sound = np.sin(2 * np.pi * centre_hz * since_s) * np.exp(-since_s / 0.002)
        case "noise" | "modulated_noise":
            sound = _band_noise(n_samples, centre_hz, generator)
            if kind == "modulated_noise":
                sound *= 1 + 0.95 * np.sin(2 * np.pi * (generator.uniform(8, 40) * times_s + generator.random()))
        case _:
            raise ConfigError(f"expected a kind of sound among {', '.join(KINDS)}, found {kind!r}; correct it")
    ramp = np.minimum(1, np.minimum(times_s, times_s[::-1]) / 0.005)
    return sound * ramp / np.sqrt(np.mean((sound * ramp) ** 2))


def _produce(item: _Sequence, folder: Path, corpus: str, seed: int) -> tuple[dict[str, Any], list[dict[str, Any]]]:
    generator = np.random.default_rng([seed, *item.utterance.encode()])
    waveform = np.zeros(int(generator.uniform(1.5, 4.5) * _RATE_HZ))
    segments: list[dict[str, Any]] = []
    for onset, offset in _times(len(waveform), generator):
        kind = KINDS[generator.integers(len(KINDS))]
        centre_hz = 150 * 2 ** (item.source / 2 + generator.uniform(-0.5, 0.5))
        loudness = 10 ** (generator.uniform(-15, 0) / 20)
        waveform[onset:offset] = loudness * draw_event(kind, offset - onset, centre_hz, generator)
        segment = {
            "tier": "phone",
            "index": len(segments),
            "label": kind,
            "onset": onset,
            "offset": offset,
            "parent": -1,
        }
        segments.append({"utterance": item.utterance} | segment | EXTRA_COLUMNS | {"phone_class": "noise"})
    path = f"audio/{item.utterance}.flac"
    soundfile.write(folder / path, record(waveform, generator), _RATE_HZ, subtype="PCM_16")
    source = f"{item.split}-source{item.source}"
    row = (item.utterance, corpus, path, _RATE_HZ, len(waveform), source, "", "", "", item.split)
    return dict(zip(UTTERANCE_COLUMNS, row)) | {"item": "sounds"}, segments


def _times(n_samples: int, generator: np.random.Generator) -> Iterator[tuple[int, int]]:
    """Yield onsets and offsets of events that fill a recording with pauses between some of them."""
    onset = int(generator.uniform(0.05, 0.25) * _RATE_HZ)
    while True:
        offset = onset + int(generator.uniform(0.06, 0.4) * _RATE_HZ)
        if offset > n_samples - 800:
            return
        yield onset, offset
        onset = offset + int(generator.choice([0, generator.uniform(0.02, 0.15)]) * _RATE_HZ)


def _band_noise(n_samples: int, centre_hz: float, generator: np.random.Generator) -> np.ndarray:
    band_hz = [centre_hz / 1.5, min(centre_hz * 1.5, 7900)]
    band = butter(2, band_hz, "bandpass", fs=_RATE_HZ, output="sos")
    return sosfilt(band, generator.standard_normal(n_samples + 800))[800:]
