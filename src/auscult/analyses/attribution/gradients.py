"""Attribution by gradients: saliency, input × gradient and integrated gradients, at every position of an input."""

from collections.abc import Callable

import numpy as np
import torch
from torch import Tensor

__all__ = ["Function", "gradients", "saliency", "input_x_gradient", "integrated_gradients"]

# From a batch of inputs to one number each; parameters need no gradient.
Function = Callable[[Tensor], Tensor]


def gradients(function: Function, batch: Tensor) -> tuple[Tensor, Tensor]:
    """Return the value of each input of a batch [shape=(n_batch,)] and its gradient [shape of the batch]."""
    with torch.enable_grad():
        batch = batch.detach().requires_grad_()
        values = function(batch)
        return values.detach(), torch.autograd.grad(values.sum(), batch)[0]


def saliency(gradient: Tensor) -> Tensor:
    """Return |∂f/∂x|: how much a position matters, not in which direction (Simonyan and others, 2014)."""
    return gradient.abs()


def input_x_gradient(gradient: Tensor, values: Tensor) -> Tensor:
    """Return x · ∂f/∂x; positive speaks for the target (Shrikumar and others, 2016)."""
    return gradient * values


def integrated_gradients(
    function: Function, values: Tensor, baseline: Tensor, *, n_steps: int = 50, power: int = 1, chunk: int = 8
) -> tuple[Tensor, float]:
    """Return integrated gradients (Sundararajan and others, 2017, eq. 1) and how far they are from complete.

    (x − x') · ∫ ∂f/∂x (x' + a (x − x')) da over a from 0 to 1, by Gauss–Legendre quadrature in u, a = u^power. Power 1
    is captum's default. The first layer of base-size models normalises over time: on the way from silence they hear
    everything between a = 0 and about 0.02, and nothing new after. Equal steps miss that: of a small HuBERT, 50 left a
    gap of 55 %, 200 of 270 %; with power 4, 50 left 2 %. Steps run in chunks and leave only a sum, so memory does not
    grow with their number.

    Parameters
    ----------
    function : differentiable, one number for each input
    values, baseline : x and x', of one shape
    n_steps : points of the quadrature
    power : how densely they lie near the baseline; the integral is the same
    chunk : inputs that run at once

    Returns
    -------
    attributions : of the shape of ``values``; positive speaks for the target
    gap : f(x) − f(x') − Σ attributions, 0 when the quadrature is exact (completeness)
    """
    points, weights = (array / 2 for array in np.polynomial.legendre.leggauss(n_steps))
    points += 0.5
    weights *= power * points ** (power - 1)
    points, weights = (torch.from_numpy(array).to(values) for array in (points**power, weights))
    difference = values - baseline
    total = torch.zeros_like(values)
    for place, weight in zip(points.split(chunk), weights.split(chunk)):
        _, gradient = gradients(function, baseline + torch.tensordot(place[:, None], difference[None], dims=1))
        total += torch.tensordot(weight, gradient, dims=1)
    with torch.no_grad():
        start, end = (float(function(x[None])) for x in (baseline, values))
    attributions = total * difference
    return attributions, end - start - float(attributions.double().sum())
