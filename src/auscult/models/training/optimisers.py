"""The optimisers of a training: Muon for the matrices of the transformer layers, AdamW for all other parameters."""

import re
from collections.abc import Callable, Iterable

import torch
from torch import nn

from auscult.models.training.muon import Muon

__all__ = ["build_optimisers", "is_layer_matrix", "learning_rate_share"]

_WEIGHT_DECAY = 0.01
# transformers names the layers of its encoders and decoders layers.0 or layer.0.
_IN_LAYER = re.compile(r"(^|\.)layers?\.\d+\.")


def build_optimisers(
    parameters: Iterable[tuple[str, nn.Parameter]],
    matrix_rate: float = 0.0,
    share: Callable[[str], float] = lambda name: 1.0,
) -> list[torch.optim.Optimizer]:
    """Return the optimisers of named parameters; those without gradient are left out.

    Muon makes all singular values of a matrix's update alike (Jordan et al., 2024), so that directions with small
    gradients are learnt as fast as others. Each group of parameters has an entry ``share``, by which the learning rate
    of the schedule is multiplied.

    Parameters
    ----------
    parameters : name and parameter, as ``module.named_parameters()``
    matrix_rate : ratio of Muon's learning rate to AdamW's; 0 for AdamW alone
    share : ratio of a parameter's learning rate to the schedule's, by name

    Returns
    -------
    AdamW, preceded by Muon if it has a parameter
    """
    matrices: dict[float, list[nn.Parameter]] = {}
    others: dict[float, list[nn.Parameter]] = {}
    for name, parameter in parameters:
        if parameter.requires_grad:
            chosen = matrices if matrix_rate and is_layer_matrix(name, parameter) else others
            chosen.setdefault(share(name), []).append(parameter)
    found: list[torch.optim.Optimizer] = []
    if matrices:
        groups = [{"params": each, "share": matrix_rate * ratio} for ratio, each in matrices.items()]
        found.append(Muon(groups, lr=1.0, weight_decay=_WEIGHT_DECAY, momentum=0.95, nesterov=True))
    groups = [{"params": each, "share": ratio} for ratio, each in others.items()]
    adamw = torch.optim.AdamW(groups, lr=1.0, betas=(0.9, 0.98), eps=1e-6, weight_decay=_WEIGHT_DECAY, fused=True)
    return [*found, adamw]


def is_layer_matrix(name: str, parameter: torch.Tensor) -> bool:
    """Return whether a parameter is a weight matrix of a transformer layer, as opposed to an embedding or a head."""
    return parameter.ndim == 2 and _IN_LAYER.search(name) is not None


def learning_rate_share(group: dict[str, object]) -> float:
    """Return the ratio of a group's learning rate to that of the schedule."""
    return float(group["share"])  # type: ignore[arg-type]  # torch types the entries of a group as objects
