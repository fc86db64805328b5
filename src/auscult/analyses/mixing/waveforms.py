"""Context mixing: from which parts of the input each layer builds its representation of a segment.

A segment is any range of frames: one frame, a phone, a word, a token. Each utterance runs alone and unpadded, so that
no other utterance changes its scores. The forward pass uses the model's own (fused) attention kernel. Attention is then
recomputed layer by layer to obtain its weights, so that memory holds the weights of one layer. The measures are defined
in :mod:`auscult.analyses.mixing.methods`. They cover attention only: mixing before T1, by the receptive field of the
front end and by the positional convolution of wav2vec 2.0 and HuBERT, is not measured.
"""

from collections.abc import Collection, Sequence
from typing import TYPE_CHECKING

import numpy as np
import torch

from auscult.analyses.mixing.methods import METHODS, check_methods, check_spans, score_layers
from auscult.analyses.mixing.roles import find_roles, record
from auscult.analyses.mixing.settings import MixingSettings
from auscult.errors import AnalysisError

if TYPE_CHECKING:
    from transformers import PreTrainedModel

    from auscult.models.speech import SpeechModel

__all__ = ["METHODS", "Scores", "frame_spans", "mix_waveform", "mix_text"]

# By method and layer [shape=(n_targets, n_segments), float64].
Scores = dict[str, dict[str, np.ndarray]]


def frame_spans(n_frames: int) -> np.ndarray:
    """Return every frame as a segment of its own [shape=(n_frames, 2)]."""
    return np.arange(n_frames)[:, None] + np.array([0, 1])


def mix_waveform(
    model: "SpeechModel",
    waveform: np.ndarray,
    spans: np.ndarray,
    *,
    methods: Sequence[str] = METHODS,
    targets: Sequence[int] | None = None,
    layers: Collection[str] | None = None,
    per_head: bool = False,
    memory_mb: float = MixingSettings.memory_mb,
) -> Scores:
    """Score how the encoder of a speech model mixes the segments of one waveform.

    In Whisper's window, only frames of the waveform may belong to a segment. The padding takes part in attention, as in
    the model, but is not scored.

    Parameters
    ----------
    waveform : at the model's sample rate [shape=(n_samples,)]
    spans : half-open frame ranges of the segments [shape=(n_segments, 2)], as returned by
        :meth:`auscult.models.frames.FrameTiming.segment_frames`
    methods : names in :data:`METHODS`
    targets : indices of the segments whose rows are returned, by default all; value zeroing computes no other frames
    layers : ``T1 … TL``, by default all
    per_head : one matrix per head, see :func:`auscult.analyses.mixing.methods.score_layers`
    memory_mb : limit in 10⁶ bytes for the weights of one layer, and for the copies that value zeroing runs at once

    Returns
    -------
    scores : by method and layer [shape=(n_targets, n_segments), float64], each row summing to 1

    Raises
    ------
    AnalysisError
        The model has no attention, a method or layer does not exist, a segment has no frame or exceeds the waveform, or
        the weights of a layer do not fit into memory.
    AudioError
        The waveform is too short, or longer than the model's window.
    """
    check_methods(methods, per_head=per_head)
    roles = find_roles(getattr(model, "encoder", model))
    with record(roles) as calls:
        n_frames = len(model.frames([waveform])["embed"][0])
    columns = check_spans(spans, n_frames)
    rows = columns if targets is None else columns[np.asarray(targets, dtype=int)]
    return score_layers(
        roles, calls, rows, columns, methods=methods, layers=layers, per_head=per_head, memory_mb=memory_mb
    )


def mix_text(
    model: "PreTrainedModel",
    token_ids: Sequence[int],
    spans: np.ndarray | None = None,
    *,
    methods: Sequence[str] = METHODS,
    targets: Sequence[int] | None = None,
    layers: Collection[str] | None = None,
    per_head: bool = False,
    memory_mb: float = MixingSettings.memory_mb,
) -> Scores:
    """Score how a text encoder such as BERT mixes the tokens of one text.

    Other parameters, results and errors are as in :func:`mix_waveform`. A text with more tokens than the model has
    positions raises :class:`AnalysisError`, too.

    Parameters
    ----------
    token_ids : the text, special tokens included
    spans : half-open token ranges, such as words [shape=(n_segments, 2)]; by default every token
    """
    check_methods(methods, per_head=per_head)
    roles = find_roles(model)
    limit = getattr(model.config, "max_position_embeddings", None)
    if limit is not None and len(token_ids) > limit:
        raise AnalysisError(
            f"expected at most {limit} tokens (the positions of {model.config.model_type!r}), found {len(token_ids)}; "
            "cut the text"
        )
    columns = check_spans(frame_spans(len(token_ids)) if spans is None else spans, len(token_ids))
    rows = columns if targets is None else columns[np.asarray(targets, dtype=int)]
    with torch.inference_mode(), record(roles) as calls:
        model(torch.tensor([list(token_ids)], device=model.device))
    return score_layers(
        roles, calls, rows, columns, methods=methods, layers=layers, per_head=per_head, memory_mb=memory_mb
    )
