"""Hide spans of frames from a model, so that it must predict them from their context."""

import numpy as np

__all__ = ["span_mask"]


def span_mask(
    rng: np.random.Generator, n_rows: int, n_frames: int, probability: float = 0.08, length: int = 5
) -> np.ndarray:
    """Draw which frames are masked: each frame starts a span with the same probability, and spans may overlap.

    A frame is thus masked with probability 1 − (1 − p)^length (the first frames with less: fewer starts precede them).
    A row in which no span starts gets one, and a row never loses all of its frames.

    Source: Baevski et al. (2020), section 3.1; Hsu et al. (2021), section II.C. They draw a fixed number of starts per
    utterance; an independent draw per frame has the same mean. Their spans have 10 frames; what
    happens in 200 ms takes a small model more steps to guess than it gets.

    Parameters
    ----------
    rng : source of the draw
    n_rows, n_frames : shape of the batch
    probability : of a span starting at a frame, in (0, 1)
    length : frames of a span

    Returns
    -------
    mask : True where a frame is hidden [shape=(n_rows, n_frames)]
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
