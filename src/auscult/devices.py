"""Choice of the device on which models run."""

import torch

from auscult.errors import ConfigError

__all__ = ["pick_device"]


def pick_device(device: str | torch.device) -> str:
    """Return the requested device; ``auto`` stands for ``cuda`` if a GPU is available, else for ``cpu``.

    On a GPU, this also makes float32 convolutions exact: by default cuDNN rounds their inputs to 11 bits (TF32), which
    changed frames of a base-size HuBERT by 1e-3 of a layer's scale.

    Raises
    ------
    ConfigError
        A GPU is requested and none is available.
    """
    available = torch.cuda.is_available()
    chosen = ("cuda" if available else "cpu") if device == "auto" else str(device)
    if torch.device(chosen).type == "cuda":
        if not available:
            raise ConfigError(f"expected a GPU for device {chosen!r}, found none; set device: auto or cpu")
        torch.backends.cudnn.allow_tf32 = False
    return chosen
