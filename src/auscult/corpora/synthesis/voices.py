"""Voices: eSpeak's variants, each with pitch, speaking rate and vocal tract drawn from a seed.

The pitch ranges of women and men overlap widely; the genders differ in the vocal tract, which scales the whole
spectrum. A probe that decodes gender therefore uses formants, not mean F0. Voices of different splits are drawn from
different variants.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

import numpy as np

from auscult.corpora.synthesis.espeak import variant_lines
from auscult.errors import ConfigError

__all__ = ["SPLITS", "Split", "Voice", "draw_voices"]

Split = Literal["train", "valid", "test"]
SPLITS: tuple[Split, ...] = ("train", "valid", "test")
_RATE_STEP = 441  # eSpeak's 22 050 Hz are 320 / 441 of 16 kHz
_VARIANTS: Mapping[str, Mapping[str, tuple[str, ...]]] = {
    "train": {
        "female": ("f1", "f2", "f3", "Andrea", "Annie", "linda", "steph"),
        "male": ("m1", "m2", "m3", "m4", "m6", "Denis", "Mario", "antonio"),
    },
    "valid": {"female": ("shelby",), "male": ("robert",)},
    "test": {"female": ("belinda", "Alicia", "f5", "f4", "aunty"), "male": ("quincy", "iven4", "Diogo", "m7", "m8")},
}
_MEDIAN_PITCH_HZ = {"female": 165.0, "male": 140.0}
_PITCH_SPREAD = 0.2  # standard deviation of log pitch within a gender; the log medians of the genders differ by 0.16
_TRACT = {"female": (1.10, 1.22), "male": (0.92, 1.02)}


@dataclass(frozen=True)
class Voice:
    """A synthetic speaker.

    Parameters
    ----------
    name : identifier, unique across splits
    gender : ``female`` or ``male``
    variant : eSpeak's voice variant
    pitch_hz : typical fundamental frequency in sentences
    pitch_range : ratio of the top of the pitch range to its base
    rate_wpm : words per minute
    tract : scale of the formants, 1 for eSpeak's default male voice
    flutter : pitch flutter in eSpeak's unit
    """

    name: str
    gender: str
    variant: str
    pitch_hz: float
    pitch_range: float
    rate_wpm: float
    tract: float
    flutter: int

    @property
    def rate_step(self) -> int:
        """Return d such that eSpeak's samples, resampled by 320 / d to 16 kHz, have the formants of this voice."""
        return round(_RATE_STEP * self.tract / _formant_scale(self.variant))

    @property
    def speed(self) -> float:
        """Return the ratio of playback speed to the speed of eSpeak's samples."""
        return self.rate_step / _RATE_STEP

    def settings(self) -> tuple[str, ...]:
        """Return the lines of an eSpeak voice file; pitch is divided by the speed, which later multiplies it."""
        # In sentences, eSpeak's median F0 was measured at 0.65 of the way from base to top.
        base = self.pitch_hz / (1 + 0.65 * (self.pitch_range - 1)) / self.speed
        pitch = f"pitch {round(base)} {round(base * self.pitch_range)}"
        return (*variant_lines(self.variant), pitch, f"flutter {self.flutter}")


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
    variants = _VARIANTS[split][gender]
    return Voice(
        name=f"{split}-{gender[0]}{index // 2:03d}",
        gender=gender,
        variant=variants[index // 2 % len(variants)],
        pitch_hz=float(np.clip(_MEDIAN_PITCH_HZ[gender] * np.exp(generator.normal(0, _PITCH_SPREAD)), 85, 280)),
        pitch_range=float(generator.uniform(1.35, 1.75)),
        rate_wpm=float(generator.uniform(150, 195)),
        tract=float(generator.uniform(*_TRACT[gender])),
        flutter=int(generator.integers(0, 7)),
    )


def _formant_scale(variant: str) -> float:
    """Return the mean scale of formants 1 to 3 in a variant; formants without an entry have scale 1."""
    scales = {1: 100.0, 2: 100.0, 3: 100.0}
    for words in map(str.split, variant_lines(variant)):
        if words[0] == "formant" and int(words[1]) in scales:
            scales[int(words[1])] = float(words[2])
    return sum(scales.values()) / 300
