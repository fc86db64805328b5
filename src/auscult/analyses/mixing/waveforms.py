"""Context mixing: which stretches of the input each layer's representation of a segment takes up.

A segment is any range of frames: one frame, a phone, a word, a token. One utterance runs at a time, unpadded, so
nothing else can change its scores. The pass keeps the model's own (fused) kernel; attentions are then run once more,
layer by layer, to give their weights, so that memory holds those of one layer. The methods are described in
:mod:`auscult.analyses.mixing.methods`. All of them see attention alone: what frames learn of each other before T1, by
the front end's receptive field and by the positional convolution of wav2vec 2.0 and HuBERT, is in every frame already.
"""

from collections.abc import Collection, Sequence
from typing import Any

import numpy as np
import torch

from auscult.analyses.mixing.methods import METHODS, check_methods, check_spans, score_layers
from auscult.analyses.mixing.roles import find_roles, record
from auscult.errors import AnalysisError

__all__ = ["METHODS", "frame_spans", "mix_waveform", "mix_text"]

Scores = dict[str, dict[str, np.ndarray]]


def frame_spans(n_frames: int) -> np.ndarray:
    """Return every frame as a segment of its own [shape=(n_frames, 2)]."""
    return np.arange(n_frames)[:, None] + np.array([0, 1])


def mix_waveform(
    model: Any,
    waveform: np.ndarray,
    spans: np.ndarray,
    *,
    methods: Sequence[str] = METHODS,
    targets: Sequence[int] | None = None,
    layers: Collection[str] | None = None,
    per_head: bool = False,
    memory_mb: float = 1000,
) -> Scores:
    """Score how the encoder of a speech model mixes the segments of one waveform.

    Of Whisper's window only the frames of the waveform may be in a segment; its padding takes part in the attention, as
    the model has it, but is neither scored nor counted.

    Parameters
    ----------
    model : an :class:`auscult.models.speech.SpeechModel`
    waveform : at the model's sample rate [shape=(n_samples,)]
    spans : half-open frame ranges of the segments [shape=(n_segments, 2)], as of
        :meth:`auscult.models.frames.FrameTiming.segment_frames`
    methods : of :data:`METHODS`
    targets : segments whose rows are wanted, by default all: value zeroing computes nothing for other frames
    layers : ``T1 … TL``, by default all
    per_head : see :func:`auscult.analyses.mixing.methods.score_layers`
    memory_mb : of one layer's weights and of the altered copies that value zeroing runs at once

    Returns
    -------
    scores : by method and layer [shape=(n_targets, n_segments), float64], each row summing to 1

    Raises
    ------
    AnalysisError
        The model has no attention; a method or layer does not exist; a segment has no frame or leaves the waveform; the
        weights of a layer do not fit into memory.
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
    model: Any,
    token_ids: Sequence[int],
    spans: np.ndarray | None = None,
    *,
    methods: Sequence[str] = METHODS,
    targets: Sequence[int] | None = None,
    layers: Collection[str] | None = None,
    per_head: bool = False,
    memory_mb: float = 1000,
) -> Scores:
    """Score how a text encoder such as BERT mixes the tokens of one text, or the words that ``spans`` makes of them.

    Other parameters, results and errors are those of :func:`mix_waveform`; a text that is longer than the model's
    positions raises :class:`AnalysisError` too.
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
