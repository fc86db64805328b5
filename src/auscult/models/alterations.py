"""Controls of the input: one property of speech is taken away, and every segment keeps its time.

What a probe still reads from a model that hears altered speech does not rest on what was taken away.
"""

import zlib
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from auscult.errors import ConfigError

__all__ = ["ALTERATIONS", "Alteration"]

# Praat's defaults for the analysis of pitch in speech.
_LOWEST_HZ, _HIGHEST_HZ, _PERIOD_S = 75.0, 600.0, 0.01


@dataclass(frozen=True)
class Alteration:
    """An alteration of waveforms, the same every time.

    Parameters
    ----------
    kind : ``monotone`` resynthesises speech with the median F0 of the utterance (PSOLA; Moulines & Charpentier 1990):
        no intonation and no tone. ``signal_correlated_noise`` turns the sign of every sample at random (Schroeder
        1968): the envelope over time stays, the spectrum is white. ``noise`` adds noise with the long-term spectrum of
        the utterance. ``shift`` moves the waveform by half of its length, in a circle: voice and channel stay, and at
        the time of each segment other speech of the utterance is heard
    snr_db : level of the speech over that of the noise, in dB

    Raises
    ------
    ConfigError
        There is no such kind.
    """

    kind: str
    snr_db: float = 0.0

    def __post_init__(self) -> None:
        if self.kind not in ALTERATIONS:
            raise ConfigError(f"expected an alteration among {', '.join(ALTERATIONS)}, found {self.kind!r}")

    def __call__(self, waveform: np.ndarray, sample_rate_hz: int) -> np.ndarray:
        """Return the altered waveform, of the same length and type [shape=(n_samples,)]."""
        altered = ALTERATIONS[self.kind](self, np.asarray(waveform), sample_rate_hz)
        return altered.astype(np.asarray(waveform).dtype)

    def __str__(self) -> str:
        level = f" at {self.snr_db:g} dB" if self.kind == "noise" else ""
        return self.kind.replace("_", " ") + level


def _monotone(_: Alteration, waveform: np.ndarray, rate_hz: int) -> np.ndarray:
    import parselmouth
    from parselmouth.praat import call

    sound = parselmouth.Sound(waveform.astype(np.float64), rate_hz)
    # Praat needs three periods of the lowest pitch.
    if sound.duration <= 3 / _LOWEST_HZ:
        return waveform
    manipulation = call(sound, "To Manipulation", _PERIOD_S, _LOWEST_HZ, _HIGHEST_HZ)
    tier = call(manipulation, "Extract pitch tier")
    n_points = call(tier, "Get number of points")
    if n_points == 0:
        return waveform
    median_hz = float(np.median([call(tier, "Get value at index", point) for point in range(1, n_points + 1)]))
    flat = call("Create PitchTier", "flat", 0, sound.duration)
    call(flat, "Add point", sound.duration / 2, median_hz)
    call([flat, manipulation], "Replace pitch tier")
    found = call(manipulation, "Get resynthesis (overlap-add)").values[0]
    return np.pad(found[: len(waveform)], (0, max(0, len(waveform) - len(found))))


def _signal_correlated_noise(_: Alteration, waveform: np.ndarray, rate_hz: int) -> np.ndarray:
    return waveform * _generator(waveform).choice((-1.0, 1.0), size=len(waveform))


def _noise(alteration: Alteration, waveform: np.ndarray, rate_hz: int) -> np.ndarray:
    spectrum = np.abs(np.fft.rfft(waveform))
    phases = _generator(waveform).uniform(-np.pi, np.pi, len(spectrum))
    noise = np.fft.irfft(spectrum * np.exp(1j * phases), len(waveform))
    power = float(np.mean(noise**2))
    if power == 0:
        return waveform
    wanted = float(np.mean(np.asarray(waveform, np.float64) ** 2)) / 10 ** (alteration.snr_db / 10)
    return waveform + noise * np.sqrt(wanted / power)


def _shift(_: Alteration, waveform: np.ndarray, rate_hz: int) -> np.ndarray:
    return np.roll(waveform, len(waveform) // 2)


def _generator(waveform: np.ndarray) -> np.random.Generator:
    """Return random numbers that follow from the waveform alone, whatever else is in the batch or the job."""
    return np.random.default_rng(zlib.crc32(np.ascontiguousarray(waveform, dtype=np.float32).tobytes()))


ALTERATIONS: dict[str, Callable[[Alteration, np.ndarray, int], np.ndarray]] = {
    "monotone": _monotone,
    "signal_correlated_noise": _signal_correlated_noise,
    "noise": _noise,
    "shift": _shift,
}
