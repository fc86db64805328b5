"""Posterior probabilities of a recogniser for recordings of any length, in windows that overlap."""

import numpy as np
import torch
from torch import Tensor

from auscult.errors import CheckpointError
from auscult.models.predictor import Predictor
from auscult.models.windows import Windows

__all__ = ["log_posteriors"]


def log_posteriors(predictor: Predictor, waveform: np.ndarray, windows: Windows) -> Tensor:
    """Return the logarithms of the posterior probabilities of a CTC head for a recording.

    A recording longer than a window is run in windows that overlap. The whole recording is normalised before it is cut,
    so that a quiet passage is heard as in the whole.

    Parameters
    ----------
    predictor : recogniser with a CTC head
    waveform : at the recogniser's sample rate [shape=(n_samples,)]
    windows : how long recordings are cut

    Returns
    -------
    log probabilities [shape=(n_frames, n_labels), float32, on the CPU]

    Raises
    ------
    AudioError
        The waveform is shorter than the model's receptive field.
    CheckpointError
        The head has another number of frames than the encoder, so that their times are not known.
    """
    prepared = predictor.prepare(waveform)
    parts = []
    with torch.inference_mode():
        for window in windows.cut(len(waveform), predictor.timing, predictor.sample_rate_hz):
            logits = predictor.from_waveform(prepared[None, window.start : window.stop])[0]
            expected = int(predictor.timing.n_frames(window.stop - window.start))
            if len(logits) != expected:
                raise CheckpointError(
                    f"expected {expected} frames of the CTC head, as many as its convolutions give, found "
                    f"{len(logits)}; models whose head follows pooling or an adapter cannot be aligned: choose another"
                )
            parts.append(logits[window.first : window.last].float().log_softmax(dim=-1).cpu())
    return torch.cat(parts)
