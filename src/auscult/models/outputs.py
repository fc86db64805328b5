"""What the output of a checkpoint's model is: letters by CTC, text of a decoder, or nothing that spells."""

from pathlib import Path

from auscult.models.checkpoint_format import read_config

__all__ = ["output_of"]


def output_of(folder: str | Path) -> str:
    """Return how the model of a checkpoint folder spells: ``ctc``, ``decoder``, or "" if it does not.

    Raises
    ------
    CheckpointError
        There is no ``config.json``.
    """
    architecture = (read_config(Path(folder)).get("architectures") or [""])[0] or ""
    if architecture.endswith("ForCTC"):
        return "ctc"
    return "decoder" if architecture.endswith(("ForConditionalGeneration", "ForMaskedLM")) else ""
