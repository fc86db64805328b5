"""Muon in float32, which rounds alike on processors with and without bfloat16 and is faster on most of them."""

from typing import Any

import torch
from torch import Tensor

__all__ = ["Muon", "orthogonalise"]

# Coefficients of Jordan et al. (2024): the quintic iteration takes singular values between about .7 and 1.2, not to 1.
_COEFFICIENTS = (3.4445, -4.775, 2.0315)
_N_ITERATIONS = 5
_EPS = 1e-7


class Muon(torch.optim.Muon):
    """:class:`torch.optim.Muon` whose Newton–Schulz iterations are in float32; there they are in bfloat16.

    bfloat16 is emulated on many processors, where products of small matrices take two to three times as long. Momentum,
    weight decay and the scale of updates by √max(1, rows / columns) are those of the parent class and of Jordan et al.
    (2024, Muon: An optimizer for hidden layers in neural networks).
    """

    @torch.no_grad()
    def step(self, closure: Any = None) -> Any:
        """Take one step; ``closure``, if given, computes the loss again and its value is returned."""
        loss = None
        if closure is not None:
            with torch.enable_grad():
                loss = closure()
        for group in self.param_groups:
            for parameter in group["params"]:
                if parameter.grad is not None:
                    self._update(parameter, group)
        return loss

    def _update(self, parameter: Tensor, group: dict[str, Any]) -> None:
        gradient, state, momentum = parameter.grad, self.state[parameter], group["momentum"]
        assert gradient is not None
        if "momentum_buffer" not in state:
            state["momentum_buffer"] = torch.zeros_like(gradient)
        buffer = state["momentum_buffer"]
        buffer.lerp_(gradient, 1 - momentum)
        update = orthogonalise(gradient.lerp(buffer, momentum) if group["nesterov"] else buffer)
        n_rows, n_columns = parameter.shape
        parameter.mul_(1 - group["lr"] * group["weight_decay"])
        parameter.add_(update, alpha=-group["lr"] * max(1, n_rows / n_columns) ** 0.5)


def orthogonalise(matrix: Tensor) -> Tensor:
    """Return a matrix with the singular vectors of ``matrix`` and singular values of about 1.

    Five iterations X ← aX + (bA + cA²)X with A = XXᵀ, from X = matrix / its norm, on the side with fewer rows.

    Parameters
    ----------
    matrix : of any norm [shape=(n_rows, n_columns)]
    """
    a, b, c = _COEFFICIENTS
    wide = matrix.shape[0] <= matrix.shape[1]
    x = (matrix if wide else matrix.T).float()
    x = x / x.norm().clamp(min=_EPS)
    for _ in range(_N_ITERATIONS):
        gram = x @ x.T
        x = torch.addmm(x, torch.addmm(gram, gram, gram, beta=b, alpha=c), x, beta=a)
    return (x if wide else x.T).to(matrix.dtype)
