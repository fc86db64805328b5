"""Units for masked prediction, found by k-means: codebooks of the spectrum, the pitch, or a trained model's states."""

from collections.abc import Sequence

import numpy as np
from scipy.fft import dct
from sklearn.cluster import MiniBatchKMeans

from auscult.errors import AnalysisError, ConfigError
from auscult.models.acoustic import log_f0, log_mel
from auscult.models.frames import FrameTiming
from auscult.models.speech import SpeechModel

__all__ = ["CODEBOOKS", "Codebook", "fit_codebook", "unit_features", "spectral_features", "pitch_features"]

CODEBOOKS = ("mel", "pitch")
N_CEPSTRA = 13
_CONTOUR_STEP_SAMPLES = 640


class Codebook:
    """The centres of one codebook, and the assignment of frames to units.

    Parameters
    ----------
    centres : k-means centres [shape=(n_centres, n_features)]
    """

    def __init__(self, centres: np.ndarray):
        self.centres = centres

    def assign(self, features: np.ndarray) -> np.ndarray:
        """Return the unit of each frame, its nearest centre [shape=(n_frames,), int16]; the last unit for NaN."""
        known = np.isfinite(features).all(axis=1)
        distances = (self.centres**2).sum(axis=1) - 2 * features[known] @ self.centres.T
        units = np.full(len(features), len(self.centres), dtype=np.int16)
        units[known] = distances.argmin(axis=1)
        return units


def fit_codebook(
    name: str, features: Sequence[np.ndarray], n_units: int, seed: int, n_frames: int = 60_000
) -> Codebook:
    """Fit k-means to a random sample of frames.

    Frames of NaN (unvoiced frames of the pitch codebook) form a unit of their own; if there are any, one centre fewer
    is fitted.

    Parameters
    ----------
    name : of the codebook, for messages
    features : per utterance [shape=(n_frames, n_features)]
    n_units : number of units of the codebook
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


def unit_features(
    name: str, waveform: np.ndarray, timing: FrameTiming, teacher: SpeechModel | None = None
) -> np.ndarray:
    """Return the features that a codebook clusters [shape=(n_frames, n_features), float32]; NaN where undefined.

    Parameters
    ----------
    name : one of :data:`CODEBOOKS`, or a layer of the teacher, as in the later iterations of HuBERT (Hsu et al., 2021,
        section III.C)
    waveform : samples at 16 kHz
    timing : of the frames of the model that will predict the units
    teacher : a trained model with frames of the same timing

    Raises
    ------
    ConfigError
        There is no such codebook, or the teacher's frames have another timing.
    """
    if teacher is not None and name in teacher.layers:
        if (teacher.timing.hop_samples, teacher.timing.receptive_field_samples) != (
            timing.hop_samples,
            timing.receptive_field_samples,
        ):
            raise ConfigError(
                f"expected a teacher with frames of {timing.receptive_field_samples} samples every "
                f"{timing.hop_samples}, found {teacher.timing.receptive_field_samples} every "
                f"{teacher.timing.hop_samples}; name a teacher with the convolutions of the model it teaches"
            )
        return teacher.frames([waveform])[name][0].cpu().numpy()
    match name:
        case "mel":
            return spectral_features(waveform, timing)
        case "pitch":
            return pitch_features(waveform, timing)
        case _:
            raise ConfigError(
                f"expected codebooks among {', '.join((*CODEBOOKS, *(teacher.layers if teacher else ())))}, found "
                f"{name!r}; correct 'codebooks' in the configuration"
            )


def spectral_features(waveform: np.ndarray, timing: FrameTiming) -> np.ndarray:
    """Return mean-normalised cepstra of the log-mel spectrum at each frame's centre and half a hop before and after.

    Subtracting the utterance's mean removes the channel and part of the voice. Cepstra describe the spectral envelope
    and not the harmonics, so that units reflect phones rather than pitch.
    """
    halves = FrameTiming(timing.receptive_field_samples, timing.hop_samples // 2)
    cepstra = dct(log_mel(waveform, halves), norm="ortho", axis=1)[:, :N_CEPSTRA].astype(np.float32)
    cepstra -= cepstra.mean(axis=0)
    centre = 2 * np.arange(int(timing.n_frames(len(waveform))))
    return np.hstack([cepstra[np.clip(centre + shift, 0, len(cepstra) - 1)] for shift in (-1, 0, 1)])


def pitch_features(waveform: np.ndarray, timing: FrameTiming) -> np.ndarray:
    """Return the contour of log F0 around each frame and, with half the weight, its height; NaN in unvoiced frames.

    The contour is read at five points over 160 ms, minus their mean, and is interpolated over unvoiced frames. Units
    thus reflect rises, falls and turns first and register second, which is what makes a tone where a syllable lasts
    about 200 ms. Heights are not relative to the speaker: a model would have to identify the speaker before it could
    predict any unit, on which a small model spends hundreds of steps, while it learns pitch itself within a hundred.
    """
    track, voiced = log_f0(waveform, timing=timing).T
    apart = max(1, round(_CONTOUR_STEP_SAMPLES / timing.hop_samples))
    padded = np.pad(track, 2 * apart, mode="edge")
    contour = np.stack([padded[point * apart :][: len(track)] for point in range(5)], axis=1)
    features = np.hstack([contour - contour.mean(axis=1, keepdims=True), track[:, None] / 2])
    features[voiced == 0] = np.nan
    return features
