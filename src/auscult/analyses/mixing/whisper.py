"""Context mixing in Whisper's decoder: between tokens (self-attention) and from speech to tokens (cross-attention)."""

from collections.abc import Collection, Sequence
from typing import TYPE_CHECKING, Literal, TypedDict, Unpack

import numpy as np
import torch
from torch import Tensor

from auscult.analyses.mixing.methods import METHODS, check_methods, check_spans, score_layers
from auscult.analyses.mixing.roles import eager, find_roles, record
from auscult.analyses.mixing.waveforms import Scores, frame_spans
from auscult.errors import AnalysisError

if TYPE_CHECKING:
    from transformers import PreTrainedModel

__all__ = ["ScoreOptions", "mix_decoder"]


class ScoreOptions(TypedDict, total=False):
    """Options of :func:`auscult.analyses.mixing.methods.score_layers`."""

    layers: Collection[str] | None
    per_head: bool
    memory_mb: float


def mix_decoder(
    model: "PreTrainedModel",
    features: Tensor,
    token_ids: Sequence[int],
    *,
    part: Literal["decoder", "cross"],
    token_spans: np.ndarray | None = None,
    speech_spans: np.ndarray | None = None,
    n_frames: int | None = None,
    methods: Sequence[str] | None = None,
    targets: Sequence[int] | None = None,
    **options: Unpack[ScoreOptions],
) -> Scores:
    """Score how the state of a token depends on earlier tokens (``decoder``) or on segments of speech (``cross``).

    When values of the self-attention are zeroed, the cross-attention of the same block runs on the changed states; when
    values of the cross-attention are zeroed, the self-attention keeps its recorded output. Only the first ``n_frames``
    of the encoder's window may belong to a segment: the rest is padding. The pass uses the eager attention kernel,
    because the fused one receives no causal mask here; the model's own kernel is restored.

    Parameters
    ----------
    model : Whisper with its decoder
    features : log-mel window from the checkpoint's feature extractor [shape=(n_mels, n_window)]
    token_ids : input of the decoder, from its start token on
    part : ``decoder`` for self-attention, ``cross`` for cross-attention
    token_spans : half-open ranges of tokens, such as words [shape=(n_segments, 2)]; by default every token
    speech_spans : half-open ranges of encoder frames, for ``cross``; by default each of the ``n_frames``
    n_frames : number of encoder frames with speech, as returned by ``SpeechModel.timing.n_frames``; by default the
        whole window
    methods, targets, options : as in :func:`auscult.analyses.mixing.waveforms.mix_waveform`; ``rollout`` is not defined
        for ``cross``

    Returns
    -------
    scores : by method and layer [shape=(n_targets, n_tokens or n_segments), float64], each row summing to 1

    Raises
    ------
    AnalysisError
        As in :func:`auscult.analyses.mixing.waveforms.mix_waveform`, and for more tokens than the decoder has
        positions.
    """
    cross = part == "cross"
    methods = methods or [name for name in METHODS if not (cross and name == "rollout")]
    check_methods(methods, per_head=options.get("per_head", False), cross=cross)
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
    return score_layers(roles, calls, rows, columns, methods=methods, **options)
