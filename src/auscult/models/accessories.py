"""The small files beside the weights of a checkpoint, checked before anything reads them.

Configuration, feature extractor and tokenizer are JSON from anywhere. A file that nests without end, is far too long or
holds values of other kinds makes the libraries that read it fail in ways of their own; here it is one clear error.
"""

import json
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from auscult.corpora.faults import Faults
from auscult.errors import CheckpointError
from auscult.models.checkpoint_format import ACCESSORIES, CONFIG, PREPROCESSOR, PROCESSOR, SHARDS, VOCABULARY

__all__ = ["check_accessories"]

# Tokenizers of 250,000 tokens have 20 MiB; parsed JSON takes about ten times its length.
_MAX_BYTES = 64 << 20
_MAX_RATE_HZ = 384_000
_TOKENIZERS = ("tokenizer_config.json", "special_tokens_map.json")
_TOKENS = (
    *("bos_token", "eos_token", "unk_token", "pad_token", "mask_token", "sep_token", "cls_token"),
    "word_delimiter_token",
)
_WHOLE = (
    *("num_hidden_layers", "num_attention_heads", "hidden_size", "intermediate_size", "vocab_size", "pad_token_id"),
    *("encoder_layers", "decoder_layers", "d_model", "num_mel_bins"),
)
_CONVOLUTIONS = ("conv_dim", "conv_kernel", "conv_stride")
# Larger models than any of speech, so that a mistyped number does not ask for terabytes.
_MAX_LAYERS, _MAX_SIZE, _MAX_WEIGHTS = 1000, 1 << 20, 1 << 38


def check_accessories(folder: str | Path) -> None:
    """Check the JSON files of a checkpoint folder; those that are not there are not asked for.

    Raises
    ------
    CheckpointError
        A file cannot be read, is no JSON object or too long, or a value that decides how the model is read is of
        another kind; all such files are named together.
    """
    folder = Path(folder)
    names = [name for name in (CONFIG, SHARDS, *dict.fromkeys(ACCESSORIES)) if name.endswith(".json")]
    Faults("files of the checkpoint").each(_check, [folder / name for name in names if (folder / name).is_file()])


def _check(path: Path) -> None:
    content = _read(path)
    if path.name == CONFIG:
        _check_config(content, path)
    elif path.name == PREPROCESSOR:
        _check_extractor(content, path)
    elif path.name == PROCESSOR:
        extractor = content.get("feature_extractor", {})
        _refuse(path, "feature_extractor", extractor, "an object", isinstance(extractor, Mapping))
        _check_extractor(extractor, path)
    elif path.name == VOCABULARY:
        _check_vocabulary(content, path)
    elif path.name in _TOKENIZERS:
        for name in _TOKENS:
            value = content.get(name)
            text = value.get("content") if isinstance(value, Mapping) else value
            _refuse(path, name, value, "a token", text is None or isinstance(text, str))
        for name in ("target_lang", "tokenizer_class"):
            value = content.get(name)
            _refuse(path, name, value, "a name", value is None or isinstance(value, str))


def _read(path: Path) -> dict[str, Any]:
    try:
        n_bytes = path.stat().st_size
        if n_bytes > _MAX_BYTES:
            raise CheckpointError(
                f"expected at most {_MAX_BYTES >> 20} MiB of JSON in {path}, found {n_bytes >> 20}; fetch it again"
            )
        content = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError) as error:
        raise CheckpointError(f"expected JSON in {path}, found: {error}; fetch it again") from None
    if not isinstance(content, dict):
        raise CheckpointError(f"expected a JSON object in {path}, found {type(content).__name__}; fetch it again")
    return content


def _check_config(config: Mapping[str, Any], path: Path) -> None:
    kind = config.get("model_type")
    _refuse(path, "model_type", kind, "a name", kind is None or isinstance(kind, str))
    for name in _WHOLE:
        value, highest = config.get(name), _MAX_LAYERS if name.endswith(("layers", "heads")) else _MAX_SIZE
        fits = value is None or (_is_whole(value) and -1 <= value <= highest)
        _refuse(path, name, value, f"a whole number up to {highest}", fits)
    for name in _CONVOLUTIONS:
        value = config.get(name)
        fits = value is None or (isinstance(value, list) and all(_is_whole(each) and each > 0 for each in value))
        _refuse(path, name, value, "whole numbers above 0", fits)
        _refuse(path, name, value, "plausible sizes", value is None or max(value, default=1) <= _MAX_SIZE)
    n_layers, size = (config.get(name) or 0 for name in ("num_hidden_layers", "hidden_size"))
    n_weights = n_layers * size * (4 * size + 2 * (config.get("intermediate_size") or 4 * size))
    _refuse(path, "hidden_size", size, f"a model of at most {_MAX_WEIGHTS} weights", n_weights <= _MAX_WEIGHTS)


def _check_extractor(settings: Mapping[str, Any], path: Path) -> None:
    rate, normalise = settings.get("sampling_rate"), settings.get("do_normalize")
    in_range = rate is None or (_is_whole(rate) and 0 < rate <= _MAX_RATE_HZ)
    _refuse(path, "sampling_rate", rate, "a whole number of Hz", in_range)
    _refuse(path, "do_normalize", normalise, "true or false", normalise is None or isinstance(normalise, bool))
    kind = settings.get("feature_extractor_type")
    _refuse(path, "feature_extractor_type", kind, "a name", kind is None or isinstance(kind, str))


def _check_vocabulary(content: Mapping[str, Any], path: Path) -> None:
    nested = [tokens for tokens in content.values() if isinstance(tokens, Mapping)]
    if nested and len(nested) < len(content):
        raise CheckpointError(
            f"expected tokens, or languages with tokens, in {path}, found both in one object; fetch it again"
        )
    for tokens in nested or [content]:
        _check_indices(tokens.items(), path)


def _check_indices(tokens: Iterable[tuple[str, Any]], path: Path) -> None:
    for token, index in tokens:
        _refuse(path, repr(token)[:40], index, "an index from 0", _is_whole(index) and 0 <= index <= _MAX_SIZE)


def _is_whole(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)


def _refuse(path: Path, name: str, found: Any, expected: str, fits: bool) -> None:
    if not fits:
        raise CheckpointError(f"expected {expected} as {name} in {path}, found {repr(found)[:80]}; fetch it again")
