"""Files of a checkpoint folder, read without loading a model: configuration, feature settings, names of weights."""

import json
import logging
from collections.abc import Mapping
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
    "is_speech_encoder",
    "read_config",
    "read_preprocessor",
    "shard_names",
    "state_preprocessor",
]

_log = logging.getLogger(__name__)

FAMILIES = (
    *("wav2vec2", "hubert", "wavlm", "data2vec-audio", "unispeech", "unispeech-sat", "sew", "sew-d"),
    *("wav2vec2-conformer", "wav2vec2-bert", "whisper"),
)
TEXT_FAMILIES = ("bert",)
TRANSLATOR_FAMILIES = ("speech_to_text", "seamless_m4t_v2")
CONFIG, VOCABULARY = "config.json", "vocab.json"
# Settings of the feature extractor: a file of their own, or (since transformers 5) an entry of the processor's file.
PREPROCESSOR, PROCESSOR = "preprocessor_config.json", "processor_config.json"
# The tokenizer of a text model, in the older or the newer format; one of the first two files has the vocabulary.
TOKENIZER = ("vocab.txt", "tokenizer.json", "tokenizer_config.json", "special_tokens_map.json")
# Optional files, copied along with configuration and weights.
ACCESSORIES = (
    *(PREPROCESSOR, PROCESSOR, VOCABULARY, *TOKENIZER),
    *("added_tokens.json", "sentencepiece.bpe.model", "generation_config.json"),
)
WEIGHTS, SHARDS = "model.safetensors", "model.safetensors.index.json"
# Settings of the feature extractor that decide what a model hears, and the extractor's class, by model type; any other
# speech encoder reads waveforms through convolutions, as wav2vec 2.0 does.
_WAVEFORMS = "Wav2Vec2FeatureExtractor", ("sampling_rate", "do_normalize")
_FILTERBANKS = {
    "whisper": ("WhisperFeatureExtractor", ("sampling_rate",)),
    "wav2vec2-bert": ("SeamlessM4TFeatureExtractor", ("sampling_rate",)),
    "seamless_m4t_v2": ("SeamlessM4TFeatureExtractor", ("sampling_rate",)),
    "speech_to_text": ("Speech2TextFeatureExtractor", ("sampling_rate", "num_mel_bins")),
}
_PICKLES = ("*.bin", "*.pt", "*.pth", "*.pkl", "*.ckpt", "*.h5", "*.msgpack")


