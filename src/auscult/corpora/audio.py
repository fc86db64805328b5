"""Recordings as arrays: decoded, checked, mixed down to one channel and resampled to one rate."""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import numpy as np
import soundfile

from auscult.errors import AudioError, CorpusError
from auscult.manifests import write_file

__all__ = [
    "SAMPLE_RATE_HZ",
    "Recording",
    "read_audio",
    "decode_audio",
    "audio_length",
    "check_waveform",
    "resample_waveform",
    "rescale_samples",
    "write_audio",
]

SAMPLE_RATE_HZ = 16000
_FULL_SCALE_16_BIT = 32768
_LOSSY = ("MP3", "OGG")
# Programs that stream audio write a placeholder for the length: zero, or the largest value of the field.
_OPEN_LENGTHS = (0, 2**31 - 1, 2**32 - 1)


@dataclass(frozen=True)
class Recording:
    """A decoded recording.

    Parameters
    ----------
    waveform : float32 in [-1, 1], shape (n_samples,), one channel
    sample_rate_hz : sample rate of the waveform
    original_sample_rate_hz : sample rate of the file
    n_channels : number of channels of the file, averaged in the waveform
    n_original_samples : number of samples per channel in the file
    """

    waveform: np.ndarray
    sample_rate_hz: int
    original_sample_rate_hz: int
    n_channels: int
    n_original_samples: int


class _Header(Protocol):
    """The part of :func:`soundfile.info` that is read here; ``extra_info`` is libsndfile's log of the file."""

    samplerate: int
    frames: int
    format: str
    extra_info: str


def read_audio(path: str | Path, *, sample_rate_hz: int = SAMPLE_RATE_HZ, resample: bool = True) -> Recording:
    """Read a recording (wav, flac, mp3, ogg, NIST SPHERE) as one checked channel at ``sample_rate_hz``.

    Raises
    ------
    CorpusError
        The file does not exist.
    AudioError
        The file cannot be decoded, is shorter than its header states, is empty, silent, not finite or out of range, or
        has another sample rate while ``resample`` is False.
    """
    channels, original_hz = decode_audio(path)
    if original_hz != sample_rate_hz and not resample:
        raise AudioError(
            f"expected {sample_rate_hz} Hz, found {original_hz} Hz in {path}; allow resampling for this corpus, or "
            "convert the recordings first"
        )
    # Channels in opposite phase cancel, so the mixture is checked, not the channels.
    waveform = check_waveform(channels.mean(axis=1, dtype=np.float32), str(path))
    waveform = resample_waveform(waveform, original_hz, sample_rate_hz)
    return Recording(waveform, sample_rate_hz, original_hz, channels.shape[1], len(channels))


def decode_audio(path: str | Path) -> tuple[np.ndarray, int]:
    """Return all samples of a file as float32, shape (n_samples, n_channels), and its sample rate in Hz.

    A file that is shorter than its header states is refused, because decoding libraries return a truncated file
    without a warning.

    Raises
    ------
    CorpusError
        The file does not exist.
    AudioError
        The file is not audio, or is truncated.
    """
    path = Path(path)
    info = _header(path)
    with _decoding_errors(path):
        channels, sample_rate_hz = soundfile.read(path, dtype="float32", always_2d=True)
    _check_length(path, info, len(channels))
    if info.format in _LOSSY:
        # Lossy decoders slightly exceed full scale on loud passages; the recording itself is not at fault.
        channels = channels.clip(-1, 1)
    return channels, sample_rate_hz


def audio_length(path: str | Path) -> tuple[int, int]:
    """Return the sample rate in Hz and the number of samples per channel stated in a file's header.

    Raises
    ------
    CorpusError, AudioError
        The file does not exist, is not audio, is empty, or is shorter than its header states.
    """
    path = Path(path)
    info = _header(path)
    if info.frames == 0:
        raise AudioError(f"expected samples in {path}, found an empty recording; remove it or fetch it again")
    _check_length(path, info, info.frames)
    return info.samplerate, info.frames


