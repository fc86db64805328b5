"""Acoustic baselines behind the common interface of models: mel spectrum, MFCC, F0 and position.

``mel``, ``mfcc``, ``f0`` and ``time`` have one layer, ``input``, with a frame of 25 ms every 10 ms. No value is
missing: energies have a floor, and F0 is interpolated over unvoiced frames.
"""

from collections.abc import Callable, Sequence
from functools import lru_cache

import numpy as np
import parselmouth
import torch
import torchaudio
from scipy.fft import dct
from torch import Tensor

from auscult.errors import ConfigError
from auscult.models.frames import FrameTiming

__all__ = ["BASELINES", "AcousticModel", "acoustic_model", "log_mel", "mfcc", "log_f0", "position"]

SAMPLE_RATE_HZ = 16000
WINDOW_SAMPLES, HOP_SAMPLES, N_FFT = 400, 160, 512
TIMING = FrameTiming(WINDOW_SAMPLES, HOP_SAMPLES)
N_MELS, N_CEPSTRA = 80, 13
F0_FLOOR_HZ, F0_CEILING_HZ = 60.0, 650.0
# About the power of 16-bit rounding noise in one mel band: lower energies were not recorded.
_ENERGY_FLOOR = 1e-8


def log_mel(waveform: np.ndarray, timing: FrameTiming = TIMING) -> np.ndarray:
    """Return the log energies in 80 mel bands from 0 to 8 kHz.

    Power spectra of 25 ms Hann windows, triangular bands on the scale of O'Shaughnessy (1987), natural logarithm,
    floored at the rounding noise of 16-bit audio.

    Parameters
    ----------
    waveform : samples at 16 kHz [shape=(n_samples,)]
    timing : windows are centred on the frames of this timing, for example on a model's frames

    Returns
    -------
    log energies [shape=(n_frames, 80), float32]
    """
    frames = torch.from_numpy(_windows(np.asarray(waveform, dtype=np.float32), timing))
    spectra = torch.fft.rfft(frames * torch.hann_window(WINDOW_SAMPLES), N_FFT).abs().square()
    return (spectra @ _mel_bands()).clamp(min=_ENERGY_FLOOR).log().numpy()


def mfcc(waveform: np.ndarray, timing: FrameTiming = TIMING, n_cepstra: int = N_CEPSTRA) -> np.ndarray:
    """Return 13 static mel-frequency cepstral coefficients, the zeroth included [shape=(n_frames, 13), float32].

    Orthonormal cosine transform of :func:`log_mel` (Davis and Mermelstein, 1980); no deltas, as is usual for a
    baseline.
    """
    return np.ascontiguousarray(dct(log_mel(waveform, timing), norm="ortho", axis=1)[:, :n_cepstra])


def log_f0(waveform: np.ndarray, hop_samples: int = HOP_SAMPLES, timing: FrameTiming | None = None) -> np.ndarray:
    """Return the natural logarithm of F0 in Hz, and whether the frame is voiced.

    Autocorrelation method of Praat (Boersma, 1993) with a floor of 60 and a ceiling of 650 Hz. Unvoiced frames take
    the value interpolated in time between their voiced neighbours, or the nearest voiced value at either end. An
    utterance without voiced frames takes the middle of the range on the logarithmic scale.

    Parameters
    ----------
    waveform : samples at 16 kHz [shape=(n_samples,)]
    hop_samples : hop of frames with a window of 25 ms; ignored if ``timing`` is given
    timing : frames at whose centres the contour is read

    Returns
    -------
    log F0 and voicing, 1 or 0 [shape=(n_frames, 2), float32]
    """
    timing = timing or FrameTiming(WINDOW_SAMPLES, hop_samples)
    centres_s = timing.centres(timing.n_frames(len(waveform))) / (2 * SAMPLE_RATE_HZ)
    times_s, f0_hz = _pitch(waveform, timing.hop_samples / SAMPLE_RATE_HZ)
    voiced = f0_hz > 0
    if not voiced.any():
        middle = np.full(len(centres_s), np.log(F0_FLOOR_HZ * F0_CEILING_HZ) / 2)
        return np.stack([middle, np.zeros_like(middle)], axis=1).astype(np.float32)
    contour = np.interp(centres_s, times_s[voiced], np.log(f0_hz[voiced]))
    nearest = np.clip(np.rint((centres_s - times_s[0]) * SAMPLE_RATE_HZ / timing.hop_samples), 0, len(times_s) - 1)
    return np.stack([contour, voiced[nearest.astype(int)]], axis=1).astype(np.float32)


