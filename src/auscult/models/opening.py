"""One door to every model: an acoustic baseline by its name, or a checkpoint folder."""

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from auscult.manifests import check_folder
from auscult.models.acoustic import acoustic_model

if TYPE_CHECKING:
    from auscult.models.interface import FrameModel

__all__ = ["open_model"]


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
