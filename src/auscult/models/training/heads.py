"""Encoders with a new head for a task, in the standard architectures; the encoder is untrained or pre-trained."""

from collections.abc import Sequence
from copy import deepcopy
from typing import Any, Literal

import torch
from torch import Tensor
from transformers import (
    HubertForCTC,
    HubertForSequenceClassification,
    PreTrainedModel,
    Wav2Vec2ForCTC,
    Wav2Vec2ForSequenceClassification,
    WavLMForCTC,
    WavLMForSequenceClassification,
)

from auscult.errors import CheckpointError, ConfigError
from auscult.models.training.fast_forward import encode_frames

__all__ = ["Task", "TASKS", "HEADED", "build_headed", "with_encoder", "head_logits"]

Task = Literal["ctc", "classes"]
TASKS = ("ctc", "classes")
# By family of the encoder and task.
HEADED: dict[str, dict[str, type[PreTrainedModel]]] = {
    "hubert": {"ctc": HubertForCTC, "classes": HubertForSequenceClassification},
    "wav2vec2": {"ctc": Wav2Vec2ForCTC, "classes": Wav2Vec2ForSequenceClassification},
    "wavlm": {"ctc": WavLMForCTC, "classes": WavLMForSequenceClassification},
}


def build_headed(
    encoder: PreTrainedModel, task: Task, labels: Sequence[str], seed: int, dropout: float
) -> PreTrainedModel:
    """Build the untrained model of a task: an encoder's architecture with a head, all weights drawn from ``seed``.

    Parameters
    ----------
    encoder : its configuration is used, except for dropout
    task : ``"ctc"`` (a token per frame) or ``"classes"`` (a class per utterance, its frames projected and averaged)
    labels : tokens, the blank first, or names of classes
    seed : of the weights; the global random state is unchanged
    dropout : share of features dropped before and after the transformer, and within its blocks

    Raises
    ------
    ConfigError
        There is no such task.
    CheckpointError
        The encoder's family has no such heads.
    """
    if task not in TASKS:
        raise ConfigError(
            f"expected a task among {', '.join(TASKS)}, found {task!r}; correct 'task' in the model's entry"
        )
    family = encoder.config.model_type
    if family not in HEADED:
        raise CheckpointError(
            f"expected an encoder of {', '.join(HEADED)} to fine-tune, found {family!r}; start from another model"
        )
    config = deepcopy(encoder.config)
    config.update({"hidden_dropout": dropout, "feat_proj_dropout": dropout, "final_dropout": dropout, "layerdrop": 0.0})
    if task == "ctc":
        config.update(
            {"vocab_size": len(labels), "pad_token_id": 0, "ctc_zero_infinity": True, "ctc_loss_reduction": "mean"}
        )
    else:
        names = dict(enumerate(labels))
        config.update({"id2label": names, "label2id": {name: number for number, name in names.items()}})
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        return HEADED[family][task]._from_config(config, attn_implementation=encoder.config._attn_implementation)


def with_encoder(model: PreTrainedModel, encoder: PreTrainedModel) -> PreTrainedModel:
    """Return a copy of a model with the weights of a trained encoder, its head unchanged, its convolutions frozen."""
    model = deepcopy(model)
    base: Any = model.base_model
    base.load_state_dict(encoder.state_dict())
    base.feature_extractor.requires_grad_(False)
    return model


def head_logits(model: PreTrainedModel, cnn: Sequence[Tensor], mask: Tensor | None = None) -> tuple[Tensor, Tensor]:
    """Return the logits of utterances of any lengths from their front-end frames; padding does not change them.

    Parameters
    ----------
    model : an architecture of :data:`HEADED`
    cnn : front-end frames of each utterance, computed without padding [shape=(n_frames, n_dims)]
    mask : frames to replace by the embedding of masked frames; values at padded frames do not matter
        [shape=(n_utterances, longest n_frames), bool]

    Returns
    -------
    logits : [shape=(n_utterances, longest n_frames, n_tokens)], or [shape=(n_utterances, n_classes)]
    n_frames : of each utterance [shape=(n_utterances,)]
    """
    whole: Any = model  # transformers declares no type for the parts of a model
    hidden, n_frames = encode_frames(whole.base_model, cnn, mask)
    if hasattr(whole, "lm_head"):
        return whole.lm_head(whole.dropout(hidden)), n_frames
    real = torch.arange(hidden.shape[1], device=n_frames.device) < n_frames[:, None]
    frames = whole.projector(hidden) * real[..., None]
    return whole.classifier(frames.sum(dim=1) / n_frames[:, None]), n_frames