def position(waveform: np.ndarray, timing: FrameTiming = TIMING) -> np.ndarray:
    """Return seconds since the onset, seconds to the end and relative position of each frame.

    This baseline ignores the sound: it measures how well the position in the utterance alone predicts a target.

    Returns
    -------
    times [shape=(n_frames, 3), float32; s, s, 0 to 1]
    """
    n_samples = len(waveform)
    centres = timing.centres(timing.n_frames(n_samples)) / 2
    columns = [centres / SAMPLE_RATE_HZ, (n_samples - centres) / SAMPLE_RATE_HZ, centres / n_samples]
    return np.stack(columns, axis=1).astype(np.float32)


BASELINES: dict[str, Callable[[np.ndarray], np.ndarray]] = {
    "mfcc": mfcc,
    "mel": log_mel,
    "f0": log_f0,
    "time": position,
}


class AcousticModel:
    """A baseline behind the interface of :class:`auscult.models.interface.FrameModel`, with one layer, ``input``."""

    layers = ("input",)
    sample_rate_hz = SAMPLE_RATE_HZ
    timing = TIMING

    def __init__(self, name: str):
        self.name = name

    def frames(self, waveforms: Sequence[np.ndarray]) -> dict[str, list[Tensor]]:
        """Return the frames of each waveform [shape=(n_frames, n_dims), float32, on the CPU].

        Raises
        ------
        AudioError
            A waveform is shorter than a window of 25 ms.
        """
        for i, waveform in enumerate(waveforms):
            self.timing.require_frame(len(waveform), f"waveform {i} of the batch")
        return {"input": [torch.from_numpy(BASELINES[self.name](waveform)) for waveform in waveforms]}


def acoustic_model(name: str) -> AcousticModel:
    """Return the baseline called ``mfcc``, ``mel``, ``f0`` or ``time``.

    Raises
    ------
    ConfigError
        There is no baseline of that name.
    """
    if name not in BASELINES:
        raise ConfigError(f"expected one of the acoustic baselines {', '.join(BASELINES)}, found {name!r}")
    return AcousticModel(name)


def _windows(waveform: np.ndarray, timing: FrameTiming) -> np.ndarray:
    n_frames = timing.n_frames(len(waveform))
    if n_frames < 1:
        return np.empty((0, WINDOW_SAMPLES), dtype=np.float32)
    first = (int(timing.centres(1)[0]) - WINDOW_SAMPLES) // 2
    end = first + (n_frames - 1) * timing.hop_samples + WINDOW_SAMPLES
    padded = np.pad(waveform[max(first, 0) :], (max(-first, 0), max(end - len(waveform), 0)))
    return np.lib.stride_tricks.sliding_window_view(padded, WINDOW_SAMPLES)[:: timing.hop_samples][:n_frames].copy()


@lru_cache(maxsize=1)
def _mel_bands() -> Tensor:
    return torchaudio.functional.melscale_fbanks(N_FFT // 2 + 1, 0.0, SAMPLE_RATE_HZ / 2, N_MELS, SAMPLE_RATE_HZ)


def _pitch(waveform: np.ndarray, hop_s: float) -> tuple[np.ndarray, np.ndarray]:
    if len(waveform) < 3 * SAMPLE_RATE_HZ / F0_FLOOR_HZ + 2:  # Praat's window: three periods of the lowest pitch
        return np.zeros(1), np.zeros(1)
    sound = parselmouth.Sound(np.asarray(waveform, dtype=np.float64), sampling_frequency=SAMPLE_RATE_HZ)
    pitch = sound.to_pitch_ac(time_step=hop_s, pitch_floor=F0_FLOOR_HZ, pitch_ceiling=F0_CEILING_HZ)
    return pitch.xs(), pitch.selected_array["frequency"]
