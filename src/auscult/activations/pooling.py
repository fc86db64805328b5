"""Pooling: the mean of a model's frames over every segment of a batch, computed on the model's device."""

from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np

from auscult.errors import AudioError

if TYPE_CHECKING:
    from torch import Tensor

__all__ = ["pool_frames"]


def pool_frames(
    frames: "Mapping[str, list[Tensor]]", spans: Sequence[np.ndarray], names: Sequence[str]
) -> Iterator[tuple[str, np.ndarray]]:
    """Yield each layer with the mean frame of every segment, in float32.

    Parameters
    ----------
    frames : one tensor per utterance, by layer [shape=(n_frames, n_dims)]
    spans : first frame and number of frames of the segments of each utterance [shape=(n_segments, 2)]
    names : names of the utterances, for messages

    Returns
    -------
    means [shape=(n_segments of all utterances, n_dims), float32]

    Raises
    ------
    AudioError
        A mean is not finite.
    """
    import torch

    plans = None
    for layer, utterances in frames.items():
        plans = plans or [_plan(span, utterance) for span, utterance in zip(spans, utterances)]
        pooled = [(member @ utterance.float()) / counts for (member, counts), utterance in zip(plans, utterances)]
        means = torch.cat(pooled).cpu().numpy()
        if not np.isfinite(means).all():
            wrong = next(name for name, part in zip(names, pooled) if not torch.isfinite(part).all())
            raise AudioError(
                f"expected finite activations, found NaN or infinity in layer {layer!r} for utterance {wrong!r}; look "
                "for NaN in the recording, or run the model in float32"
            )
        yield layer, means


def _plan(span: np.ndarray, utterance: "Tensor") -> "tuple[Tensor, Tensor]":
    """Return the membership of frames in segments, 0 or 1 [shape=(n_segments, n_frames)], and frames per segment.

    A product with this matrix sums in float32 and in a fixed order on any device, even where segments overlap.
    """
    import torch

    starts, counts = torch.from_numpy(span.astype(np.int64)).to(utterance.device).T
    positions = torch.arange(len(utterance), device=utterance.device)
    member = (positions >= starts[:, None]) & (positions < (starts + counts)[:, None])
    return member.float(), counts[:, None]
