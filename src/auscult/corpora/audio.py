"""Recordings as arrays: decoded, checked, mixed down to one channel and resampled to one rate."""

import math
import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path
from typing import Protocol

import numpy as np
import soundfile

from auscult.corpora.mpeg import MpegFrames, read_frames
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
_LOSSY = ("MP3", "OGG", "MPEG")
_RATES_HZ = (4000, 384_000)
# Resamplers and mixers leave samples just beyond full scale; a higher peak, or many such samples, is another fault.
_MAX_PEAK = 1.5
_MAX_CLIPPED_SHARE = 0.01
_BLOCK = 1 << 20
# Decoders drop the delay and padding of the encoder (at most 3000 samples) from the beginning and end of an MP3.
_MAX_LOST_FRAMES = 6
# Kernels of torchaudio above this size are replaced by a polyphase filter: 2^24 numbers of 8 bytes are 134 MB.
_MAX_KERNEL = 1 << 24
_N_ZEROS, _ROLLOFF, _BETA = 64, 0.945, 14.77
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
    n_clipped : number of samples beyond full scale that were set to full scale
    """

    waveform: np.ndarray
    sample_rate_hz: int
    original_sample_rate_hz: int
    n_channels: int
    n_original_samples: int
    n_clipped: int = 0


class _Header(Protocol):
    """The part of :func:`soundfile.info` that is read here; ``extra_info`` is libsndfile's log of the file."""

    samplerate: int
    frames: int
    format: str
    extra_info: str


def read_audio(
    path: str | Path, *, sample_rate_hz: int = SAMPLE_RATE_HZ, resample: bool = True, name: str = ""
) -> Recording:
    """Read a recording (wav, flac, mp3, ogg, NIST SPHERE …) as one checked channel at ``sample_rate_hz``.

    Samples just beyond full scale, as resamplers, mixers and lossy decoders leave them, are set to full scale and
    counted: up to 1 % of the samples, up to an amplitude of 1.5; any number in a lossy format.

    Parameters
    ----------
    path : the file
    sample_rate_hz : sample rate of the result
    resample : False refuses other sample rates
    name : what messages call the recording, by default its path

    Raises
    ------
    CorpusError
        The file does not exist.
    AudioError
        The file cannot be decoded, is truncated, is empty, silent, not finite or out of range, has a sample rate below
        4 kHz or above 384 kHz, or has another sample rate while ``resample`` is False.
    """
    name = name or str(path)
    channels, original_hz, is_lossy = _decode(Path(path), name)
    if not _RATES_HZ[0] <= original_hz <= _RATES_HZ[1]:
        raise AudioError(
            f"expected a sample rate of {_RATES_HZ[0]} to {_RATES_HZ[1]} Hz, found {original_hz} Hz in {name}; correct "
            "the header, or export the recording again"
        )
    if original_hz != sample_rate_hz and not resample:
        raise AudioError(
            f"expected {sample_rate_hz} Hz, found {original_hz} Hz in {name}; allow resampling for this corpus, or "
            "convert the recordings first"
        )
    # Channels in opposite phase cancel, so the mixture is checked, not the channels.
    waveform, n_clipped = _clip(channels.mean(axis=1, dtype=np.float32), is_lossy)
    waveform = resample_waveform(check_waveform(waveform, name), original_hz, sample_rate_hz)
    return Recording(waveform, sample_rate_hz, original_hz, channels.shape[1], len(channels), n_clipped)


def _clip(waveform: np.ndarray, is_lossy: bool) -> tuple[np.ndarray, int]:
    """Return a waveform with its overshoot set to full scale, and the number of such samples."""
    size = np.abs(waveform)
    n_clipped = int((size > 1).sum())
    if not n_clipped or not np.isfinite(waveform).all():
        return waveform, 0
    if not is_lossy and (size.max() > _MAX_PEAK or n_clipped > max(1, _MAX_CLIPPED_SHARE * waveform.size)):
        return waveform, 0
    return waveform.clip(-1, 1), n_clipped


def decode_audio(path: str | Path, *, name: str = "") -> tuple[np.ndarray, int]:
    """Return all samples of a file as float32, shape (n_samples, n_channels), and its sample rate in Hz.

    A file that is shorter than its header states is refused, because decoding libraries return a truncated file
    without a warning. An MP3 file is truncated if its last frame is incomplete, or if it has fewer frames than its
    length header states.

    Raises
    ------
    CorpusError
        The file does not exist.
    AudioError
        The file is not audio, or is truncated.
    """
    channels, sample_rate_hz, is_lossy = _decode(Path(path), name or str(path))
    # Lossy decoders slightly exceed full scale on loud passages; the recording itself is not at fault.
    return channels.clip(-1, 1) if is_lossy else channels, sample_rate_hz


def _decode(path: Path, name: str) -> tuple[np.ndarray, int, bool]:
    _require_file(path, name)
    frames = _mpeg_frames(path, name)
    source = BytesIO(frames.with_length()) if frames and frames.n_stated is None else path
    with _decoding_errors(name), soundfile.SoundFile(source) as file:
        # Blocks, because a damaged header can state a length that does not fit into memory.
        blocks = []
        while len(block := file.read(_BLOCK, dtype="float32", always_2d=True)):
            blocks.append(block)
        n_channels, sample_rate_hz, kind = file.channels, file.samplerate, file.format
        info = soundfile.info(path)
    channels = np.concatenate(blocks) if blocks else np.zeros((0, n_channels), dtype=np.float32)
    if frames is None:
        _check_length(path, name, info, len(channels))
    elif len(channels) < (frames.n_frames - _MAX_LOST_FRAMES) * frames.samples_per_frame:
        raise AudioError(
            f"expected about {frames.n_frames * frames.samples_per_frame} samples in {name}, found {len(channels)} "
            "that can be decoded; the file is damaged: fetch it again"
        )
    return channels, sample_rate_hz, kind in _LOSSY


