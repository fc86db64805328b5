"""Weights of the encoder within a checkpoint: found by their names, whatever heads lie beside them.

Checkpoints of classifiers, speaker models and the like often have heads of a class of their own, whose code is not run.
Their encoder is a standard one, and complete: it can be loaded alone. Where its weights have an unusual prefix, as
after training inside another module, they are found by the rest of their names.
"""

from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import torch
from safetensors import SafetensorError, safe_open
from torch import Tensor

from auscult.errors import CheckpointError
from auscult.models.checkpoint_format import CONFIG, SHARDS, WEIGHTS, shard_names

__all__ = ["find_prefix", "read_weights", "weight_files"]

# Prefixes that name a family, as transformers writes them.
_FAMILY_PREFIXES = (
    *("wav2vec2", "hubert", "wavlm", "data2vec_audio", "unispeech", "unispeech_sat", "sew", "sew_d"),
    *("wav2vec2_conformer", "wav2vec2_bert"),
)


def weight_files(folder: Path) -> dict[str, Path]:
    """Return the safetensors file of every weight of a checkpoint folder, by the weight's name.

    Raises
    ------
    CheckpointError
        A file is damaged.
    """
    names = [WEIGHTS] if (folder / WEIGHTS).is_file() else sorted(set(shard_names(folder / SHARDS)))
    files: dict[str, Path] = {}
    for path in (folder / name for name in names):
        with _reading(path), safe_open(path, framework="pt") as weights:
            files |= dict.fromkeys(weights.keys(), path)
    return files


def read_weights(files: Mapping[str, Path], prefix: str) -> dict[str, Tensor]:
    """Return the weights whose names begin with a prefix, by the rest of their names, in float32."""
    wanted: dict[Path, list[str]] = {}
    for name, path in files.items():
        if name.startswith(prefix):
            wanted.setdefault(path, []).append(name)
    found: dict[str, Tensor] = {}
    for path, names in wanted.items():
        with _reading(path), safe_open(path, framework="pt") as weights:
            found |= {name[len(prefix) :]: weights.get_tensor(name).to(torch.float32) for name in names}
    return found


def find_prefix(names: Collection[str], expected: Collection[str], usual: tuple[str, ...], folder: Path) -> str:
    """Return the prefix of the encoder's weights in a checkpoint.

    Parameters
    ----------
    names : of all weights of the checkpoint
    expected : names of the encoder's weights, without a prefix
    usual : prefixes that transformers gives them, the likeliest first
    folder : for messages

    Raises
    ------
    CheckpointError
        No weights end in the expected names; several encoders are equally complete; or the prefix names another family
        than the configuration.
    """
    endings = {name for name in expected if "." in name}
    found = Counter(name[: len(name) - len(ending)] for name in names for ending in _endings(name) if ending in endings)
    found = Counter({prefix: n for prefix, n in found.items() if prefix == "" or prefix.endswith(".")})
    if not found:
        raise CheckpointError(
            f"expected the weights of an encoder in {folder}, such as {usual[0]}{min(endings)}, found names that begin "
            f"with {_beginnings(names)}; check that {CONFIG} and weights belong together"
        )
    most = max(found.values())
    best = [prefix for prefix, n in found.items() if n == most]
    for prefix in usual:
        if prefix in best:
            return prefix
    if len(best) > 1:
        raise CheckpointError(
            f"expected one encoder in {folder}, found {len(best)}, with the prefixes {', '.join(sorted(best))}; save "
            "the one to analyse alone"
        )
    named = [part for part in best[0].split(".") if part in _FAMILY_PREFIXES and f"{part}." not in usual]
    if named:
        raise CheckpointError(
            f"expected weights under {usual[0]!r}, the prefix of the model type in {folder / CONFIG}, found "
            f"{best[0]!r}, which names another family ({named[0]}); correct model_type, or name the right folder"
        )
    return best[0]


def _endings(name: str) -> Iterable[str]:
    parts = name.split(".")
    return (".".join(parts[start:]) for start in range(len(parts)))


def _beginnings(names: Collection[str]) -> str:
    counted = Counter(".".join(name.split(".")[:2]) for name in names).most_common(4)
    return ", ".join(f"{beginning!r} ({n} weights)" for beginning, n in counted) or "nothing"


@contextmanager
def _reading(path: Path) -> Iterator[None]:
    """Turn errors of a missing or damaged weights file into one line that names it."""
    if not path.is_file():
        raise CheckpointError(f"expected {path} (listed in {SHARDS}), found no such file; fetch it again")
    try:
        yield
    except (SafetensorError, OSError) as error:
        raise CheckpointError(f"expected weights that load from {path}, found: {error}; fetch it again") from None
