"""Measures of context mixing: how much segment i takes from segment j in one layer.

* ``attention``: mean weight over frames of i, frames of j and heads.
* ``attention_norm``: ‖Σ_h α_h f_h(x_j)‖, where f is the value followed by the output projection, so that an attended
  frame with a small value counts little (Kobayashi and others, 2020).
* ``attention_norm_residual`` adds the frame itself to its own term, and ``attention_norm_layer_norm`` also applies the
  layer norm after the residual (Kobayashi and others, 2021). Where blocks normalise their input (pre-norm), that norm
  is part of f and both are equal. In cross-attention, where no token is a frame, both equal ``attention_norm``.
* ``rollout``: product of ½(A + I) over the layers up to this one (Abnar and Zuidema, 2020).
* ``value_zeroing``: cosine distance between the layer's output for i and its output with the values of all frames of j
  set to zero, with queries, keys and attention weights kept (Mohebbi and others, 2023).

The bias of the value projection is part of the values; the bias of the output projection belongs to no frame.

Every row is divided by its sum over the given segments. The first five measures are means over frames and do not depend
on the length of j; value zeroing removes all of j at once, so that a longer segment can have a larger score.
"""

from collections.abc import Collection, Mapping, Sequence
from itertools import product

import numpy as np
import torch
from torch import Tensor, nn

from auscult.analyses.mixing.layers import Layer, open_layer
from auscult.analyses.mixing.memory import check_memory, copies
from auscult.analyses.mixing.norms import attention_norms, head_norms
from auscult.analyses.mixing.roles import Call, Roles
from auscult.analyses.mixing.settings import METHODS, MixingSettings
from auscult.errors import AnalysisError

__all__ = ["METHODS", "check_methods", "check_spans", "score_layers", "value_zeroing_distances"]

_BY_HEAD = ("attention", "attention_norm", "value_zeroing")


def check_methods(methods: Sequence[str], *, per_head: bool = False, cross: bool = False) -> None:
    """Raise :class:`AnalysisError` for a method that is not defined, in general, per head or for cross-attention."""
    known = [name for name in METHODS if not (per_head and name not in _BY_HEAD) and not (cross and name == "rollout")]
    unknown = [name for name in methods if name not in known]
    if unknown:
        where = " for each head" * per_head + " of cross-attention" * cross
        raise AnalysisError(f"expected methods{where} of {', '.join(known)}, found {unknown[0]!r}; correct the name")


def check_spans(spans: np.ndarray, n_frames: int, what: str = "segment") -> np.ndarray:
    """Return half-open frame ranges [shape=(n_segments, 2), int64], checked to contain a frame each.

    Raises
    ------
    AnalysisError
        There is no segment, one is empty, or one exceeds the ``n_frames`` frames.
    """
    spans = np.asarray(spans)
    if spans.ndim != 2 or spans.shape[1] != 2 or not len(spans) or not np.issubdtype(spans.dtype, np.integer):
        raise AnalysisError(
            f"expected a start and a stop frame (integers) for each {what}, found an array of shape {spans.shape} and "
            f"type {spans.dtype}"
        )
    for place, (start, stop) in enumerate(spans):
        if not 0 <= start < stop <= n_frames:
            kind = "no frame" if start >= stop else "frames that do not exist"
            raise AnalysisError(
                f"expected {what} {place} to contain frames within 0–{n_frames}, found {start}–{stop}: {kind}; "
                "assign the nearest frame (as FrameTiming.segment_frames does) or leave it out"
            )
    return spans.astype(np.int64)


def score_layers(
    roles: Roles,
    calls: Sequence[Mapping[str, Call]],
    rows: np.ndarray,
    columns: np.ndarray,
    *,
    methods: Sequence[str] = METHODS,
    layers: Collection[str] | None = None,
    per_head: bool = False,
    memory_mb: float = MixingSettings.memory_mb,
) -> dict[str, dict[str, np.ndarray]]:
    """Score the layers of a recorded forward pass.

    Parameters
    ----------
    roles, calls : from :func:`~auscult.analyses.mixing.roles.find_roles` and
        :func:`~auscult.analyses.mixing.roles.record`
    rows, columns : frame ranges of the receiving and of the contributing segments [shape=(n, 2)]
    methods : names in :data:`METHODS`
    layers : names in ``roles.layers``; by default all
    per_head : one matrix per head, computed from its weights, its part of the norm, or with its values alone zeroed
    memory_mb : approximate limit in 10⁶ bytes for the weights of one layer, and then for its altered copies; does not
        change results

    Returns
    -------
    scores : by method and layer [shape=(n_rows, n_columns), with ``per_head`` (n_heads, n_rows, n_columns); float64],
        at least 0, each row summing to 1; all zeros where no segment has an effect

    Raises
    ------
    AnalysisError
        A method or layer does not exist, or the weights of a layer or one altered copy do not fit into memory.
    """
    check_methods(methods, per_head=per_head, cross=roles.part == "cross")
    wanted = _check_layers(roles.layers, layers)
    scores: dict[str, dict[str, np.ndarray]] = {method: {} for method in methods}
    rolled = None
    with torch.inference_mode():
        for place, name in enumerate(roles.layers[: 1 + max(map(roles.layers.index, wanted))]):
            if name not in wanted and "rollout" not in methods:
                continue
            check_memory(roles, calls[place], int((rows[:, 1] - rows[:, 0]).sum()), methods, memory_mb)
            layer = open_layer(roles, calls[place], place)
            rolled = _roll(layer.weights, rolled) if "rollout" in methods else None
            for method in methods if name in wanted else ():
                raw = _score(method, layer, rolled, rows, columns, per_head, memory_mb)
                scores[method][name] = _normalised(raw if per_head else raw[0])
    return scores


