"""Files of a checkpoint folder, read without loading a model: configuration, feature settings, names of weights."""

import json
from pathlib import Path
from typing import Any

from auscult.errors import CheckpointError

__all__ = [
    "FAMILIES",
    "TEXT_FAMILIES",
    "TRANSLATOR_FAMILIES",
    "CONFIG",
    "PREPROCESSOR",
    "PROCESSOR",
    "VOCABULARY",
    "TOKENIZER",
    "ACCESSORIES",
    "WEIGHTS",
    "SHARDS",
    "check_checkpoint",
    "read_config",
    "read_preprocessor",
    "shard_names",
]

FAMILIES = ("wav2vec2", "hubert", "wavlm", "data2vec-audio", "wav2vec2-bert", "whisper")
TEXT_FAMILIES = ("bert",)
TRANSLATOR_FAMILIES = ("speech_to_text", "seamless_m4t_v2")
CONFIG, VOCABULARY = "config.json", "vocab.json"
# Settings of the feature extractor: a file of their own, or (since transformers 5) an entry of the processor's file.
PREPROCESSOR, PROCESSOR = "preprocessor_config.json", "processor_config.json"
# The tokenizer of a text model, in the older or the newer format; one of the first two files has the vocabulary.
TOKENIZER = ("vocab.txt", "tokenizer.json", "tokenizer_config.json", "special_tokens_map.json")
# Optional files, copied along with configuration and weights.
ACCESSORIES = (PREPROCESSOR, PROCESSOR, VOCABULARY, *TOKENIZER, "sentencepiece.bpe.model")
WEIGHTS, SHARDS = "model.safetensors", "model.safetensors.index.json"
_PICKLES = ("*.bin", "*.pt", "*.pth", "*.pkl", "*.ckpt", "*.h5", "*.msgpack")


def check_checkpoint(folder: str | Path, *, any_type: bool = False) -> dict[str, Any]:
    """Return the configuration of a checkpoint folder after checking that Auscult can load it.

    ``any_type`` accepts every ``model_type``, for folders that are rewritten later or have an architecture of our own.

    Raises
    ------
    CheckpointError
        There is no ``config.json``, its ``model_type`` is not among :data:`FAMILIES`, :data:`TEXT_FAMILIES` and
        :data:`TRANSLATOR_FAMILIES`, or the weights are missing, incomplete or quantised, or exist only as a pickle,
        which could run code when loaded.
    """
    folder = Path(folder)
    config = read_config(folder)
    known = FAMILIES + TEXT_FAMILIES + TRANSLATOR_FAMILIES
    if not any_type and config.get("model_type") not in known:
        raise CheckpointError(
            f"expected one of the model types {', '.join(known)} in {folder / CONFIG}, "
            f"found {config.get('model_type')!r}; convert the checkpoint or choose another"
        )
    if config.get("quantization_config"):
        raise CheckpointError(f"expected unquantised weights in {folder}, found a quantization_config in {CONFIG}")
    if (folder / WEIGHTS).is_file():
        return config
    if (folder / SHARDS).is_file():
        _require_shards(folder)
        return config
    pickles = sorted(path.name for pattern in _PICKLES for path in folder.glob(pattern))
    if pickles:
        raise CheckpointError(
            f"expected {folder / WEIGHTS}, found the weights only as a pickle ({pickles[0]}), which could run code; "
            "use a revision with safetensors, or convert it where you trust it"
        )
    raise CheckpointError(f"expected {folder / WEIGHTS}, found no weights; download or copy the checkpoint again")


def read_config(folder: Path) -> dict[str, Any]:
    """Return the content of a checkpoint folder's ``config.json``; raise :class:`CheckpointError` without one."""
    if not (folder / CONFIG).is_file():
        raise CheckpointError(f"expected {folder / CONFIG}, found no such file; give a Hugging Face checkpoint folder")
    return _read_json(folder / CONFIG)


def read_preprocessor(folder: Path) -> dict[str, Any]:
    """Return the settings of a checkpoint's feature extractor, empty if it has none.

    They are read from ``feature_extractor`` in ``processor_config.json``, or else from ``preprocessor_config.json``, in
    the order of transformers.
    """
    if (folder / PROCESSOR).is_file():
        settings = _read_json(folder / PROCESSOR).get("feature_extractor")
        if isinstance(settings, dict):
            return settings
    return _read_json(folder / PREPROCESSOR) if (folder / PREPROCESSOR).is_file() else {}


def shard_names(index: Path) -> list[str]:
    """Return the names of the shards that a safetensors index lists; raise :class:`CheckpointError` for other paths."""
    weight_map = _read_json(index).get("weight_map")
    if not isinstance(weight_map, dict):
        raise CheckpointError(f"expected a weight_map of tensors to files in {index}, found none; fetch it again")
    names = list(weight_map.values())
    for name in names:
        if not isinstance(name, str) or Path(name).name != name or not name.endswith(".safetensors"):
            raise CheckpointError(
                f"expected plain names of safetensors files in {index}, found {name!r}; do not use it"
            )
    return names


def _require_shards(folder: Path) -> None:
    for name in sorted(set(shard_names(folder / SHARDS))):
        if not (folder / name).is_file():
            raise CheckpointError(f"expected {folder / name} (listed in {SHARDS}), found no such file; fetch it again")


def _read_json(path: Path) -> dict[str, Any]:
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise CheckpointError(f"expected JSON in {path}, found: {error}; fetch it again") from None
    if not isinstance(content, dict):
        raise CheckpointError(f"expected a JSON object in {path}, found {type(content).__name__}; fetch it again")
    return content
