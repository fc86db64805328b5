"""Where models run."""

import torch

from auscult.errors import ConfigError

__all__ = ["pick_device"]


def pick_device(device: str | torch.device) -> str:
    """Return ``cpu`` or ``cuda`` for ``auto``, which takes a GPU where there is one, or the device asked for.

    Raises
    ------
    ConfigError
        A GPU is asked for and there is none.
    """
    available = torch.cuda.is_available()
    if device == "auto":
        return "cuda" if available else "cpu"
    if torch.device(device).type == "cuda" and not available:
        raise ConfigError(f"expected a GPU for device {str(device)!r}, found none; set device: auto or cpu")
    return str(device)
