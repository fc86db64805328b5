"""Erasers: affine maps that remove one concept, such as gender, from vectors and otherwise change them little.

An eraser is r(x) = x − L R (x − μ): the rows of R read the concept, and its part along the columns of L is subtracted.
Erasers are fitted by :mod:`auscult.erasure.fitting` and applied inside a running model by :mod:`auscult.erasure.hooks`.
On the vectors it was fitted on, an eraser succeeds by construction: evaluate it on other speakers.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
import torch
from safetensors.numpy import load_file, save_file

from auscult.errors import AnalysisError, ManifestError
from auscult.manifests import Manifest, build_folder, check_folder

__all__ = ["Eraser", "save_erasers", "load_erasers"]

Vectors = TypeVar("Vectors", np.ndarray, torch.Tensor)
_FACTORS, _DESCRIPTIONS = "factors.safetensors", "erasers.json"


@dataclass(frozen=True, eq=False)
class Eraser:
    """An affine map that removes a concept: r(x) = x − left right (x − mean).

    Parameters
    ----------
    method : method of fitting: ``leace``, ``inlp``, ``mean_projection`` or ``random``
    mean : mean of the vectors it was fitted on, which the map preserves [shape=(width,), float64]
    left, right : factors of the projection that is removed [shapes=(width, rank) and (rank, width), float64]
    n_fit : number of vectors it was fitted on
    labels : names of the classes that it makes indistinguishable
    """

    method: str
    mean: np.ndarray
    left: np.ndarray
    right: np.ndarray
    n_fit: int
    labels: tuple[str, ...]

    @property
    def width(self) -> int:
        """Number of dimensions of the vectors."""
        return len(self.mean)

    @property
    def rank(self) -> int:
        """Number of dimensions that it removes; 0 if the class means did not differ."""
        return self.left.shape[1]

    @property
    def removed(self) -> np.ndarray:
        """The removed projection, oblique for LEACE and orthogonal otherwise [shape=(width, width)]."""
        return self.left @ self.right

    def partial(self, dose: float) -> "Eraser":
        """Return an eraser that subtracts a share of what this one subtracts, such as 0.5; 1 is all of it."""
        return replace(self, left=self.left * dose)

    def apply(self, x: Vectors) -> Vectors:
        """Return vectors without the concept, computed in float64 and returned in their own precision.

        Parameters
        ----------
        x : numpy array or torch tensor of floats, on any device [shape=(..., width)]

        Raises
        ------
        AnalysisError
            The number of dimensions is not the one it was fitted on.
        """
        if x.shape[-1] != self.width:
            raise AnalysisError(
                f"expected vectors of {self.width} dimensions, as the eraser ({self.method}) was fitted on, "
                f"found {x.shape[-1]}; fit one on this layer of this model"
            )
        if isinstance(x, torch.Tensor):
            mean, left, right = (torch.from_numpy(part).to(x.device) for part in (self.mean, self.left, self.right))
            wide = x.to(torch.float64)
            return (wide - (wide - mean) @ right.T @ left.T).to(x.dtype)
        wide = np.asarray(x, dtype=np.float64)
        return (wide - (wide - self.mean) @ self.right.T @ self.left.T).astype(x.dtype)


def save_erasers(
    folder: str | Path,
    erasers: Mapping[str, Eraser],
    recipe: Mapping[str, Any],
    parents: Mapping[str, str] | None = None,
) -> Manifest:
    """Write erasers, each under a name such as ``leace/T1``, into one sealed folder.

    ``recipe`` and ``parents`` are recorded in its manifest, see :mod:`auscult.manifests`.
    """
    factors = {
        f"{name}/{part}": np.ascontiguousarray(getattr(eraser, part))
        for name, eraser in erasers.items()
        for part in ("mean", "left", "right")
    }
    descriptions = {
        name: {"method": eraser.method, "n_fit": eraser.n_fit, "labels": list(eraser.labels)}
        for name, eraser in erasers.items()
    }
    with build_folder(folder, recipe, parents) as partial:
        save_file(factors, partial / _FACTORS)
        (partial / _DESCRIPTIONS).write_text(json.dumps(descriptions, indent=1) + "\n", encoding="utf-8")
    return check_folder(folder)


def load_erasers(folder: str | Path) -> dict[str, Eraser]:
    """Check a folder written by :func:`save_erasers` and return its erasers by name.

    Raises
    ------
    ManifestError
        The folder is unfinished, damaged, or holds something else.
    """
    folder = Path(folder)
    manifest = check_folder(folder)
    if not {_FACTORS, _DESCRIPTIONS} <= set(manifest.files):
        raise ManifestError(
            f"expected a folder of erasers in {folder}, found no {_FACTORS} or no {_DESCRIPTIONS} in its manifest"
        )
    factors = load_file(folder / _FACTORS)
    descriptions = json.loads((folder / _DESCRIPTIONS).read_text(encoding="utf-8"))
    return {
        name: Eraser(
            method=about["method"],
            mean=factors[f"{name}/mean"],
            left=factors[f"{name}/left"],
            right=factors[f"{name}/right"],
            n_fit=about["n_fit"],
            labels=tuple(about["labels"]),
        )
        for name, about in descriptions.items()
    }