def check_checkpoint(folder: str | Path, *, any_type: bool = False) -> dict[str, Any]:
    """Return the configuration of a checkpoint folder after checking that Auscult can load it.

    ``any_type`` accepts every ``model_type``, for folders that are rewritten later or have an architecture of our own.

    Raises
    ------
    CheckpointError
        There is no ``config.json``; it describes no speech encoder (:func:`is_speech_encoder`) and its ``model_type``
        is not among :data:`TEXT_FAMILIES` and :data:`TRANSLATOR_FAMILIES`; or the weights are missing, incomplete or
        quantised, or exist only as a pickle, which could run code when loaded.
    """
    folder = Path(folder)
    config = read_config(folder)
    known = FAMILIES + TEXT_FAMILIES + TRANSLATOR_FAMILIES
    if not any_type and config.get("model_type") not in known and not is_speech_encoder(config):
        raise CheckpointError(
            f"expected one of the model types {', '.join(known)}, or conv_kernel, conv_stride and num_hidden_layers of "
            f"another speech encoder in {folder / CONFIG}, found {config.get('model_type')!r}; convert the "
            "checkpoint, choose another, or bring its states as arrays"
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


def is_speech_encoder(config: Mapping[str, Any]) -> bool:
    """Return whether a configuration describes transformer blocks behind convolutions that read the waveform."""
    kernels, strides = config.get("conv_kernel"), config.get("conv_stride")
    convolutions = isinstance(kernels, list) and isinstance(strides, list) and len(kernels) == len(strides) > 0
    return config.get("model_type") in FAMILIES or (convolutions and isinstance(config.get("num_hidden_layers"), int))


def read_preprocessor(folder: Path, stated: Mapping[str, Any] | None = None) -> dict[str, Any]:
    """Return the settings of a checkpoint's feature extractor: those in its files, then those that are stated.

    The settings are read from ``feature_extractor`` in ``processor_config.json`` (transformers 5), or else from
    ``preprocessor_config.json``, in the order of transformers. Text models have none.

    Parameters
    ----------
    folder : checkpoint folder with a ``config.json``
    stated : settings that the files lack, or that replace theirs: ``sampling_rate`` in Hz, ``do_normalize``

    Raises
    ------
    CheckpointError
        A setting that decides what the model hears is neither in the files nor stated, has no valid value, or belongs
        to the feature extractor of another architecture.
    """
    config = read_config(folder)
    settings = {**_saved_settings(folder), **(stated or {})}
    if config.get("model_type") in TEXT_FAMILIES:
        return settings
    extractor, deciding = _FILTERBANKS.get(str(config.get("model_type")), _WAVEFORMS)
    named = settings.get("feature_extractor_type", extractor)
    if named != extractor:
        raise CheckpointError(
            f"expected settings of a {extractor} for {config.get('model_type')!r} in {folder}, found those of a "
            f"{named}; copy {PREPROCESSOR} from the model's source"
        )
    absent = [name for name in deciding if name not in settings]
    if absent:
        example = ", ".join(f"{name}: {_EXAMPLES[name]}" for name in absent)
        raise CheckpointError(
            f"expected the feature extractor's {' and '.join(absent)} in {folder} ({PROCESSOR} or {PREPROCESSOR}), "
            f"found {'the file without' if settings else 'no such file'}; copy the file from the model's source, or "
            f"state what the model was trained with: preprocessor: {{{example}}}"
        )
    _check_settings(settings, folder)
    return settings


def state_preprocessor(folder: Path, stated: Mapping[str, Any]) -> None:
    """Write stated settings of the feature extractor into a checkpoint folder, over those of its files."""
    saved = _saved_settings(folder)
    changed = {name: saved[name] for name in stated if name in saved and saved[name] != stated[name]}
    if changed:
        _log.warning("the settings %s of the checkpoint's files are replaced by the stated %s", changed, dict(stated))
    path = folder / PROCESSOR
    whole = _read_json(path) if path.is_file() else {}
    if isinstance(whole.get("feature_extractor"), dict):
        whole = whole | {"feature_extractor": {**saved, **stated}}
    else:
        path, whole = folder / PREPROCESSOR, {**saved, **stated}
    path.write_text(json.dumps(whole, indent=1, sort_keys=True) + "\n", encoding="utf-8")


_EXAMPLES = {"sampling_rate": "16000", "do_normalize": "true or false", "num_mel_bins": "80"}


def _saved_settings(folder: Path) -> dict[str, Any]:
    older = _read_json(folder / PREPROCESSOR) if (folder / PREPROCESSOR).is_file() else {}
    newer = _read_json(folder / PROCESSOR).get("feature_extractor") if (folder / PROCESSOR).is_file() else None
    if not isinstance(newer, dict):
        return older
    differing = [name for name in _EXAMPLES if name in older and name in newer and older[name] != newer[name]]
    for name in differing:
        _log.warning(
            "%s: %s is %s in %s and %s in %s; the former counts, as in transformers",
            *(folder, name, newer[name], PROCESSOR, older[name], PREPROCESSOR),
        )
    return newer


def _check_settings(settings: Mapping[str, Any], folder: Path) -> None:
    rate, normalise = settings["sampling_rate"], settings.get("do_normalize", False)
    wrong = []
    if isinstance(rate, bool) or not isinstance(rate, int) or rate < 1:
        wrong.append(f"sampling_rate {rate!r} (a whole number of Hz)")
    if not isinstance(normalise, bool):
        wrong.append(f"do_normalize {normalise!r} (true or false)")
    if wrong:
        raise CheckpointError(
            f"expected valid settings of the feature extractor in {folder}, found {' and '.join(wrong)}; correct them"
        )


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
