"""An attention-pooled probe: one learned query looks over an utterance's segments before a linear layer answers.

Frames are not stored, so the sequence of an utterance is that of its pooled segments, by default its phones. The mean
over time, which other utterance probes see, gives every frame the same weight; this one may find the few segments that
matter. Fucci et al. (2025) probe gender this way, over frames.
"""

from collections.abc import Callable, Sequence

import numpy as np

from auscult.probes.classifiers import standardiser
from auscult.probes.mlp import stop_early

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
    x, x_valid : the segments of each utterance, at least one [shape=(n_segments, n_dims) each]
    codes, codes_valid : class of each utterance [shape=(n,)]
    seed : of the order of batches

    Returns
    -------
    predict : maps utterances to class codes
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

    def logits(segments, mask, query, weights, bias):
        scores = (segments @ query / n_dims**0.5).masked_fill(~mask, -torch.inf)
        return (scores.softmax(dim=1)[:, None] @ segments)[:, 0] @ weights + bias

    def epoch() -> float:
        for batch in torch.randperm(len(truth), generator=generator).split(batch_size):
            batch_logits = logits(*prepare([x[item] for item in batch.tolist()]), *parameters)
            step(torch.autograd.grad(torch.nn.functional.cross_entropy(batch_logits, truth[batch]), parameters))
        # The loss, not the accuracy: a few dozen utterances give an accuracy of few steps.
        return -torch.nn.functional.cross_entropy(answer(x_valid, parameters), truth_valid).item()

    @torch.no_grad()
    def answer(new, parameters):
        parts = [new[start : start + batch_size] for start in range(0, len(new), batch_size)]
        return torch.cat([logits(*prepare(part), *parameters) for part in parts])

    best = stop_early(epoch, lambda: [part.detach().clone() for part in parameters], max_epochs, patience)
    return lambda new: answer(new, best).argmax(dim=1).numpy()


def _preparer(mean: np.ndarray, scale: np.ndarray) -> Callable:
    """Return a function that pads the standardised sequences of one batch and says where they are not padded."""
    import torch

    def prepare(sequences: Sequence[np.ndarray]):
        parts = [torch.from_numpy(((part - mean) * scale).astype(np.float32)) for part in sequences]
        lengths = torch.tensor([len(part) for part in parts])
        mask = torch.arange(int(lengths.max())) < lengths[:, None]
        return torch.nn.utils.rnn.pad_sequence(parts, batch_first=True), mask

    return prepare


def _adam(parameters: Sequence) -> Callable[[Sequence], None]:
    """Return one step of AdamW (Loshchilov and Hutter, 2019); torch's own takes seconds to import its compiler."""
    import torch

    means, squares = ([torch.zeros_like(part) for part in parameters] for _ in range(2))
    count = 0

    @torch.no_grad()
    def step(gradients: Sequence) -> None:
        nonlocal count
        count += 1
        corrections = [1 - decay**count for decay in _DECAYS]
        for part, gradient, mean, square in zip(parameters, gradients, means, squares):
            mean.lerp_(gradient, 1 - _DECAYS[0])
            square.lerp_(gradient**2, 1 - _DECAYS[1])
            part.mul_(1 - _STEP_SIZE * _WEIGHT_DECAY)
            part.sub_(_STEP_SIZE * (mean / corrections[0]) / ((square / corrections[1]).sqrt() + 1e-8))

    return step
