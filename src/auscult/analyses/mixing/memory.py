"""Memory of scoring one layer: a check before it is allocated, and chunks of altered copies that fit."""

from collections.abc import Collection, Iterator, Mapping, Sequence
from typing import Any, TypeVar

from torch import nn

from auscult.analyses.mixing.layers import Layer
from auscult.analyses.mixing.roles import Call, Roles
from auscult.errors import AnalysisError

__all__ = ["check_memory", "copies"]

T = TypeVar("T")

# Limit for altered copies: more at once are not faster.
_COPIES_MB = 256


def check_memory(
    roles: Roles, calls: Mapping[str, Call], n_rows: int, methods: Collection[str], memory_mb: float
) -> None:
    """Raise :class:`AnalysisError` if the attention weights of a layer and the methods' arrays exceed the limit.

    Weights grow with the square of the number of frames, and up to three copies exist while the eager kernel computes
    them. Norms need weights and the vectors of all heads in double precision. The estimate was 1.0 to 1.5 times the
    measured memory of a HuBERT of base width at 10 and 30 s.

    Parameters
    ----------
    roles, calls : of a layer, see :func:`auscult.analyses.mixing.roles.record`
    n_rows : number of frames whose rows are computed
    memory_mb : limit in 10⁶ bytes
    """
    attention: Any = roles.blocks[0].get_submodule(roles.attention)
    call = calls[roles.attention]
    source = call.given(attention, "key_value_states")
    hidden, n_keys = calls[""].hidden, (call.hidden if source is None else source).shape[1]
    n_heads = getattr(attention, "num_heads", None) or attention.num_attention_heads
    weights = n_heads * hidden.shape[1] * n_keys * hidden.itemsize
    norms = 8 * (n_heads + 1) * n_keys * (2 * n_rows + 3 * hidden.shape[2])
    needed = weights + max(2 * weights, norms * any("norm" in method for method in methods))
    if needed > memory_mb * 1e6:
        raise AnalysisError(
            f"expected room for the attention weights of a layer with {n_heads} heads and {n_keys:,} frames "
            f"({needed / 1e6:,.0f} MB), found memory_mb: {memory_mb:g}: more samples than memory allows; raise "
            "memory_mb or cut the utterance"
        )


def copies(items: Sequence[T], layer: Layer, n_frames: int, memory_mb: float) -> Iterator[Sequence[T]]:
    """Yield the items in chunks as large as memory allows.

    Parameters
    ----------
    n_frames : number of frames of one altered copy

    Raises
    ------
    AnalysisError
        One copy alone exceeds the limit.
    """
    block = layer.roles.blocks[layer.place]
    widest = max(module.out_features for module in block.modules() if isinstance(module, nn.Linear))
    each = n_frames * (2 * widest + 8 * layer.hidden.shape[-1]) * layer.hidden.itemsize
    if each > memory_mb * 1e6:
        raise AnalysisError(
            f"expected room for one altered copy of {n_frames:,} frames ({each / 1e6:,.1f} MB), found memory_mb: "
            f"{memory_mb:g}: more samples than memory allows; raise memory_mb or ask for fewer targets"
        )
    size = max(1, int(min(memory_mb, _COPIES_MB) * 1e6 // each))
    for start in range(0, len(items), size):
        yield items[start : start + size]
