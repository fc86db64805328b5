"""Recording conditions: room, channel, noise and level, drawn for each recording.

None of them shifts sound in time: the direct path has no delay, filters have zero phase, and lengths do not change, so
that labels stay correct.
"""

import numpy as np
from scipy.fft import next_fast_len
from scipy.signal import fftconvolve

__all__ = ["record", "set_level"]

_RATE_HZ = 16_000


def record(waveform: np.ndarray, generator: np.random.Generator) -> np.ndarray:
    """Return a waveform with a random room, channel, noise and level.

    The reverberation time is 50 to 350 ms, the reverberant sound 8 to 20 dB below the direct sound. The channel has a
    spectral tilt of up to 2 dB per octave, and band limits in a third of the recordings. White, pink or speech-like
    noise is added at a signal-to-noise ratio of 15 to 40 dB. The level is -32 to -18 dB re full scale.

    Parameters
    ----------
    waveform : float array [shape=(n_samples,)] at 16 kHz
    generator : source of all random draws

    Returns
    -------
    float32 array [shape=(n_samples,)] in [-1, 1]
    """
    recorded = _through_channel(_in_room(waveform, generator), generator)
    snr_db = generator.uniform(15, 40)
    noise = _noise(len(recorded), generator)
    recorded = recorded + noise * _rms(recorded) / _rms(noise) * 10 ** (-snr_db / 20)
    return set_level(recorded, generator.uniform(-32, -18))


def set_level(waveform: np.ndarray, level_db: float) -> np.ndarray:
    """Scale a waveform to a root mean square of ``level_db`` re full scale, or less if its peak would clip."""
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
    """Return a slow envelope like that of distant voices, modulated at 2 to 6 Hz."""
    times_s = np.arange(n_samples) / _RATE_HZ
    waves = [np.sin(2 * np.pi * (generator.uniform(2, 6) * times_s + generator.random())) for _ in range(3)]
    return 1 + 0.25 * np.sum(waves, axis=0)


def _rms(waveform: np.ndarray) -> float:
    return float(np.sqrt(np.mean(np.square(waveform, dtype=np.float64)))) + 1e-12
