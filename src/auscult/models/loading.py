"""Open any model behind the common interface: an acoustic baseline by its name, or a checkpoint folder."""

import logging
from collections.abc import Callable, Mapping, Sequence
from dataclasses import astuple
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from auscult.corpora.audio import SAMPLE_RATE_HZ
from auscult.errors import CheckpointError, ConfigError
from auscult.manifests import check_folder
from auscult.models.acoustic import acoustic_model
from auscult.models.alterations import Alteration
from auscult.models.checkpoint_format import CONFIG
from auscult.models.seals import checkpoint_digest
from auscult.models.views import Altered, Resampled, SomeLayers, Windowed
from auscult.models.windows import Windows

if TYPE_CHECKING:
    from auscult.models.interface import FrameModel

__all__ = ["open_model", "model_opener"]

_log = logging.getLogger(__name__)
# Windows of Whisper share this part of their length.
_SHARED = 6


def open_model(
    *, features: str | None = None, checkpoint: str | Path | None = None, device: str = "cpu"
) -> "tuple[FrameModel, Mapping[str, str]]":
    """Return a model behind the common interface, and the digest of its checkpoint under the key ``checkpoint``.

    Parameters
    ----------
    features : name of an acoustic baseline, which has no checkpoint and no digest
    checkpoint : a checkpoint folder, sealed or plain; needed unless ``features`` is given
    device : where an encoder runs; ``auto`` takes a GPU where there is one

    Raises
    ------
    ConfigError, CheckpointError, ManifestError
        There is no such baseline, or the folder is no checkpoint of a speech encoder.
    """
    if features is not None:
        return acoustic_model(features), {}
    # Encoders need transformers, whose import alone takes longer than a baseline's whole run.
    from auscult.models.speech import load_speech_model

    folder = _required(checkpoint)
    return load_speech_model(folder, device=device), {"checkpoint": checkpoint_digest(folder)}


def model_opener(
    *,
    features: str | None = None,
    checkpoint: str | Path | None = None,
    device: str = "cpu",
    layers: Sequence[str] | None = None,
    windows: Mapping[str, float] | None = None,
    alteration: Mapping[str, Any] | None = None,
) -> "tuple[Callable[[], FrameModel], Mapping[str, str]]":
    """Return a function that opens a model later, and the digest that :func:`open_model` would return now.

    A model of another sample rate than that of corpora gets resampled waveforms, which the log says. Recordings are run
    as a whole unless ``windows`` are stated; Whisper, which reads no more than 30 s, runs longer ones in windows of
    that length that overlap by a sixth.

    Parameters
    ----------
    features, checkpoint, device : as for :func:`open_model`
    layers : names of the layers to keep; all by default
    windows : ``window_s`` and ``overlap_s`` of :class:`auscult.models.windows.Windows`
    alteration : ``kind`` and options of :class:`auscult.models.alterations.Alteration`

    Raises
    ------
    ConfigError
        Windows cannot be joined, or the alteration does not exist.
    ManifestError, CheckpointError
        The folder is missing, unfinished or damaged; raised at once, not when the function is called.
    """
    parents = {} if features is not None else {"checkpoint": _digest(_required(checkpoint))}
    chosen = Windows(**windows) if windows else None
    heard = Alteration(**alteration) if alteration else None
    return partial(_open, features, checkpoint, device, layers, chosen, heard), parents


def _required(checkpoint: str | Path | None) -> str | Path:
    if checkpoint is None:
        raise CheckpointError("expected the name of an acoustic baseline or a checkpoint folder, found neither")
    return checkpoint


def _digest(checkpoint: str | Path) -> str:
    if not (Path(checkpoint) / CONFIG).is_file():
        check_folder(checkpoint, "train, fetch or import this checkpoint, or take its step out of the sweep")
    return checkpoint_digest(checkpoint)


def _open(
    features: str | None,
    checkpoint: str | Path | None,
    device: str,
    layers: Sequence[str] | None,
    windows: Windows | None,
    alteration: Alteration | None,
) -> "FrameModel":
    model = open_model(features=features, checkpoint=checkpoint, device=device)[0]
    longest_s = getattr(model, "window_s", None)
    if windows is not None and longest_s is not None and windows.window_s > longest_s:
        raise ConfigError(
            f"expected windows of at most {longest_s:g} s for {model.name!r}, which reads no more, found "
            f"{windows.window_s:g} s; correct windows of the model"
        )
    windows = windows or (Windows(longest_s, longest_s / _SHARED) if longest_s else None)
    if windows is not None:
        _log.info("recordings of %r longer than %g s are run in windows that share %g s", model.name, *astuple(windows))
        model = Windowed(model, windows)
    if model.sample_rate_hz != SAMPLE_RATE_HZ:
        _log.warning(
            "recordings are resampled from %d Hz, the rate of corpora, to %d Hz for %r",
            *(SAMPLE_RATE_HZ, model.sample_rate_hz, model.name),
        )
        model = Resampled(model, SAMPLE_RATE_HZ)
    if alteration is not None:
        _log.info("%r hears altered speech: %s", model.name, alteration)
        model = Altered(model, alteration)
    return SomeLayers(model, layers) if layers else model
