"""What lies between mouth and file: room, channel, noise and level, drawn for each recording.

Nothing here moves sound in time: the direct path arrives at once, filters have zero phase, and lengths stay the same,
so that labels stay true.
"""

import numpy as np
from scipy.fft import next_fast_len
from scipy.signal import fftconvolve

__all__ = ["record", "set_level"]

_RATE_HZ = 16_000


def record(waveform: np.ndarray, generator: np.random.Generator) -> np.ndarray:
    """Return a waveform as heard in a drawn room through a drawn channel with noise, at a drawn level.

    Reverberation 50 to 350 ms, 8 to 20 dB under the direct sound; tilt up to 2 dB per octave, band limits in a third of
    the recordings; white, pink or speech-like noise at 15 to 40 dB; level -32 to -18 dB of full scale.

    Parameters
    ----------
    waveform : float array [shape=(n_samples,)] at 16 kHz

    Returns
    -------
    float32 array [shape=(n_samples,)] in [-1, 1]
    """
    heard = _through_channel(_in_room(waveform, generator), generator)
    snr_db = generator.uniform(15, 40)
    noise = _noise(len(heard), generator)
    heard = heard + noise * _rms(heard) / _rms(noise) * 10 ** (-snr_db / 20)
    return set_level(heard, generator.uniform(-32, -18))


def set_level(waveform: np.ndarray, level_db: float) -> np.ndarray:
    """Return a waveform with a root mean square of ``level_db`` re full scale, less where its peak would clip."""
    scaled = waveform * (10 ** (level_db / 20) / _rms(waveform))
    return (scaled * min(1.0, 0.98 / np.abs(scaled).max(initial=1e-9))).astype(np.float32)


def _in_room(waveform: np.ndarray, generator: np.random.Generator) -> np.ndarray:
    """Add an exponentially decaying tail that starts 2 to 8 ms after the direct sound (Polack, 1988)."""
    reverberation_s, ratio_db = generator.uniform(0.05, 0.35), generator.uniform(8, 20)
    times_s = np.arange(int(reverberation_s * _RATE_HZ)) / _RATE_HZ
    tail = generator.standard_normal(len(times_s)) * 10 ** (-3 * times_s / reverberation_s)
    tail[: int(generator.uniform(0.002, 0.008) * _RATE_HZ)] = 0
    tail *= 10 ** (-ratio_db / 20) / np.sqrt(np.sum(tail**2))
    return waveform + fftconvolve(waveform, tail)[: len(waveform)]


def _through_channel(waveform: np.ndarray, generator: np.random.Generator) -> np.ndarray:
    size = next_fast_len(len(waveform), real=True)
    frequencies_hz = np.fft.rfftfreq(size, 1 / _RATE_HZ)
    octaves = np.log2(np.maximum(frequencies_hz, 60) / 1000)
    gain_db = generator.uniform(-2, 2) * octaves
    low_hz, high_hz = generator.uniform(40, 300), generator.uniform(4000, 7500)
    if generator.random() < 1 / 3:
        gain_db -= 24 * np.maximum(np.log2(low_hz / np.maximum(frequencies_hz, 1)), 0)
        gain_db -= 48 * np.maximum(np.log2(np.maximum(frequencies_hz, 1) / high_hz), 0)
    return np.fft.irfft(np.fft.rfft(waveform, size) * 10 ** (gain_db / 20), size)[: len(waveform)]


def _noise(n_samples: int, generator: np.random.Generator) -> np.ndarray:
    white = generator.standard_normal(n_samples)
    kind = generator.integers(3)
    if kind == 0:
        return white
    size = next_fast_len(n_samples, real=True)
    frequencies_hz = np.maximum(np.fft.rfftfreq(size, 1 / _RATE_HZ), 50)
    shape = frequencies_hz**-0.5 if kind == 1 else 1 / (1 + (frequencies_hz / 500) ** 2) ** 0.5
    coloured = np.fft.irfft(np.fft.rfft(white, size) * shape, size)[:n_samples]
    return coloured if kind == 1 else coloured * _envelope(n_samples, generator)


def _envelope(n_samples: int, generator: np.random.Generator) -> np.ndarray:
    """Return a slow envelope as of distant voices: modulation at 2 to 6 Hz."""
    times_s = np.arange(n_samples) / _RATE_HZ
    waves = [np.sin(2 * np.pi * (generator.uniform(2, 6) * times_s + generator.random())) for _ in range(3)]
    return 1 + 0.25 * np.sum(waves, axis=0)


def _rms(waveform: np.ndarray) -> float:
    return float(np.sqrt(np.mean(np.square(waveform, dtype=np.float64)))) + 1e-12
