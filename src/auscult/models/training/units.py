"""Targets of masked prediction: acoustic units found by k-means, a codebook for the spectrum and one for the pitch."""

from collections.abc import Sequence

import numpy as np
from scipy.fft import dct
from sklearn.cluster import MiniBatchKMeans

from auscult.errors import AnalysisError, ConfigError
from auscult.models.acoustic import log_f0, log_mel
from auscult.models.frames import FrameTiming

__all__ = ["CODEBOOKS", "Codebook", "fit_codebook", "unit_features", "spectral_features", "pitch_features"]

CODEBOOKS = ("mel", "pitch")
N_CEPSTRA = 13
_CONTOUR_STEP_SAMPLES = 640


class Codebook:
    """The centres of one codebook, and how frames are given to them.

    Parameters
    ----------
    centres : k-means centres [shape=(n_centres, n_features)]
    """

    def __init__(self, centres: np.ndarray):
        self.centres = centres

    def assign(self, features: np.ndarray) -> np.ndarray:
        """Return each frame's nearest centre [shape=(n_frames,), int16]; frames of NaN (no pitch) get the last unit."""
        known = np.isfinite(features).all(axis=1)
        distances = (self.centres**2).sum(axis=1) - 2 * features[known] @ self.centres.T
        units = np.full(len(features), len(self.centres), dtype=np.int16)
        units[known] = distances.argmin(axis=1)
        return units


def fit_codebook(
    name: str, features: Sequence[np.ndarray], n_units: int, seed: int, n_frames: int = 60_000
) -> Codebook:
    """Fit k-means to a random sample of frames.

    Frames of NaN (no pitch) are a unit of their own: one centre fewer is fitted if there are any.

    Parameters
    ----------
    name : codebook, for messages
    features : per utterance [shape=(n_frames, n_features)]
    n_units : targets of the codebook
    seed : of the sample and of the initial centres
    n_frames : size of the sample

    Raises
    ------
    AnalysisError
        There are fewer frames than units.
    """
    frames = np.concatenate(list(features))
    known = frames[np.isfinite(frames).all(axis=1)]
    n_centres = n_units - int(len(known) < len(frames))
    if len(known) < n_centres or n_centres < 1:
        raise AnalysisError(
            f"expected at least {n_centres} frames to fit {n_units} units of codebook {name!r}, found {len(known)}; "
            "ask for fewer units or train on more speech"
        )
    rng = np.random.default_rng(seed)
    sample = known[rng.permutation(len(known))[:n_frames]]
    kmeans = MiniBatchKMeans(n_centres, batch_size=4096, n_init=2, max_iter=30, random_state=seed)
    return Codebook(kmeans.fit(sample).cluster_centers_.astype(np.float32))


def unit_features(name: str, waveform: np.ndarray, timing: FrameTiming) -> np.ndarray:
    """Return the features that a codebook clusters [shape=(n_frames, n_features), float32], NaN where there are none.

    Parameters
    ----------
    name : one of :data:`CODEBOOKS`
    waveform : samples at 16 kHz
    timing : of the frames of the model that shall predict the units
    """
    match name:
        case "mel":
            return spectral_features(waveform, timing)
        case "pitch":
            return pitch_features(waveform, timing)
        case _:
            raise ConfigError(
                f"expected codebooks among {', '.join(CODEBOOKS)}, found {name!r}; correct 'codebooks' "
                "in the configuration"
            )


def spectral_features(waveform: np.ndarray, timing: FrameTiming) -> np.ndarray:
    """Return cepstra of the log-mel spectrum at each frame's centre and half a hop to either side, less their mean.

    Subtracting the mean over the utterance takes out the channel and part of the voice; cepstra keep the spectrum's
    shape and drop its harmonics, so that units tell phones rather than pitch.
    """
    halves = FrameTiming(timing.receptive_field_samples, timing.hop_samples // 2)
    cepstra = dct(log_mel(waveform, halves), norm="ortho", axis=1)[:, :N_CEPSTRA].astype(np.float32)
    cepstra -= cepstra.mean(axis=0)
    centre = 2 * np.arange(int(timing.n_frames(len(waveform))))
    return np.hstack([cepstra[np.clip(centre + shift, 0, len(cepstra) - 1)] for shift in (-1, 0, 1)])


def pitch_features(waveform: np.ndarray, timing: FrameTiming) -> np.ndarray:
    """Return the contour of log F0 around each frame and, with half the weight, its height; NaN without a voice.

    The contour is read at five points over 160 ms, less their mean, and runs on through voiceless stretches. So units
    tell rises, falls and turns first, and register second: what a tone is, where a syllable lasts some 200 ms.
    Heights are not made relative to the speaker. A model would have to know whom it hears before it could name any
    unit; this small, it spends its first hundreds of steps on that, though pitch itself is learnt within a hundred.
    """
    track, voiced = log_f0(waveform, timing=timing).T
    apart = max(1, round(_CONTOUR_STEP_SAMPLES / timing.hop_samples))
    padded = np.pad(track, 2 * apart, mode="edge")
    contour = np.stack([padded[point * apart :][: len(track)] for point in range(5)], axis=1)
    features = np.hstack([contour - contour.mean(axis=1, keepdims=True), track[:, None] / 2])
    features[voiced == 0] = np.nan
    return features
