"""Build small speech encoders in the original architectures: HuBERT and wav2vec 2.0 with few and narrow layers."""

from collections.abc import Mapping
from math import prod
from typing import Any, Literal

import torch
from transformers import HubertConfig, HubertModel, PreTrainedModel, Wav2Vec2Config, Wav2Vec2Model

from auscult.errors import ConfigError
from auscult.models.frames import FrameTiming

__all__ = ["Recipe", "RECIPES", "DEFAULT_ARCHITECTURE", "complete_architecture", "build_encoder", "encoder_timing"]

Recipe = Literal["masked_prediction", "contrastive"]
# Configuration and encoder by recipe; Any: mypy reads the type of a pair of classes as their common metaclass.
RECIPES: dict[str, tuple[Any, Any]] = {
    "masked_prediction": (HubertConfig, HubertModel),
    "contrastive": (Wav2Vec2Config, Wav2Vec2Model),
}
DEFAULT_ARCHITECTURE: dict[str, Any] = {
    "conv_dim": (32, 32, 64, 64, 64, 64, 64),
    "conv_kernel": (10, 3, 3, 3, 3, 2, 2),
    "conv_stride": (5, 2, 2, 2, 2, 2, 2),
    "hidden": 128,
    "layers": 4,
    "heads": 4,
    "feed_forward": 512,
    "position_kernel": 32,
    "position_groups": 4,
    "dropout": 0.0,
    "codes": 32,
}


def build_encoder(recipe: Recipe, architecture: Mapping[str, Any], seed: int) -> PreTrainedModel:
    """Build the untrained encoder of a recipe: a ``HubertModel`` or a ``Wav2Vec2Model``, weights drawn from ``seed``.

    The front end normalises over time in its first layer (group norm), as in the base-size models. Layer-drop is off:
    every layer is trained at every step. The global random state is unchanged.

    Parameters
    ----------
    recipe : ``"masked_prediction"`` (HuBERT) or ``"contrastive"`` (wav2vec 2.0)
    architecture : sizes that differ from :data:`DEFAULT_ARCHITECTURE`; ``codes`` is the number of entries in each of
        the two codebooks of the contrastive recipe's quantiser
    seed : of the weights

    Raises
    ------
    ConfigError
        A key is unknown, or sizes do not fit together.
    """
    config_class, model_class = RECIPES[recipe]
    sizes = complete_architecture(architecture)
    quantiser = {"num_codevectors_per_group": sizes["codes"], "codevector_dim": 128, "proj_codevector_dim": 128}
    config = config_class(**_hugging_face_names(sizes), **(quantiser if recipe == "contrastive" else {}))
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        return model_class(config)


def encoder_timing(architecture: Mapping[str, Any]) -> FrameTiming:
    """Return the receptive field and hop of an encoder's frames, in samples."""
    sizes = complete_architecture(architecture)
    return FrameTiming.from_convolutions(sizes["conv_kernel"], sizes["conv_stride"])


def complete_architecture(architecture: Mapping[str, Any]) -> dict[str, Any]:
    """Return the sizes of an architecture, completed by defaults; raise :class:`ConfigError` if they do not fit."""
    unknown = [key for key in architecture if key not in DEFAULT_ARCHITECTURE]
    if unknown:
        raise ConfigError(
            f"expected sizes among {', '.join(DEFAULT_ARCHITECTURE)} in 'architecture', found "
            f"{unknown[0]!r}; remove or correct it"
        )
    sizes = {**DEFAULT_ARCHITECTURE, **architecture}
    convolutions = [tuple(sizes[key]) for key in ("conv_dim", "conv_kernel", "conv_stride")]
    sizes.update(zip(("conv_dim", "conv_kernel", "conv_stride"), convolutions))
    if len({len(values) for values in convolutions}) != 1:
        raise ConfigError(
            "expected lists of equal length for conv_dim, conv_kernel and conv_stride in 'architecture', found "
            f"{', '.join(str(len(values)) for values in convolutions)} entries; give one of each per convolution"
        )
    hop = prod(sizes["conv_stride"])
    if hop < 80 or hop % 2:  # units are clustered on spectra half a hop to either side, too
        raise ConfigError(
            f"expected strides that multiply to an even number of at least 80 samples (5 ms), found {hop}; "
            "320 (20 ms) is the field's standard: conv_stride [5, 2, 2, 2, 2, 2, 2]"
        )
    for divisor in ("heads", "position_groups"):
        if sizes["hidden"] % sizes[divisor]:
            raise ConfigError(
                f"expected 'hidden' to be a multiple of '{divisor}' in 'architecture', found {sizes['hidden']} and "
                f"{sizes[divisor]}; change one of them"
            )
    return sizes


def _hugging_face_names(sizes: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "conv_dim": sizes["conv_dim"],
        "conv_kernel": sizes["conv_kernel"],
        "conv_stride": sizes["conv_stride"],
        "feat_extract_norm": "group",
        "hidden_size": sizes["hidden"],
        "num_hidden_layers": sizes["layers"],
        "num_attention_heads": sizes["heads"],
        "intermediate_size": sizes["feed_forward"],
        "num_conv_pos_embeddings": sizes["position_kernel"],
        "num_conv_pos_embedding_groups": sizes["position_groups"],
        "hidden_dropout": sizes["dropout"],
        "feat_proj_dropout": sizes["dropout"],
        "attention_dropout": 0.0,
        "activation_dropout": 0.0,
        "layerdrop": 0.0,
        "mask_time_prob": 0.08,
        "mask_time_length": 10,
    }
