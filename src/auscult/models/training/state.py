"""Files of a training: sealed checkpoints, and the state from which an interrupted training resumes."""

import shutil
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import torch
from transformers import PreTrainedModel

from auscult.errors import ManifestError
from auscult.manifests import build_folder, check_folder, digest_json
from auscult.models.checkpoints import save_checkpoint
from auscult.models.training.arithmetic import describe_arithmetic

__all__ = ["Sealer", "save_state", "load_state", "remove_state"]

_FILE = "training.pt"


def save_state(folder: str | Path, identity: Mapping[str, Any], content: Mapping[str, Any]) -> None:
    """Write the state of a training (tensors, numbers and containers of them), completely or not at all."""
    with build_folder(Path(folder) / "latest", identity) as partial:
        torch.save(dict(content), partial / _FILE)


def load_state(folder: str | Path, identity: Mapping[str, Any]) -> dict[str, Any] | None:
    """Return the state saved under the same identity; None if there is none, or a damaged or another one."""
    latest = Path(folder) / "latest"
    try:
        manifest = check_folder(latest)
    except ManifestError:
        return None
    if digest_json(manifest.recipe) != digest_json(dict(identity)):
        return None
    return torch.load(latest / _FILE, weights_only=True, map_location="cpu")


def remove_state(folder: str | Path) -> None:
    """Delete a saved state, if there is one."""
    shutil.rmtree(folder, ignore_errors=True)


class Sealer:
    """Saves the sealed checkpoints of one training, and finds those that exist already.

    Parameters
    ----------
    folder : of the checkpoints, ``{step}/`` each
    settings : of the training; with the step, the recipe of each checkpoint
    parents : digests of the folders that the training reads
    **beside : further arguments of :func:`~auscult.models.checkpoints.save_checkpoint`
    """

    def __init__(self, folder: Path, settings: Mapping[str, Any], parents: Mapping[str, str], **beside: Any):
        self.folder, self.parents, self.beside = folder, parents, beside
        self.settings = {**settings, "arithmetic": describe_arithmetic()}

    @property
    def identity(self) -> dict[str, Any]:
        """Settings and parents, which together identify the training."""
        return {**self.settings, "parents": dict(self.parents)}

    def missing(self, steps: Iterable[int]) -> list[int]:
        """Return the steps without a sealed checkpoint of this training."""
        return [step for step in steps if not self._is_sealed(step)]

    def seal(self, encoder: PreTrainedModel, step: int) -> None:
        """Write the checkpoint of a step."""
        encoder.eval()
        save_checkpoint(self.folder / str(step), encoder, self._recipe(step), dict(self.parents), **self.beside)

    def _recipe(self, step: int) -> dict[str, Any]:
        return {**self.settings, "step": step}

    def _is_sealed(self, step: int) -> bool:
        try:
            manifest = check_folder(self.folder / str(step))
        except ManifestError:
            return False
        found = {"recipe": manifest.recipe, "parents": manifest.parents}
        return digest_json(found) == digest_json({"recipe": self._recipe(step), "parents": dict(self.parents)})
