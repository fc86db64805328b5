"""Erasers: affine maps that take one concept, such as gender, out of vectors and leave the rest as it was.

An eraser is r(x) = x − L R (x − μ): what the rows of R read of a vector is taken away along the columns of L. They are
fitted in :mod:`auscult.erasure.fitting`, on moments or arrays, and applied inside a running model by
:mod:`auscult.erasure.hooks`. Fitted and tested on the same vectors an eraser succeeds by construction: test it on other
speakers.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
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
    """What is taken out of vectors, and from where: r(x) = x − left right (x − mean).

    Parameters
    ----------
    method : how it was fitted: ``leace``, ``inlp``, ``mean_projection`` or ``random``
    mean : of the vectors it was fitted on, which it leaves in place [shape=(width,), float64]
    left, right : factors of the projection that is removed [shapes=(width, rank) and (rank, width), float64]
    n_fit : number of vectors it was fitted on
    labels : names of the classes that it makes alike
    """

    method: str
    mean: np.ndarray
    left: np.ndarray
    right: np.ndarray
    n_fit: int
    labels: tuple[str, ...]

    @property
    def width(self) -> int:
        """Dimensions of the vectors it applies to."""
        return len(self.mean)

    @property
    def rank(self) -> int:
        """Dimensions that it removes; 0 where nothing told the classes apart."""
        return self.left.shape[1]

    @property
    def removed(self) -> np.ndarray:
        """The projection that is taken away, oblique for LEACE, orthogonal otherwise [shape=(width, width)]."""
        return self.left @ self.right

    def apply(self, x: Vectors) -> Vectors:
        """Return vectors without the concept, in their own precision, computed in float64.

        Parameters
        ----------
        x : numpy array or torch tensor of floats, on any device [shape=(..., width)]

        Raises
        ------
        AnalysisError
            The vectors have another width than those it was fitted on.
        """
        if x.shape[-1] != self.width:
            raise AnalysisError(
                f"expected vectors of {self.width} dimensions, those that the eraser ({self.method}) was fitted on, "
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
    """Seal erasers, each under a name such as ``leace/T1``, as one folder: their factors, and what they are.

    ``recipe`` and ``parents`` are what its manifest records, see :mod:`auscult.manifests`.
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
    """Check a folder that :func:`save_erasers` made and return its erasers by name.

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
            about["method"],
            *(factors[f"{name}/{part}"] for part in ("mean", "left", "right")),
            n_fit=about["n_fit"],
            labels=tuple(about["labels"]),
        )
        for name, about in descriptions.items()
    }
