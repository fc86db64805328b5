"""Where models run."""

import torch

from auscult.errors import ConfigError

__all__ = ["pick_device"]


def pick_device(device: str | torch.device) -> str:
    """Return ``cpu`` or ``cuda`` for ``auto``, which takes a GPU where there is one, or the device asked for.

    On a GPU, convolutions of float32 are then computed in float32: by default cuDNN rounds their inputs to 11 bits
    (TF32), which moved frames of a base-size HuBERT by 1e-3 of a layer's scale.

    Raises
    ------
    ConfigError
        A GPU is asked for and there is none.
    """
    available = torch.cuda.is_available()
    chosen = ("cuda" if available else "cpu") if device == "auto" else str(device)
    if torch.device(chosen).type == "cuda":
        if not available:
            raise ConfigError(f"expected a GPU for device {chosen!r}, found none; set device: auto or cpu")
        torch.backends.cudnn.allow_tf32 = False
    return chosen
