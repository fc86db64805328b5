"""Extract one head of a model with several, as a checkpoint of a standard classifier.

Models for several slots of an intent have custom classes: an encoder, the mean over frames, and several linear heads
(for example Shen et al., 2025). Their code is never run, and need not be: transformers' own classifier computes the
same with an identity projection, because averaging over frames and a linear map commute.
"""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file, save_file

from auscult.errors import CheckpointError
from auscult.manifests import write_file
from auscult.models.checkpoint_format import CONFIG, WEIGHTS, read_config

__all__ = ["take_head"]

_ARCHITECTURES = {
    "wav2vec2": "Wav2Vec2ForSequenceClassification",
    "hubert": "HubertForSequenceClassification",
    "wavlm": "WavLMForSequenceClassification",
}
# Entries of a configuration that concern the other heads, their labels and the model's own code.
_DROPPED = ("auto_map", "custom_pipelines", "problem_type", "num_labels", "id2label", "label2id")


def take_head(folder: str | Path, *, name: str, labels: Sequence[str] | None = None) -> None:
    """Rewrite a checkpoint folder, in place, as a standard classifier with one of its heads; drop the other heads.

    The classifier's logits equal the head's output on the mean over frames, to rounding. The encoder's family follows
    from the prefix of its weights (``wav2vec2.``, ``hubert.``, ``wavlm.``), whatever ``model_type`` the configuration
    names.

    Parameters
    ----------
    folder : with ``config.json`` and ``model.safetensors``
    name : prefix of the head's weights, for example ``classifier1`` for ``classifier1.weight``
    labels : class names in the order of the head's rows; ``class0``, ``class1`` … by default

    Raises
    ------
    CheckpointError
        There is no encoder or no such head, the number of classes differs, the head does not read the encoder's
        dimensions, or there are weights of unknown use.
    """
    folder = Path(folder)
    settings, weights = read_config(folder), _weights(folder / WEIGHTS)
    prefix = next((prefix for prefix in _ARCHITECTURES if any(key.startswith(f"{prefix}.") for key in weights)), None)
    if prefix is None:
        raise CheckpointError(
            f"expected an encoder whose weights begin with {', '.join(f'{name}.' for name in _ARCHITECTURES)} in "
            f"{folder / WEIGHTS}, found none; a head can be taken from such models only"
        )
    encoder = {key: value for key, value in weights.items() if key.startswith(f"{prefix}.")}
    heads = _heads({key: value for key, value in weights.items() if key not in encoder}, folder)
    if name not in heads:
        found = ", ".join(f"{head} ({len(tensors['weight'])} classes)" for head, tensors in heads.items()) or "none"
        raise CheckpointError(f"expected a head {name!r} in {folder / WEIGHTS}, found {found}; name one of them")
    head = heads[name]
    n_classes, n_dims = head["weight"].shape
    if n_dims != settings.get("hidden_size", n_dims):
        raise CheckpointError(
            f"expected head {name!r} on the encoder's {settings['hidden_size']} dimensions in {folder / WEIGHTS}, "
            f"found it on {n_dims}; a head behind other layers cannot be taken"
        )
    labels = [f"class{index}" for index in range(n_classes)] if labels is None else list(labels)
    if len(labels) != n_classes:
        raise CheckpointError(
            f"expected {n_classes} labels, as many as head {name!r} of {folder / WEIGHTS} has classes, found "
            f"{len(labels)} ({', '.join(labels)}); give them in the order of its rows, or none"
        )
    _save(folder, encoder | _classifier(head), _config(settings, prefix, n_dims, labels))


def _weights(path: Path) -> dict[str, torch.Tensor]:
    try:
        return load_file(path)
    except (SafetensorError, OSError) as error:
        raise CheckpointError(f"expected weights that load from {path}, found: {error}; fetch it again") from None


def _heads(weights: Mapping[str, torch.Tensor], folder: Path) -> dict[str, dict[str, torch.Tensor]]:
    """Return the linear heads among weights, by name; refuse other weights, which may act between encoder and head."""
    heads: dict[str, dict[str, torch.Tensor]] = {}
    for key, value in sorted(weights.items()):
        name, _, part = key.rpartition(".")
        if "." in name or (part, value.ndim) not in (("weight", 2), ("bias", 1)) or name == "projector":
            raise CheckpointError(
                f"expected nothing but an encoder and linear heads in {folder / WEIGHTS}, found {key!r}; its effect on "
                "predictions is unknown, so no head can be taken"
            )
        heads.setdefault(name, {})[part] = value
    return {name: parts for name, parts in heads.items() if "weight" in parts}


def _classifier(head: Mapping[str, torch.Tensor]) -> dict[str, torch.Tensor]:
    weight = head["weight"]
    return {
        "projector.weight": torch.eye(weight.shape[1], dtype=weight.dtype),
        "projector.bias": torch.zeros(weight.shape[1], dtype=weight.dtype),
        "classifier.weight": weight,
        "classifier.bias": head.get("bias", torch.zeros(len(weight), dtype=weight.dtype)),
    }


def _config(settings: Mapping[str, Any], prefix: str, n_dims: int, labels: Sequence[str]) -> dict[str, Any]:
    kept = {key: value for key, value in settings.items() if key not in _DROPPED}
    return kept | {
        "model_type": prefix,
        "architectures": [_ARCHITECTURES[prefix]],
        "classifier_proj_size": n_dims,
        "use_weighted_layer_sum": False,
        "id2label": {str(index): label for index, label in enumerate(labels)},
        "label2id": {label: index for index, label in enumerate(labels)},
    }


def _save(folder: Path, weights: Mapping[str, torch.Tensor], config: Mapping[str, Any]) -> None:
    with write_file(folder / WEIGHTS) as partial:
        save_file({key: value.contiguous() for key, value in weights.items()}, partial, {"format": "pt"})
    with write_file(folder / CONFIG) as partial:
        partial.write_text(json.dumps(config, indent=2, sort_keys=True) + "\n", encoding="utf-8")
