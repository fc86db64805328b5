"""Multinomial logistic regression, many at once: several training sets, penalties and labellings of the same vectors.

All problems share one matrix of vectors, so that an iteration of all of them is two large matrix products. They are
solved together by L-BFGS (Liu and Nocedal, 1989) in coordinates in which the Hessian is nearly a multiple of the
identity, from the strongest penalty to the weakest, each starting from the solution before it.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

__all__ = ["LogisticPath", "fit_logistic"]

_MEMORY = 8  # pairs of steps and gradients that approximate the Hessian
_ARMIJO, _SHORTEST_STEP = 1e-4, 1e-3


@dataclass(frozen=True)
class LogisticPath:
    """Solutions of all problems for one penalty after another, for raw (not standardised) vectors.

    Parameters
    ----------
    weights : [shape=(n_penalties, n_problems, n_dims, n_classes)]
    intercepts : [shape=(n_penalties, n_problems, n_classes)]
    converged : whether the gradient fell below the tolerance [shape=(n_penalties, n_problems)]
    """

    weights: np.ndarray
    intercepts: np.ndarray
    converged: np.ndarray

    def select(self, problems: slice) -> "LogisticPath":
        """Return the solutions of some problems."""
        return LogisticPath(self.weights[:, problems], self.intercepts[:, problems], self.converged[:, problems])

    def scores(self, x: np.ndarray, problem: int) -> np.ndarray:
        """Return the logits of vectors for one problem [shape=(n, n_penalties, n_classes)].

        Parameters
        ----------
        x : vectors [shape=(n, n_dims)]
        problem : position of the problem
        """
        logits = np.tensordot(x, self.weights[:, problem].astype(x.dtype), axes=(1, 1))
        return logits + self.intercepts[:, problem].astype(x.dtype)


def fit_logistic(
    x: np.ndarray,
    codes: np.ndarray,
    training: np.ndarray,
    penalties: Sequence[float] | np.ndarray,
    n_classes: int,
    *,
    tolerance: float = 2e-3,
    max_steps: int = 100,
) -> LogisticPath:
    """Fit every problem with every penalty; vectors are standardised by the training items of each problem.

    Minimises the mean cross-entropy of the training items plus penalty / 2 times the squared norm of the weights of
    standardised vectors; intercepts are not penalised. This is scikit-learn's ``LogisticRegression`` with
    ``C = 1 / (n · penalty)``. Computed in the precision of ``x``.

    Parameters
    ----------
    x : vectors [shape=(n_items, n_dims), float32 or float64]
    codes : class of every item in every problem, from 0 [shape=(n_problems, n_items)]
    training : the training items of every problem [shape=(n_problems, n_items), bool]
    penalties : above 0, in descending order
    n_classes : number of classes; a class without training items is never predicted
    tolerance : largest entry of the gradient at which a problem is solved, in preconditioned coordinates. With the
        default, accuracies on held-out items were within .002 of those of exact solutions
    max_steps : largest number of steps per penalty
    """
    # Items that train no problem have no influence, not even on the coordinates.
    used = x[training.any(axis=0)]
    mean, scale = used.mean(axis=0, dtype=np.float64), used.std(axis=0, dtype=np.float64)
    varies = scale > 1e-7 * np.abs(mean)
    shared = _Shared(x, mean, np.where(varies, scale, 0.0), codes, training, n_classes)
    state = torch.zeros((len(codes), shared.n_dims + 1, n_classes), dtype=shared.dtype)
    weights, intercepts, converged = [], [], []
    for penalty in penalties:
        problem = _Preconditioned(shared, float(penalty))
        solved, done = _lbfgs(problem, problem.from_weights(state), tolerance, max_steps)
        state = problem.to_weights(solved)
        found, offsets = shared.raw(state)
        weights.append(found)
        intercepts.append(offsets)
        converged.append(done.numpy())
    return LogisticPath(np.stack(weights), np.stack(intercepts), np.stack(converged))


class _Shared:
    """Vectors in the coordinates of their principal components, and the labels and training items of all problems."""

    def __init__(
        self,
        x: np.ndarray,
        mean: np.ndarray,
        scale: np.ndarray,
        codes: np.ndarray,
        training: np.ndarray,
        n_classes: int,
    ):
        inverse = np.divide(1.0, scale, where=scale > 0, out=np.zeros_like(scale))
        z = (x - mean) * inverse
        used = z[training.any(axis=0)]
        variances, axes = np.linalg.eigh(used.T @ used / len(used))
        self.mean, self.inverse, self.axes = mean, inverse, axes
        self.variances = np.maximum(variances, 0.0)
        self.z = torch.from_numpy(np.ascontiguousarray((z @ axes).astype(x.dtype)))
        self.dtype, self.n_classes, self.n_dims = self.z.dtype, n_classes, x.shape[1]
        counts = training.sum(axis=1)
        self.shares = torch.from_numpy((training / counts[:, None]).T.astype(x.dtype))  # weight of each item
        self.codes = torch.from_numpy(codes.T.astype(np.int64))
        # Standardising by a problem's own training items instead of by all items changes what is penalised.
        self.penalised = torch.stack([self._penalty_matrix(z[rows]) for rows in training]).to(self.dtype)

    def _penalty_matrix(self, z: np.ndarray) -> Tensor:
        """Return the matrix of the squared norm of weights for vectors standardised by these items."""
        deviation = z.std(axis=0, dtype=np.float64)
        return torch.from_numpy(self.axes.T @ (deviation[:, None] ** 2 * self.axes))

    def raw(self, state: Tensor) -> tuple[np.ndarray, np.ndarray]:
        """Return weights and intercepts for raw vectors from those in the coordinates of the components."""
        found = state.double().numpy()
        weights = self.inverse[:, None] * (self.axes @ found[:, :-1])
        return weights, found[:, -1] - self.mean @ weights


class _Preconditioned:
    """Loss and gradient of all problems for one penalty, in coordinates scaled by the root of the expected Hessian."""

    def __init__(self, shared: _Shared, penalty: float):
        self.shared, self.penalty = shared, penalty
        # p (1 - p) of a class that is as frequent as the others; the Hessian of a class is this times the covariance.
        curvature = (1 - 1 / shared.n_classes) / shared.n_classes
        scale = np.sqrt(curvature * np.append(shared.variances, 1.0) + np.append(np.full(shared.n_dims, penalty), 0.0))
        self.scale = torch.from_numpy(scale).to(shared.dtype)[:, None]
        self.z = shared.z / self.scale[:-1, 0]

    def from_weights(self, state: Tensor) -> Tensor:
        return state * self.scale

    def to_weights(self, point: Tensor) -> Tensor:
        return point / self.scale

    def __call__(self, point: Tensor, places: Tensor) -> tuple[Tensor, Tensor]:
        """Return loss [shape=(n,)] and gradient of the problems at ``places``.

        ``point`` [shape=(n, n_dims + 1, n_classes)] holds weights and, last, intercepts.
        """
        shared, n = self.shared, len(places)
        n_classes = shared.n_classes
        flat = point[:, :-1].permute(1, 0, 2).reshape(shared.n_dims, -1)
        logits = (self.z @ flat).view(len(self.z), n, n_classes).add_(point[:, -1] / self.scale[-1])
        log_p = logits.log_softmax(dim=2)
        codes, shares = shared.codes[:, places], shared.shares[:, places]
        loss = -(log_p.gather(2, codes[:, :, None])[:, :, 0] * shares).sum(dim=0)
        residual = log_p.exp_().mul_(shares[:, :, None])
        residual.scatter_add_(2, codes[:, :, None], -shares[:, :, None])
        gradient = torch.empty_like(point)
        gradient[:, :-1] = (self.z.T @ residual.view(len(self.z), -1)).view(-1, n, n_classes).permute(1, 0, 2)
        gradient[:, -1] = residual.sum(dim=0) / self.scale[-1]
        weights = point[:, :-1] / self.scale[:-1]
        penalised = shared.penalised[places] @ weights
        loss = loss + 0.5 * self.penalty * (weights * penalised).sum(dim=(1, 2))
        gradient[:, :-1] += self.penalty * penalised / self.scale[:-1]
        return loss, gradient


def _lbfgs(problem: _Preconditioned, start: Tensor, tolerance: float, max_steps: int) -> tuple[Tensor, Tensor]:
    """Minimise all problems together, each with a history and a step length of its own.

    Returns
    -------
    solutions [same shape as start], and whether each converged [shape=(n_problems,)]
    """
    point, everywhere = start.clone(), torch.arange(len(start))
    loss, gradient = problem(point, everywhere)
    done = gradient.abs().amax(dim=(1, 2)) < tolerance
    steps: list[Tensor] = []
    changes: list[Tensor] = []
    for _ in range(max_steps):
        active = everywhere[~done]
        if not len(active):
            break
        direction = torch.zeros_like(point)
        direction[active] = -_inverse_hessian(gradient, steps, changes)[active]
        slope = (direction * gradient).sum(dim=(1, 2))
        uphill = slope >= 0
        direction[uphill & ~done] = -gradient[uphill & ~done]
        slope = (direction * gradient).sum(dim=(1, 2))
        length = torch.ones(len(point), dtype=point.dtype)
        trial, trial_loss, trial_gradient = point.clone(), loss.clone(), gradient.clone()
        pending = active
        while len(pending):
            trial[pending] = point[pending] + length[pending, None, None] * direction[pending]
            trial_loss[pending], trial_gradient[pending] = problem(trial[pending], pending)
            # Rounding of the loss: near the minimum, a step is not refused for it.
            slack = 1e-6 * loss[pending].abs()
            refused = trial_loss[pending] > loss[pending] + _ARMIJO * length[pending] * slope[pending] + slack
            length[pending[refused]] *= 0.5
            pending = pending[refused & (length[pending] > _SHORTEST_STEP)]
        steps.append(trial - point)
        changes.append(trial_gradient - gradient)
        steps, changes = steps[-_MEMORY:], changes[-_MEMORY:]
        point, loss, gradient = trial, trial_loss, trial_gradient
        done = done | (gradient.abs().amax(dim=(1, 2)) < tolerance)
    return point, done


def _inverse_hessian(gradient: Tensor, steps: Sequence[Tensor], changes: Sequence[Tensor]) -> Tensor:
    """Return the product of the approximate inverse Hessian with the gradient, by the recursion over two loops."""
    found, products = gradient.clone(), []
    for step, change in zip(reversed(steps), reversed(changes)):
        curvature = (step * change).sum(dim=(1, 2), keepdim=True)
        inverse = torch.where(curvature > 0, 1 / curvature.clamp(min=1e-30), 0.0)
        product = inverse * (step * found).sum(dim=(1, 2), keepdim=True)
        found = found - product * change
        products.append((inverse, product))
    if steps:
        curvature = (steps[-1] * changes[-1]).sum(dim=(1, 2), keepdim=True)
        square = (changes[-1] ** 2).sum(dim=(1, 2), keepdim=True)
        found = found * torch.where(curvature > 0, curvature / square.clamp(min=1e-30), 1.0)
    for (step, change), (inverse, product) in zip(zip(steps, changes), reversed(products)):
        found = found + step * (product - inverse * (change * found).sum(dim=(1, 2), keepdim=True))
    return found
