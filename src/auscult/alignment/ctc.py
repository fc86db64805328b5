"""The most probable CTC path of a known text: which frames emit each of its tokens.

Source: Graves et al. (2006), Connectionist temporal classification, ICML; the alignment is Viterbi's on the states of
the forward recursion (section 4.1), computed by :func:`torchaudio.functional.forced_align`, for long recordings by
:mod:`auscult.alignment.long_paths`.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor
from torchaudio.functional import forced_align

from auscult.alignment.long_paths import best_labels
from auscult.errors import LabelError

__all__ = ["TokenSpans", "align_tokens", "require_frames"]

# Steps of the kernel of torchaudio, which fails beyond 2^31.
_LARGEST = 2**30


@dataclass(frozen=True)
class TokenSpans:
    """The frames that emit each token of a text on the most probable path; between them it emits blanks.

    Parameters
    ----------
    starts, stops : half-open ranges of frames, in order and disjoint [shape=(n_tokens,)]
    confidence : mean posterior probability of the token in its frames, 0 to 1 [shape=(n_tokens,)]
    """

    starts: npt.NDArray[np.int64]
    stops: npt.NDArray[np.int64]
    confidence: npt.NDArray[np.float64]


def require_frames(tokens: Sequence[int], n_frames: int) -> None:
    """Raise :class:`LabelError` if tokens do not fit: a path has a frame for each, a blank between equal neighbours."""
    needed = len(tokens) + sum(first == second for first, second in pairwise(tokens))
    if needed > n_frames:
        raise LabelError(
            f"expected at least {needed} frames for the {len(tokens)} tokens of the transcript, found {n_frames}: the "
            "recording is too short for its transcript; check that they belong together"
        )


def align_tokens(log_probs: Tensor, tokens: Sequence[int], blank: int) -> TokenSpans:
    """Return the frames of each token on the most probable CTC path that spells the tokens.

    Parameters
    ----------
    log_probs : logarithms of the posterior probabilities [shape=(n_frames, n_labels)]
    tokens : tokens of the text, at least one, none of them the blank
    blank : index of the blank

    Raises
    ------
    LabelError
        The path needs more frames than there are (:func:`require_frames`).
    """
    require_frames(tokens, len(log_probs))
    log_probs = log_probs.float().cpu()
    if (2 * len(tokens) + 2) * len(log_probs) < _LARGEST:
        labels = forced_align(log_probs[None], torch.tensor([list(tokens)]), blank=blank)[0][0].numpy()
    else:
        labels = best_labels(log_probs.numpy(), tokens, blank)
    probabilities = log_probs.double().exp().numpy()[np.arange(len(labels)), labels]
    # A new token begins where the label changes: equal neighbours have a blank between them.
    changes = np.flatnonzero(np.diff(labels)) + 1
    edges = np.concatenate([[0], changes, [len(labels)]])
    spoken = labels[edges[:-1]] != blank
    starts, stops = edges[:-1][spoken], edges[1:][spoken]
    sums = np.add.reduceat(probabilities, edges[:-1])[spoken]
    return TokenSpans(starts.astype(np.int64), stops.astype(np.int64), sums / (stops - starts))
