"""An attention probe: one learned query pools the segments of an utterance, and a linear layer classifies the result.

Other probes of utterances read the mean over frames, which weights all frames equally; attention can select the few
relevant segments. Frames are not stored, so attention is over pooled segments (phones). Fucci et al. (2025) probe
gender with attention over frames.
"""

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

import numpy as np

from auscult.probes.classifiers import standardiser
from auscult.probes.mlp import stop_early

if TYPE_CHECKING:
    from torch import Tensor

__all__ = ["fit_attention"]

_STEP_SIZE, _WEIGHT_DECAY, _DECAYS = 1e-2, 1e-2, (0.9, 0.999)


def fit_attention(
    x: Sequence[np.ndarray],
    codes: np.ndarray,
    x_valid: Sequence[np.ndarray],
    codes_valid: np.ndarray,
    *,
    n_classes: int,
    max_epochs: int = 100,
    patience: int = 20,
    batch_size: int = 16,
    seed: int = 0,
) -> Callable[[Sequence[np.ndarray]], np.ndarray]:
    """Train softmax(X q / √d)ᵀ X W + b with AdamW and return the probe of the best epoch on validation utterances.

    The query q starts at zero, so that training starts from the mean over segments.

    Parameters
    ----------
    x, x_valid : vectors of the segments of each utterance, at least one segment [shape=(n_segments, n_dims) each]
    codes, codes_valid : class code of each utterance [shape=(n,)]
    n_classes : number of classes
    max_epochs : maximum number of epochs
    patience : number of epochs without a lower validation loss after which training stops
    batch_size : number of utterances per batch
    seed : seed of the order of batches

    Returns
    -------
    predict : function that maps utterances to class codes
    """
    import torch

    prepare = _preparer(*standardiser(np.concatenate(x)))
    truth, truth_valid = torch.as_tensor(codes), torch.as_tensor(codes_valid)
    n_dims = x[0].shape[-1]
    query = torch.zeros(n_dims, requires_grad=True)
    weights = torch.zeros(n_dims, n_classes, requires_grad=True)
    bias = torch.zeros(n_classes, requires_grad=True)
    parameters = [query, weights, bias]
    step = _adam(parameters)
    generator = torch.Generator().manual_seed(seed)

    def logits(segments: "Tensor", mask: "Tensor", query: "Tensor", weights: "Tensor", bias: "Tensor") -> "Tensor":
        scores = (segments @ query / n_dims**0.5).masked_fill(~mask, -torch.inf)
        return (scores.softmax(dim=1)[:, None] @ segments)[:, 0] @ weights + bias

    def epoch() -> float:
        for batch in torch.randperm(len(truth), generator=generator).split(batch_size):
            batch_logits = logits(*prepare([x[item] for item in batch.tolist()]), *parameters)
            step(torch.autograd.grad(torch.nn.functional.cross_entropy(batch_logits, truth[batch]), parameters))
        # The loss rather than the accuracy, which takes few distinct values on a few dozen utterances.
        return -torch.nn.functional.cross_entropy(answer(x_valid, parameters), truth_valid).item()

    @torch.no_grad()
    def answer(new: Sequence[np.ndarray], parameters: Sequence["Tensor"]) -> "Tensor":
        parts = [new[start : start + batch_size] for start in range(0, len(new), batch_size)]
        return torch.cat([logits(*prepare(part), *parameters) for part in parts])

    best = stop_early(epoch, lambda: [part.detach().clone() for part in parameters], max_epochs, patience)
    return lambda new: answer(new, best).argmax(dim=1).numpy()


def _preparer(mean: np.ndarray, scale: np.ndarray) -> "Callable[[Sequence[np.ndarray]], tuple[Tensor, Tensor]]":
    """Return a function that standardises and pads the sequences of one batch, and returns them with their mask."""
    import torch

    def prepare(sequences: Sequence[np.ndarray]) -> "tuple[Tensor, Tensor]":
        parts = [torch.from_numpy(((part - mean) * scale).astype(np.float32)) for part in sequences]
        lengths = torch.tensor([len(part) for part in parts])
        mask = torch.arange(int(lengths.max())) < lengths[:, None]
        return torch.nn.utils.rnn.pad_sequence(parts, batch_first=True), mask

    return prepare


def _adam(parameters: "Sequence[Tensor]") -> "Callable[[Sequence[Tensor]], None]":
    """Return the update of AdamW (Loshchilov and Hutter, 2019); importing torch's own takes seconds."""
    import torch

    means, squares = ([torch.zeros_like(part) for part in parameters] for _ in range(2))
    count = 0

    @torch.no_grad()
    def step(gradients: "Sequence[Tensor]") -> None:
        nonlocal count
        count += 1
        corrections = [1 - decay**count for decay in _DECAYS]
        for part, gradient, mean, square in zip(parameters, gradients, means, squares):
            mean.lerp_(gradient, 1 - _DECAYS[0])
            square.lerp_(gradient**2, 1 - _DECAYS[1])
            part.mul_(1 - _STEP_SIZE * _WEIGHT_DECAY)
            part.sub_(_STEP_SIZE * (mean / corrections[0]) / ((square / corrections[1]).sqrt() + 1e-8))

    return step
