"""One door to every model: an acoustic baseline by its name, or a checkpoint folder."""

from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from auscult.manifests import Manifest, check_folder
from auscult.models.acoustic import acoustic_model

if TYPE_CHECKING:
    from auscult.models.interface import FrameModel

__all__ = ["open_model", "model_opener"]


def open_model(
    *, features: str | None = None, checkpoint: str | Path | None = None, device: str = "cpu"
) -> "tuple[FrameModel, Mapping[str, str]]":
    """Return a model behind the common interface, and the manifest digests of what it was read from.

    Parameters
    ----------
    features : name of an acoustic baseline; or else
    checkpoint : a sealed checkpoint folder
    device : where an encoder runs; ``auto`` takes a GPU where there is one

    Raises
    ------
    ConfigError, CheckpointError, ManifestError
        There is no such baseline, or the folder is not a whole checkpoint.
    """
    if features is not None:
        return acoustic_model(features), {}
    # Encoders need transformers, whose import alone takes longer than a baseline's whole run.
    from auscult.models.speech import load_speech_model

    return load_speech_model(checkpoint, device=device), {"checkpoint": check_folder(checkpoint).sha256}


def model_opener(
    *, features: str | None = None, checkpoint: str | Path | None = None, device: str = "cpu"
) -> "tuple[Callable[[], FrameModel], Mapping[str, str]]":
    """Return what opens a model when its turn has come, and the manifest digests of what it will be read from.

    Arguments as of :func:`open_model`. A folder that is no whole checkpoint is found now, not when its turn has come.

    Raises
    ------
    ManifestError
        The folder is missing, unfinished or damaged.
    """
    parents = {} if features is not None else {"checkpoint": _check(checkpoint).sha256}
    return partial(_open, features=features, checkpoint=checkpoint, device=device), parents


def _check(checkpoint: str | Path) -> Manifest:
    return check_folder(checkpoint, "train, fetch or import this checkpoint, or take its step out of the sweep")


def _open(**arguments) -> "FrameModel":
    return open_model(**arguments)[0]