def value_zeroing_distances(
    layer: Layer,
    frames: Tensor,
    columns: np.ndarray,
    *,
    per_head: bool = False,
    memory_mb: float = MixingSettings.memory_mb,
) -> Tensor:
    """Return how far the state of each frame moves when the values of a segment are set to zero.

    Parameters
    ----------
    frames : indices of the frames [shape=(n_frames,)]
    columns : frame ranges of the segments to zero [shape=(n_columns, 2)]

    Returns
    -------
    distances [shape=(1 or n_heads, n_columns, n_frames), float64]: cosine distance, 0 to 2
    """
    n_heads = len(layer.weights)
    heads = range(n_heads) if per_head else (None,)
    whole = layer.context(frames)
    original = _unit(layer.outputs(whole[None], frames))
    items = [(head, start, stop) for head, (start, stop) in product(heads, columns.tolist())]
    parts = []
    for chunk in copies(items, layer, len(frames), memory_mb):
        contexts = whole.repeat(len(chunk), 1, 1, 1)
        for context, (head, start, stop) in zip(contexts, chunk):
            at = slice(None) if head is None else slice(head, head + 1)
            context[at] -= layer.context(frames, start, stop)[at]
        # For unit vectors 1 − cos = ½‖a − b‖², which unlike 1 − a·b is exact for small effects.
        parts.append((_unit(layer.outputs(contexts, frames)) - original).square().sum(dim=-1) / 2)
    return torch.cat(parts).unflatten(0, (len(heads), len(columns)))


def _score(
    method: str,
    layer: Layer,
    rolled: Tensor | None,
    rows: np.ndarray,
    columns: np.ndarray,
    per_head: bool,
    memory_mb: float,
) -> Tensor:
    """Return the scores before normalisation [shape=(1 or n_heads, n_rows, n_columns)]."""
    frames, of_rows = _frames(rows, layer.weights.device)
    if method == "value_zeroing":
        distances = value_zeroing_distances(layer, frames, columns, per_head=per_head, memory_mb=memory_mb)
        return of_rows @ distances.transpose(1, 2)
    match method:
        case "attention":
            matrix = layer.weights[:, frames] if per_head else layer.weights[:, frames].mean(dim=0, keepdim=True)
        case "rollout":
            assert rolled is not None
            matrix = rolled[frames][None]
        case "attention_norm":
            matrix = head_norms(layer, frames) if per_head else attention_norms(layer, frames)[None]
        case "attention_norm_residual":
            matrix = attention_norms(layer, frames, residual=True)[None]
        case "attention_norm_layer_norm":
            matrix = attention_norms(layer, frames, residual=True, norm=layer.norm)[None]
    taken, of_columns = _frames(columns, layer.weights.device)
    return of_rows @ matrix[..., taken].double() @ of_columns.T


def _roll(weights: Tensor, before: Tensor | None) -> Tensor:
    mixed = weights.mean(dim=0) / 2
    mixed.diagonal().add_(0.5)
    mixed /= mixed.sum(dim=-1, keepdim=True)
    return mixed if before is None else mixed @ before


def _frames(spans: np.ndarray, device: torch.device) -> tuple[Tensor, Tensor]:
    """Return the frames of all segments in order, and the matrix that averages over each segment."""
    lengths = spans[:, 1] - spans[:, 0]
    owner = np.repeat(np.arange(len(spans)), lengths)
    frames = np.concatenate([np.arange(start, stop) for start, stop in spans])
    mean = torch.zeros(len(spans), len(frames), dtype=torch.float64)
    mean[owner, np.arange(len(frames))] = torch.from_numpy(1 / lengths[owner])
    return torch.from_numpy(frames).to(device), mean.to(device)


def _unit(states: Tensor) -> Tensor:
    return nn.functional.normalize(states.double(), dim=-1)


def _normalised(scores: Tensor) -> np.ndarray:
    values: np.ndarray = scores.cpu().numpy()
    total = values.sum(axis=-1, keepdims=True)
    return np.divide(values, total, out=np.zeros_like(values), where=total > 0)


def _check_layers(known: Sequence[str], layers: Collection[str] | None) -> list[str]:
    unknown = [layer for layer in layers or () if layer not in known]
    if unknown:
        raise AnalysisError(f"expected layers of {', '.join(known)}, found {unknown[0]!r}; correct the name")
    return list(layers or known)
