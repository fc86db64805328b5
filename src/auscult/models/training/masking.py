"""Random masks over spans of frames, which a model must predict from their context."""

import numpy as np

__all__ = ["span_mask"]


def span_mask(
    rng: np.random.Generator, n_rows: int, n_frames: int, probability: float = 0.08, length: int = 5
) -> np.ndarray:
    """Draw a mask over frames: each frame starts a masked span with the same probability, and spans may overlap.

    A frame is thus masked with probability 1 − (1 − p)^length; at the start of a row the probability is lower, because
    fewer starts precede. A row without a span gets one, and one frame of a fully masked row stays unmasked.

    Source: Baevski et al. (2020), section 3.1; Hsu et al. (2021), section II.C. They draw a fixed number of starts per
    utterance; an independent draw per frame has the same mean. Their spans have 10 frames; predicting 200 ms of speech
    takes more training than our small models get.

    Parameters
    ----------
    rng : random number generator
    n_rows, n_frames : shape of the batch
    probability : of a span starting at a frame, in (0, 1)
    length : frames per span

    Returns
    -------
    mask : True for masked frames [shape=(n_rows, n_frames)]
    """
    starts = rng.random((n_rows, n_frames)) < probability
    first = rng.integers(0, max(1, n_frames - length), n_rows)
    empty = ~starts.any(axis=1)
    starts[empty, first[empty]] = True
    mask = starts.copy()
    for shift in range(1, min(length, n_frames)):
        mask[:, shift:] |= starts[:, :-shift]
    mask[mask.all(axis=1), 0] = False
    return mask
