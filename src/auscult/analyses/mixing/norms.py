"""Norms of attention-weighted value vectors (Kobayashi and others, 2020 and 2021)."""

import torch
from torch import Tensor, nn

from auscult.analyses.mixing.layers import Layer

__all__ = ["attention_norms", "head_norms"]


def attention_norms(
    layer: Layer, frames: Tensor, *, residual: bool = False, norm: nn.LayerNorm | None = None
) -> Tensor:
    """Return ‖Σ_h α_h f_h(x_j)‖ for some frames i and all j [shape=(n_frames, n_keys), float64].

    The squared norm is αᵀ G_j α, where G_j is the Gram matrix of the heads' vectors of frame j; this needs n_heads²
    instead of n_dims products per pair of frames. The residual counts as one more head, whose vector is the frame
    itself and whose weight is 1 where i = j.

    Parameters
    ----------
    frames : indices of the frames i [shape=(n_frames,)]
    residual : whether the frame itself is added to its own term; ignored in cross-attention, which has no such term
    norm : layer norm after the residual, applied to each term
    """
    vectors, weights = _vectors(layer), layer.weights[:, frames].double()
    if residual and layer.roles.part != "cross":
        own = torch.zeros_like(weights[:1])
        own[0, torch.arange(len(frames), device=frames.device), frames] = 1
        vectors, weights = torch.cat([vectors, layer.hidden.double()[:, None]], dim=1), torch.cat([weights, own])
    if norm is not None:
        # Given the standard deviation of its input, the sum over all frames, a layer norm is linear.
        vectors = (vectors - vectors.mean(dim=-1, keepdim=True)) * norm.weight.double()
    gram = vectors @ vectors.transpose(1, 2)
    squares = torch.einsum("hij,jhg,gij->ij", weights, gram, weights).clamp_min(0)
    if norm is None:
        return squares.sqrt()
    joined = layer.context(frames).transpose(0, 1).flatten(1)
    total = (layer.output(joined) + layer.hidden[frames]).double()
    return squares.sqrt() / (total.var(dim=-1, unbiased=False, keepdim=True) + norm.eps).sqrt()


def head_norms(layer: Layer, frames: Tensor) -> Tensor:
    """Return ‖α_h f_h(x_j)‖ for each head, some frames i and all j [shape=(n_heads, n_frames, n_keys), float64]."""
    return layer.weights[:, frames].double() * _vectors(layer).norm(dim=-1).T[:, None]


def _vectors(layer: Layer) -> Tensor:
    """Return the unweighted vector of each frame and head [shape=(n_keys, n_heads, n_dims), float64]."""
    heads = layer.output.weight.unflatten(1, (len(layer.weights), -1))
    return torch.einsum("hkd,nhd->khn", layer.values.double(), heads.double())
