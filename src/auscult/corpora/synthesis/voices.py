"""Voices for eSpeak, each drawn from a seed: vocal tract, formants, voice quality, pitch and speaking rate.

The genders differ on average in vocal tract, pitch and breath, and overlap in each of them, as speakers do: no single
property tells them apart. eSpeak's own voice variants are not used: a few of them would be shared by many voices, and
intervals from resampling voices would be too narrow.
"""

from dataclasses import dataclass
from typing import Literal

import numpy as np

from auscult.errors import ConfigError

__all__ = ["SPLITS", "Split", "Voice", "draw_voices"]

Split = Literal["train", "valid", "test"]
SPLITS: tuple[Split, ...] = ("train", "valid", "test")
_RATE_STEP = 441  # eSpeak's 22 050 Hz are 320 / 441 of 16 kHz
_N_FORMANTS = 9  # eSpeak counts from 0, a resonance below the first formant
_MEDIAN_PITCH_HZ = {"female": 165.0, "male": 140.0}
_PITCH_SPREAD = 0.2  # standard deviation of log pitch within a gender; the log medians of the genders differ by 0.16
_MEDIAN_TRACT = {"female": 1.14, "male": 0.97}
_TRACT_SPREAD = 0.05  # standard deviation of the log scale of all formants; the log medians differ by 0.16
_FORMANT_SPREAD = 0.03  # standard deviation of the log frequency of each formant, beyond the scale of all
_BREATH_SHARE = {"female": 0.6, "male": 0.4}  # of voices with aspiration noise


@dataclass(frozen=True)
class Formant:
    """A resonance of a voice, in percent of eSpeak's default voice: frequency, height and width."""

    frequency: int
    height: int
    width: int


@dataclass(frozen=True)
class Voice:
    """A synthetic speaker.

    Parameters
    ----------
    name : identifier, unique across splits
    gender : ``female`` or ``male``
    pitch_hz : typical fundamental frequency in sentences
    pitch_range : ratio of the top of the pitch range to its base
    rate_wpm : words per minute
    tract : scale of the formants, 1 for eSpeak's default male voice
    formants : of the voice before it is scaled, from eSpeak's formant 0 on
    breath : level of aspiration noise at each formant but the first, in eSpeak's unit; 0 for none
    roughness : irregularity of the glottal pulses, 0 to 7
    tilt : amplitudes of voiced sound at 600, 1200 and 2000 Hz, 0 to 255
    flutter : pitch flutter in eSpeak's unit
    """

    name: str
    gender: str
    pitch_hz: float
    pitch_range: float
    rate_wpm: float
    tract: float
    formants: tuple[Formant, ...]
    breath: int
    roughness: int
    tilt: tuple[int, int, int]
    flutter: int

    @property
    def rate_step(self) -> int:
        """Return d such that eSpeak's samples, resampled by 320 / d to 16 kHz, have the formants of this voice."""
        drawn = sum(formant.frequency for formant in self.formants[1:4]) / 300
        return round(_RATE_STEP * self.tract / drawn)

    @property
    def speed(self) -> float:
        """Return the ratio of playback speed to the speed of eSpeak's samples."""
        return self.rate_step / _RATE_STEP

    def settings(self) -> tuple[str, ...]:
        """Return the lines of an eSpeak voice file; pitch is divided by the speed, which later multiplies it."""
        # In sentences, eSpeak's median F0 was measured at 0.65 of the way from base to top.
        base = self.pitch_hz / (1 + 0.65 * (self.pitch_range - 1)) / self.speed
        formants = [
            f"formant {number} {each.frequency} {each.height} {each.width}" for number, each in enumerate(self.formants)
        ]
        breath = [f"breath 0{f' {self.breath}' * 7}"] if self.breath else []
        low, middle, high = self.tilt
        return (
            *formants,
            *breath,
            f"roughness {self.roughness}",
            f"tone 600 {low} 1200 {middle} 2000 {high}",
            f"pitch {round(base)} {round(base * self.pitch_range)}",
            f"flutter {self.flutter}",
        )


def draw_voices(n_voices: int, split: Split, seed: int) -> tuple[Voice, ...]:
    """Draw the first ``n_voices`` voices of a split, alternating women and men.

    For a given seed, voice i of a split does not depend on the number of voices or on the sentences.

    Raises
    ------
    ConfigError
        The number is odd or not positive, or the split is unknown.
    """
    if split not in SPLITS:
        raise ConfigError(f"expected a split among {', '.join(SPLITS)}, found {split!r}; correct the corpus entry")
    if n_voices < 2 or n_voices % 2:
        raise ConfigError(f"expected an even number of {split} voices (half are women), found {n_voices}; add one")
    return tuple(_draw_voice(index, split, seed) for index in range(n_voices))


def _draw_voice(index: int, split: Split, seed: int) -> Voice:
    generator = np.random.default_rng([seed, SPLITS.index(split), index])
    gender = ("female", "male")[index % 2]
    pitch_hz = _MEDIAN_PITCH_HZ[gender] * np.exp(generator.normal(0, _PITCH_SPREAD))
    tract = _MEDIAN_TRACT[gender] * np.exp(generator.normal(0, _TRACT_SPREAD))
    breathy = generator.random() < _BREATH_SHARE[gender]
    return Voice(
        name=f"{split}-{gender[0]}{index // 2:03d}",
        gender=gender,
        pitch_hz=float(np.clip(pitch_hz, 85, 280)),
        pitch_range=float(generator.uniform(1.35, 1.75)),
        rate_wpm=float(generator.uniform(150, 195)),
        tract=float(np.clip(tract, 0.85, 1.3)),
        formants=tuple(_draw_formant(generator) for _ in range(_N_FORMANTS)),
        breath=int(breathy * generator.integers(1, 5)),
        roughness=int(generator.integers(0, 4)),
        tilt=(int(generator.integers(140, 200)), int(generator.integers(90, 180)), int(generator.integers(70, 170))),
        flutter=int(generator.integers(0, 7)),
    )


def _draw_formant(generator: np.random.Generator) -> Formant:
    frequency = np.clip(100 * np.exp(generator.normal(0, _FORMANT_SPREAD)), 90, 110)
    return Formant(round(float(frequency)), int(generator.integers(75, 126)), int(generator.integers(80, 151)))
