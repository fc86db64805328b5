"""Cost of attribution: number of perturbations that fit into memory at once, and an estimate of the time."""

from collections.abc import Sequence
from contextlib import ExitStack
from time import perf_counter
from typing import Any

import torch
from torch import Tensor

from auscult.analyses.attribution.gradients import Function, gradients
from auscult.analyses.attribution.perturbation import n_coalitions
from auscult.errors import AnalysisError
from auscult.models.predictor import Predictor

__all__ = ["Footprint", "footprint", "chunk_size", "seconds_per_input", "count_coalitions"]

# Larger batches are not faster: on a CPU, activations no longer fit the cache.
_LARGEST_CHUNK = {"cpu": 8, "cuda": 128}


class Footprint(tuple[int, int]):
    """Memory of one input in bytes: for a forward pass, and for a forward and backward pass."""


def footprint(predictor: Predictor, function: Function, values: Tensor, n_frames: int) -> Footprint:
    """Measure the activations of one input by running it once.

    A forward pass holds inputs and outputs of two layers at a time; with gradients, every output is kept, and as much
    again in the backward pass. Attention weights before and after the softmax count if the kernel stores them.

    Parameters
    ----------
    function : explained output as a function of a batch of inputs
    values : the input
    n_frames : number of frames of the utterance
    """
    sizes: list[int] = []

    def keep_size(_: torch.nn.Module, __: tuple[Any, ...], output: Any) -> None:
        output = output[0] if isinstance(output, tuple) else output
        if isinstance(output, Tensor):
            sizes.append(output.numel() * output.element_size())

    with ExitStack() as hooks, torch.no_grad():
        for module in predictor.model.modules():
            if not list(module.children()):
                hooks.callback(module.register_forward_hook(keep_size).remove)
        function(values[None])
    config, input_bytes = predictor.model.config, values.numel() * values.element_size()
    if config._attn_implementation == "eager":
        sizes += [8 * config.num_attention_heads * n_frames**2] * config.num_hidden_layers
    return Footprint((4 * max(sizes, default=0) + 4 * input_bytes, 2 * sum(sizes) + 4 * input_bytes))


def chunk_size(bytes_each: int, memory_mb: float, device: str, what: str) -> int:
    """Return the number of inputs that run at once within a limit of memory.

    Raises
    ------
    AnalysisError
        One input alone exceeds the limit.
    """
    n = int(memory_mb * 1e6 // bytes_each)
    if n < 1:
        raise AnalysisError(
            f"expected room for one perturbation of {what} ({bytes_each / 1e6:.0f} MB), found memory_mb: "
            f"{memory_mb:g}: more samples than memory allows; raise memory_mb or cut the utterance"
        )
    return min(n, _LARGEST_CHUNK.get(device, 8))


def seconds_per_input(function: Function, values: Tensor, chunk: int, *, differentiated: bool) -> float:
    """Time one chunk after a warm-up and return seconds per input."""
    batch = values.expand(chunk, *values.shape)
    for _ in range(2):
        start = perf_counter()
        if differentiated:
            float(gradients(function, batch)[0][0])
        else:
            with torch.no_grad():
                float(function(batch)[0])
    return (perf_counter() - start) / chunk


def count_coalitions(n_players: int, methods: Sequence[str], n_samples: int) -> int:
    """Return the largest number of distinct coalitions that perturbation methods evaluate."""
    drawn = sum(n_coalitions(n_players, n_samples) for method in methods if method in ("lime", "kernel_shap"))
    alone = n_players if "ablation" in methods else 0
    return 2 + min(drawn + alone, 2 ** min(n_players, 40))