def audio_length(path: str | Path, *, name: str = "") -> tuple[int, int]:
    """Return the sample rate in Hz and the number of samples per channel of a file.

    Both are read from the header, but MP3 files without a length header are decoded.

    Raises
    ------
    CorpusError, AudioError
        The file does not exist, is not audio, is empty, or is truncated.
    """
    path, name = Path(path), name or str(path)
    _require_file(path, name)
    frames = _mpeg_frames(path, name)
    if frames and frames.n_stated is None:
        channels, sample_rate_hz, _ = _decode(path, name)
        return sample_rate_hz, len(channels)
    with _decoding_errors(name):
        info = soundfile.info(path)
    if info.frames == 0:
        raise AudioError(f"expected samples in {name}, found an empty recording; remove it or fetch it again")
    if frames is None:
        _check_length(path, name, info, info.frames)
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
    common = math.gcd(from_hz, to_hz)
    width = 2 * math.ceil(_N_ZEROS * from_hz / (_ROLLOFF * min(from_hz, to_hz))) + from_hz // common
    waveform = np.asarray(waveform, dtype=np.float64)
    large = width * (to_hz // common) > _MAX_KERNEL
    resampled = (_resample_polyphase if large else _resample_sinc)(waveform, from_hz // common, to_hz // common)
    # Interpolation may exceed full scale between samples.
    return resampled.clip(-1, 1).astype(np.float32)


def _resample_sinc(waveform: np.ndarray, down: int, up: int) -> np.ndarray:
    # Imported here: torch takes seconds to load and is not needed for recordings at the right sample rate.
    import torch
    from torchaudio.functional import resample

    resampled = resample(
        torch.from_numpy(waveform),
        down,
        up,
        lowpass_filter_width=_N_ZEROS,
        rolloff=_ROLLOFF,
        resampling_method="sinc_interp_kaiser",
        beta=_BETA,
    )
    return resampled.numpy()


def _resample_polyphase(waveform: np.ndarray, down: int, up: int) -> np.ndarray:
    """Resample by the same filter without a table of all its phases, for rates with a small common divisor (22254)."""
    from scipy.signal import firwin, resample_poly

    longest = max(down, up)
    taps = firwin(2 * _N_ZEROS * longest + 1, _ROLLOFF / longest, window=("kaiser", _BETA))
    return resample_poly(waveform, up, down, window=taps)


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


def _require_file(path: Path, name: str) -> None:
    if not path.is_file():
        raise CorpusError(f"expected a recording at {name}, found no such file; check that the corpus is complete")
    if not path.stat().st_size:
        raise AudioError(f"expected a recording in {name}, found a file of 0 bytes; remove it or fetch it again")


@contextmanager
def _decoding_errors(name: str) -> Iterator[None]:
    try:
        yield
    except soundfile.SoundFileError as error:
        reason = str(error).rpartition(": ")[2] or "unknown error"
        raise AudioError(
            f"expected audio that can be decoded (wav, flac, mp3, ogg), found {reason.rstrip('.')} in {name}; the file "
            "is damaged, truncated or of another kind: fetch it again"
        ) from None


def _mpeg_frames(path: Path, name: str) -> MpegFrames | None:
    """Return the frames of an MP3 file, None for any other file.

    Raises
    ------
    AudioError
        The file is truncated.
    """
    with open(path, "rb") as stream:
        begin = stream.read(4)
        # A frame without a tag is told from other formats by their names only.
        if not (begin.startswith(b"ID3") or (begin[:1] == b"\xff" and begin[1:2] >= b"\xe0")):
            return None
        frames = read_frames(begin + stream.read())
    if frames is None:
        return None
    n_stated = frames.n_stated or 0
    if frames.is_cut or frames.n_frames + 1 < n_stated:
        found = f"{frames.n_frames} of {n_stated} frames" if n_stated else f"{frames.n_frames} frames"
        cut = " and a part of another" if frames.is_cut else ""
        raise AudioError(f"expected whole MP3 frames in {name}, found {found}{cut}: truncated; fetch it again")
    return frames


def _check_length(path: Path, name: str, info: _Header, n_samples: int) -> None:
    stated = re.search(r"^\s*(?:data|SSND)\s*: (\d+) \(should be (\d+)\)", info.extra_info, re.MULTILINE)
    expected, found, unit = info.frames, n_samples, "samples"
    if stated and int(stated[1]) not in _OPEN_LENGTHS:
        expected, found, unit = int(stated[1]), int(stated[2]), "bytes of samples"
    if info.format == "NIST":
        expected = _nist_length(path) or expected
    if "without an End-Of-Stream" in info.extra_info:
        raise AudioError(f"expected the end of the stream in {name}, found a truncated file; fetch it again")
    # The length of an MP3 file that was not counted here is an estimate.
    if found < expected and info.format not in ("MP3", "MPEG"):
        raise AudioError(f"expected {expected} {unit} in {name}, found {found}: truncated; fetch it again")


def _nist_length(path: Path) -> int | None:
    with open(path, "rb") as stream:
        stated = re.search(rb"sample_count -i (\d+)", stream.read(1024))
    return int(stated[1]) if stated else None
