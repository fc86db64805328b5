"""Affine maps from the states of a layer to those of the last layer, fitted by least squares.

After Belrose et al. (2023, Eliciting latent predictions from transformers with the tuned lens): they train such a map
for each layer by gradient descent on the divergence of the output distribution; least squares on the last layer's
states needs one pass, and its solution is unique.
"""

from collections.abc import Iterable
from dataclasses import dataclass

import torch
from torch import Tensor

from auscult.statistics.moments import Moments, RidgePath, fit_ridge

__all__ = ["AffineMap", "fit_maps", "other_layers"]

# Relative to the unit variance of standardised states: least squares, but for directions that hardly vary.
_PENALTY = 1e-8


@dataclass(frozen=True)
class AffineMap:
    """An affine map to the states of the last layer.

    Parameters
    ----------
    path : the regression, of a single penalty
    n_frames : number of frames that it was fitted on
    """

    path: RidgePath
    n_frames: int

    def __call__(self, states: Tensor) -> Tensor:
        """Return the mapped states [shape=(n_frames, n_dims of the last layer), on the device of the states]."""
        mapped = self.path.predict(states.float().cpu().numpy())[:, 0]
        return torch.from_numpy(mapped).to(states.device, states.dtype)


def fit_maps(recordings: Iterable[dict[str, Tensor]]) -> dict[str, AffineMap]:
    """Return the map of every layer, the last included, for which it is the identity.

    Parameters
    ----------
    recordings : states of each recording by layer, the last layer last [shapes=(n_frames, n_dims)]
    """
    moments: dict[str, Moments] = {}
    for states in recordings:
        arrays = {layer: frames.double().cpu().numpy() for layer, frames in states.items()}
        last = arrays[next(reversed(arrays))]
        for layer, frames in arrays.items():
            found = Moments.of(frames, last)
            moments[layer] = moments[layer] + found if layer in moments else found
    return {layer: AffineMap(fit_ridge(found, [_PENALTY]), found.n) for layer, found in moments.items()}


def other_layers(layers: tuple[str, ...]) -> dict[str, str]:
    """Return for each layer but the last the layer half the encoder away, whose map is its control.

    Maps of neighbours may be alike, as blocks add to what they read; half the encoder away is as far as a rule that
    holds for all layers can go. Empty if there are fewer than two such layers.

    >>> other_layers(("embed", "T1", "T2", "T3", "T4"))
    {'embed': 'T2', 'T1': 'T3', 'T2': 'embed', 'T3': 'T1'}

    Parameters
    ----------
    layers : ``embed, T1 … TL``
    """
    inner = layers[:-1]
    half = len(inner) // 2
    return {layer: inner[(place + half) % len(inner)] for place, layer in enumerate(inner)} if half else {}