def check_waveform(waveform: np.ndarray, name: str) -> np.ndarray:
    """Return the waveform, shape (n_samples,), if it is a plausible recording.

    Its samples are finite and within [-1, 1], and deviate from their mean by more than one 16-bit quantisation step.

    Raises
    ------
    AudioError
        The waveform is empty, not finite, out of range or silent.
    """
    if waveform.size == 0:
        raise AudioError(f"expected samples in {name}, found an empty recording; remove it or fetch it again")
    finite = np.isfinite(waveform)
    if not finite.all():
        index = int(np.argmin(finite))
        raise AudioError(
            f"expected finite samples in {name}, found {waveform[index]} at sample {index} "
            f"({int((~finite).sum())} such samples); export the recording again"
        )
    peak = float(np.abs(waveform).max())
    if peak > 1:
        raise AudioError(
            f"expected samples within [-1, 1] in {name}, found {peak:g} at sample {int(np.abs(waveform).argmax())}; "
            "the file may hold integers stored as floating point, or gain above full scale: scale the recording down"
        )
    if np.abs(waveform - waveform.mean()).max() <= 1 / _FULL_SCALE_16_BIT:
        raise AudioError(
            f"expected sound in {name}, found {waveform.size} samples of silence; remove the recording, or check that "
            "its channels do not cancel each other"
        )
    return waveform


def resample_waveform(waveform: np.ndarray, from_hz: int, to_hz: int) -> np.ndarray:
    """Resample a waveform, shape (n_samples,), to another rate, shape (ceil(n_samples · to_hz / from_hz),).

    Band-limited interpolation (Smith & Gossett, 1984) with a Kaiser-windowed sinc of 64 zero crossings, computed in
    float64 so that the 16-bit result does not depend on the number of threads.
    """
    if from_hz == to_hz:
        return waveform
    # Imported here: torch takes seconds to load and is not needed for recordings at the right sample rate.
    import torch
    from torchaudio.functional import resample

    resampled = resample(
        torch.from_numpy(np.asarray(waveform, dtype=np.float64)),
        from_hz,
        to_hz,
        lowpass_filter_width=64,
        rolloff=0.945,
        resampling_method="sinc_interp_kaiser",
        beta=14.77,
    )
    # Interpolation may exceed full scale between samples.
    return resampled.numpy().clip(-1, 1).astype(np.float32)


def rescale_samples(samples: np.ndarray, from_hz: int, to_hz: int) -> np.ndarray:
    """Convert sample indices to another sample rate in integer arithmetic, rounded half up, as int64."""
    return (2 * np.asarray(samples, dtype=np.int64) * to_hz + from_hz) // (2 * from_hz)


def write_audio(waveform: np.ndarray, path: str | Path, sample_rate_hz: int = SAMPLE_RATE_HZ) -> None:
    """Write a waveform, float in [-1, 1], shape (n_samples,), as 16-bit FLAC, completely or not at all.

    Samples are quantised with the scale that readers use (2^15), so 16-bit samples are written as they were read.
    """
    quantised = np.round(waveform.astype(np.float64) * _FULL_SCALE_16_BIT)
    quantised = quantised.clip(-_FULL_SCALE_16_BIT, _FULL_SCALE_16_BIT - 1).astype(np.int16)
    with write_file(path) as partial:
        soundfile.write(partial, quantised, sample_rate_hz, format="FLAC", subtype="PCM_16")


def _header(path: Path) -> _Header:
    if not path.is_file():
        raise CorpusError(f"expected a recording at {path}, found no such file; check that the corpus is complete")
    with _decoding_errors(path):
        return soundfile.info(path)


@contextmanager
def _decoding_errors(path: Path) -> Iterator[None]:
    try:
        yield
    except soundfile.SoundFileError as error:
        reason = str(error).rpartition(": ")[2] or "unknown error"
        raise AudioError(
            f"expected audio that can be decoded (wav, flac, mp3, ogg), found {reason.rstrip('.')} in {path}; the file "
            "is damaged, truncated or of another kind: fetch it again"
        ) from None


def _check_length(path: Path, info: _Header, n_samples: int) -> None:
    stated = re.search(r"^\s*(?:data|SSND)\s*: (\d+) \(should be (\d+)\)", info.extra_info, re.MULTILINE)
    expected, found, unit = info.frames, n_samples, "samples"
    if stated and int(stated[1]) not in _OPEN_LENGTHS:
        expected, found, unit = int(stated[1]), int(stated[2]), "bytes of samples"
    if info.format == "NIST":
        expected = _nist_length(path) or expected
    if "without an End-Of-Stream" in info.extra_info:
        raise AudioError(f"expected the end of the stream in {path}, found a truncated file; fetch it again")
    if found < expected:
        raise AudioError(f"expected {expected} {unit} in {path}, found {found}: truncated; fetch it again")


def _nist_length(path: Path) -> int | None:
    with open(path, "rb") as stream:
        stated = re.search(rb"sample_count -i (\d+)", stream.read(1024))
    return int(stated[1]) if stated else None
