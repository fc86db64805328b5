"""Augmentation of speech: random channels, noise and speed, in place of more rooms and voices in the corpus."""

import numpy as np
from scipy.fft import irfft, next_fast_len, rfft
from scipy.signal import resample_poly

__all__ = ["augment", "change_speed"]

_SPEEDS = tuple(range(18, 23))  # twentieths: 0.9 to 1.1


def augment(
    rng: np.random.Generator,
    waveforms: np.ndarray,
    equaliser_db: float = 4.0,
    noise_share: float = 0.25,
    snr_db: tuple[float, float] = (5.0, 40.0),
) -> np.ndarray:
    """Return each crop with a random channel, and some crops with noise; a crop keeps the units of the clean crop.

    The channel is a smooth gain over frequency, drawn at eight points and interpolated; the noise is white to brown
    (flat below 100 Hz). The level stays, because crops are normalised afterwards.

    Parameters
    ----------
    rng : random number generator
    waveforms : crops [shape=(n_crops, n_samples)]
    equaliser_db : standard deviation of the gain at each of the points
    noise_share : probability that a crop gets noise
    snr_db : range of the signal-to-noise ratio
    """
    n_crops, n_samples = len(waveforms), waveforms.shape[1]
    length = next_fast_len(n_samples, real=True)
    spectra = rfft(np.asarray(waveforms, dtype=np.float32), length, axis=1)
    frequencies_hz: np.ndarray = np.fft.rfftfreq(length, 1 / 16000).astype(np.float32)
    gains_db = rng.normal(0.0, equaliser_db, (n_crops, 8))
    noisy = rng.random(n_crops) < noise_share
    ratios_db = rng.uniform(*snr_db, n_crops)
    tilts = rng.uniform(0.0, 1.0, n_crops)
    positions = 7 * frequencies_hz / 8000
    for row, spectrum in enumerate(spectra):
        spectrum *= 10 ** (np.interp(positions, np.arange(8), gains_db[row]).astype(np.float32) / 20)
        if noisy[row]:
            # The spectrum of Gaussian noise is Gaussian, so it is drawn directly.
            noise = rng.standard_normal(2 * len(spectrum), dtype=np.float32).view(np.complex64)
            noise *= (100 + frequencies_hz) ** np.float32(-tilts[row])
            power = np.linalg.norm(spectrum) / np.linalg.norm(noise)
            spectrum += noise * np.float32(power * 10 ** (-ratios_db[row] / 20))
    return irfft(spectra, length, axis=1)[:, :n_samples]


def change_speed(rng: np.random.Generator, waveform: np.ndarray) -> np.ndarray:
    """Return an utterance at 0.9 to 1.1 times its speed, which changes rate, pitch and formants (Ko et al., 2015).

    Parameters
    ----------
    rng : random number generator
    waveform : samples [shape=(n_samples,)]

    Returns
    -------
    resampled waveform, shorter at a higher speed
    """
    speed = int(rng.choice(_SPEEDS))
    return waveform if speed == 20 else resample_poly(waveform, 20, speed).astype(np.float32)
