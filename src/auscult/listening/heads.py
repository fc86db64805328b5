"""What a checkpoint can show on the listening page, by its configuration alone."""

from collections.abc import Mapping
from typing import Any

__all__ = ["has_ctc_head"]

# Their front ends read filterbanks: the head on each layer, and its frames, are read from waveforms only.
_NO_WAVEFORMS = ("wav2vec2-bert", "whisper")


def has_ctc_head(settings: Mapping[str, Any]) -> bool:
    """Return whether a checkpoint is a recogniser with a CTC head that reads waveforms.

    Parameters
    ----------
    settings : content of its ``config.json``
    """
    architecture = str((settings.get("architectures") or [""])[0])
    return architecture.endswith("ForCTC") and settings.get("model_type") not in _NO_WAVEFORMS
