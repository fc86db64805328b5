"""Context mixing in Whisper's decoder: among the tokens written so far, and from the frames heard to the tokens."""

from collections.abc import Collection, Sequence
from typing import Any, Literal

import numpy as np
import torch
from torch import Tensor

from auscult.analyses.mixing.methods import METHODS, check_methods, check_spans, score_layers
from auscult.analyses.mixing.roles import eager, find_roles, record
from auscult.analyses.mixing.waveforms import Scores, frame_spans
from auscult.errors import AnalysisError

__all__ = ["mix_decoder"]


def mix_decoder(
    model: Any,
    features: Tensor,
    token_ids: Sequence[int],
    *,
    part: Literal["decoder", "cross"],
    token_spans: np.ndarray | None = None,
    speech_spans: np.ndarray | None = None,
    n_frames: int | None = None,
    methods: Sequence[str] | None = None,
    targets: Sequence[int] | None = None,
    layers: Collection[str] | None = None,
    per_head: bool = False,
    memory_mb: float = 1000,
) -> Scores:
    """Score what a token's state takes from earlier tokens (``decoder``) or from stretches of speech (``cross``).

    Zeroing the values of self-attention lets the cross-attention of the same block run on what comes of it; zeroing
    those of cross-attention keeps the self-attention of the pass. Of the encoder's window only the first ``n_frames``
    may be in a segment: the rest is padding. The pass uses the plain kernel, because the fused one is given no mask for
    what lies ahead; the model's own is restored.

    Parameters
    ----------
    model : Whisper with its decoder
    features : log-mel window as the checkpoint's feature extractor makes it [shape=(n_mels, n_window)]
    token_ids : what the decoder is given, from its start token on
    part : which attention
    token_spans : ranges of tokens, such as words [shape=(n_segments, 2)]; by default every token
    speech_spans : ranges of encoder frames, for ``cross``; by default every one of the ``n_frames``
    n_frames : encoder frames that hold speech, as of ``SpeechModel.timing.n_frames``; by default the whole window

    Other parameters are those of :func:`auscult.analyses.mixing.waveforms.mix_waveform`.

    Returns
    -------
    scores : by method and layer [shape=(n_targets, n_tokens or n_segments), float64], each row summing to 1

    Raises
    ------
    AnalysisError
        As of :func:`auscult.analyses.mixing.waveforms.mix_waveform`, and for more tokens than the decoder has
        positions.
    """
    cross = part == "cross"
    methods = methods or [name for name in METHODS if not (cross and name == "rollout")]
    check_methods(methods, per_head=per_head, cross=cross)
    roles = find_roles(model, part)
    if len(token_ids) > model.config.max_target_positions:
        raise AnalysisError(
            f"expected at most {model.config.max_target_positions} tokens (the decoder's positions), found "
            f"{len(token_ids)}; cut the recording into utterances"
        )
    rows = check_spans(frame_spans(len(token_ids)) if token_spans is None else token_spans, len(token_ids), "token")
    columns = rows
    if cross:
        n_frames = model.config.max_source_positions if n_frames is None else n_frames
        columns = check_spans(frame_spans(n_frames) if speech_spans is None else speech_spans, n_frames)
    with torch.inference_mode(), eager(model), record(roles) as calls:
        tokens = torch.tensor([list(token_ids)], device=model.device)
        model.base_model(features[None].to(model.device), decoder_input_ids=tokens, use_cache=False)
    rows = rows if targets is None else rows[np.asarray(targets, dtype=int)]
    return score_layers(
        roles, calls, rows, columns, methods=methods, layers=layers, per_head=per_head, memory_mb=memory_mb
    )
