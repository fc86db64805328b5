"""What all trainings share: a module, its optimiser and step, the schedule, an update, a state to go on from."""

import math
from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor, nn

from auscult.errors import AnalysisError

__all__ = ["Learner", "learning_rate"]


class Learner:
    """A module, its optimiser and its step; the next batch follows from seed and step, so that nothing else is kept.

    Parameters
    ----------
    module : what learns; parameters that need no gradient stay as they are
    settings : of the training, with ``steps``, ``peak_learning_rate``, ``seed`` and what the training is called by
    device : ``"cpu"`` or ``"cuda"``
    """

    # The setting that tells in an error which training it was.
    called_by = "recipe"

    def __init__(self, module: nn.Module, settings: Mapping[str, Any], device: str):
        self.settings, self.device, self.step = settings, device, 0
        self.module = module.to(device)
        learning = [parameter for parameter in module.parameters() if parameter.requires_grad]
        self.optimiser = torch.optim.AdamW(learning, lr=1.0, betas=(0.9, 0.98), eps=1e-6, weight_decay=0.01, fused=True)

    @property
    def learning_rate(self) -> float:
        """The learning rate of the last step; 0 before the first."""
        n_steps, peak = self.settings["steps"][-1], self.settings["peak_learning_rate"]
        return learning_rate(self.step, n_steps, peak) if self.step else 0.0

    def state(self) -> dict[str, Any]:
        """Return what :meth:`restore` needs."""
        return {"step": self.step, "module": self.module.state_dict(), "optimiser": self.optimiser.state_dict()}

    def restore(self, state: Mapping[str, Any]) -> None:
        """Go back to where :meth:`state` was called."""
        self.module.load_state_dict(state["module"])
        self.optimiser.load_state_dict(state["optimiser"])
        self.step = state["step"]

    def begin_step(self) -> None:
        """Go to the next step: its random numbers and learning rate, and no gradients yet."""
        self.step += 1
        torch.manual_seed(self.settings["seed"] * 1_000_003 + self.step)
        for group in self.optimiser.param_groups:
            group["lr"] = self.learning_rate
        self.module.train()
        self.optimiser.zero_grad()

    def end_step(self, loss: Tensor) -> None:
        """Change the weights by the gradient of the loss, clipped to norm 1; raise as :meth:`require_finite` does."""
        self.require_finite(loss.item())
        loss.backward()
        nn.utils.clip_grad_norm_(self.module.parameters(), 1.0)
        self.optimiser.step()

    def require_finite(self, loss: float) -> None:
        """Raise :class:`AnalysisError` if the loss is not finite."""
        if not math.isfinite(loss):
            raise AnalysisError(
                f"expected a finite loss, found {loss} at step {self.step} of {self.settings['steps'][-1]} "
                f"({self.called_by} {self.settings[self.called_by]!r}, peak learning rate "
                f"{self.settings['peak_learning_rate']:g}); lower the peak learning rate"
            )


def learning_rate(step: int, n_steps: int, peak: float, warmup: float = 0.1) -> float:
    """Return the learning rate of a step in 1 … n_steps: a cosine up to the peak, and one down to a hundredth of it."""
    top = max(1.0, warmup * n_steps)
    if step <= top:
        return peak * (0.04 + 0.96 * (1 - math.cos(math.pi * step / top)) / 2)
    done = (step - top) / max(1.0, n_steps - top)
    return peak * (0.01 + 0.99 * (1 + math.cos(math.pi * done)) / 2)
