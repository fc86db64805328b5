"""Base class of all trainings: a module, its optimisers, the learning-rate schedule, one step, a resumable state."""

import math
from abc import ABC, abstractmethod
from collections.abc import Mapping
from typing import Any, Generic, TypeVar, cast

import torch
from torch import Tensor, nn
from transformers import PreTrainedModel

from auscult.errors import AnalysisError
from auscult.models.training.optimisers import build_optimisers, learning_rate_share

__all__ = ["Learner", "learning_rate"]

Kept = TypeVar("Kept", bound=PreTrainedModel)


class Learner(ABC, Generic[Kept]):
    """A module with its optimisers and step; each batch follows from seed and step, so that no other state is needed.

    Parameters
    ----------
    module : the module to train; parameters that need no gradient are not trained
    settings : of the training, with ``steps``, ``peak_learning_rate``, ``matrix_rate``, ``warmup``, ``seed`` and the
        entry named by ``called_by``
    device : ``"cpu"`` or ``"cuda"``
    untrained : the model of step 0, if training starts from a trained encoder; by default the module before training
    """

    # The setting that identifies the training in an error.
    called_by = "recipe"
    # The setting with the number of steps at the start in which a trained encoder stays fixed, if there is one.
    held_by: str | None = None

    def __init__(self, module: nn.Module, settings: Mapping[str, Any], device: str, untrained: Kept | None = None):
        self.settings, self.device, self.step = settings, device, 0
        self.module: Any = module.to(device)
        self.untrained = untrained
        if untrained is not None:
            cast("nn.Module", untrained).to(device)
        self.encoder_parameters: list[nn.Parameter] = []
        self.optimisers = build_optimisers(module.named_parameters(), settings["matrix_rate"], self.rate_share)

    @property
    def encoder(self) -> Kept:
        """The model that checkpoints hold, head included: at step 0 the untrained model, then the trained one."""
        return self.module if self.step or self.untrained is None else self.untrained

    def rate_share(self, name: str) -> float:
        """Return the ratio of a parameter's learning rate to that of the schedule, by the parameter's name."""
        return 1.0

    @property
    def learning_rate(self) -> float:
        """The learning rate of the last step; 0 before the first."""
        n_steps, peak = self.settings["steps"][-1], self.settings["peak_learning_rate"]
        return learning_rate(self.step, n_steps, peak, self.settings["warmup"]) if self.step else 0.0

    @abstractmethod
    def batch_loss(self, step: int) -> tuple[Tensor, Tensor | None]:
        """Return the loss of a step's batch, and a regulariser that the step adds to it, if there is one."""

    @abstractmethod
    def validate(self) -> tuple[float, ...]:
        """Return the loss on split ``valid`` and further measures; raise as :meth:`require_finite` does."""

    def advance(self) -> float:
        """Take one step and return the loss of its batch, without the regulariser.

        Raises
        ------
        AnalysisError
            The loss is not finite.
        """
        self.begin_step()
        loss, regulariser = self.batch_loss(self.step)
        self.end_step(loss if regulariser is None else loss + regulariser)
        return loss.item()

    def state(self) -> dict[str, Any]:
        """Return the content that :meth:`restore` needs."""
        optimisers = [optimiser.state_dict() for optimiser in self.optimisers]
        return {"step": self.step, "module": self.module.state_dict(), "optimisers": optimisers}

    def restore(self, state: Mapping[str, Any]) -> None:
        """Return to the point of the training at which :meth:`state` was called."""
        self.module.load_state_dict(state["module"])
        for optimiser, saved in zip(self.optimisers, state["optimisers"], strict=True):
            optimiser.load_state_dict(saved)
        self.step = state["step"]

    def begin_step(self) -> None:
        """Start the next step: set its random seed, learning rates and trainable parameters, and clear gradients."""
        self.step += 1
        torch.manual_seed(self.settings["seed"] * 1_000_003 + self.step)
        for group in (group for optimiser in self.optimisers for group in optimiser.param_groups):
            group["lr"] = self.learning_rate * learning_rate_share(group)
        if self.held_by is not None:
            for parameter in self.encoder_parameters:
                parameter.requires_grad_(self.step > self.settings[self.held_by])
        self.module.train()
        self.clear_gradients()

    def clear_gradients(self) -> None:
        """Forget the gradients of the last batch."""
        for parameter in self.module.parameters():
            parameter.grad = None

    def end_step(self, loss: Tensor) -> None:
        """Update the weights by the gradient of the loss, clipped to norm 1; raise as :meth:`require_finite` does."""
        self.require_finite(loss.item())
        loss.backward()
        nn.utils.clip_grad_norm_(self.module.parameters(), 1.0)
        for optimiser in self.optimisers:
            optimiser.step()

    def require_finite(self, loss: float) -> None:
        """Raise :class:`AnalysisError` if the loss is not finite."""
        if not math.isfinite(loss):
            raise AnalysisError(
                f"expected a finite loss, found {loss} at step {self.step} of {self.settings['steps'][-1]} "
                f"({self.called_by} {self.settings[self.called_by]!r}, peak learning rate "
                f"{self.settings['peak_learning_rate']:g}); lower the peak learning rate"
            )


def learning_rate(step: int, n_steps: int, peak: float, warmup: float) -> float:
    """Return the learning rate of a step in 1 … n_steps: a cosine up to the peak, then one down to 1 % of it.

    ``warmup`` is the share of the steps over which the rate rises.
    """
    top = max(1.0, warmup * n_steps)
    if step <= top:
        return peak * (0.04 + 0.96 * (1 - math.cos(math.pi * step / top)) / 2)
    done = (step - top) / max(1.0, n_steps - top)
    return peak * (0.01 + 0.99 * (1 + math.cos(math.pi * done)) / 2)
