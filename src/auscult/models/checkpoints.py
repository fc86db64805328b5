"""Checkpoint folders: a model's configuration and all of its weights in safetensors, sealed, and loaded whole or not.

Nothing in a checkpoint can run code: weights are read from safetensors only, code that a folder brings along is never
looked at, and the attention implementation is ours to choose, not the configuration's.
"""

import json
import shutil
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import torch
import transformers
from safetensors import SafetensorError
from safetensors.torch import load_file, save_file
from transformers import AutoConfig, AutoModel, PreTrainedModel, PreTrainedTokenizerBase

from auscult.errors import CheckpointError
from auscult.manifests import Manifest, build_folder, check_folder, digest, write_file
from auscult.models.checkpoint_format import (
    ACCESSORIES,
    CONFIG,
    PREPROCESSOR,
    SHARDS,
    VOCABULARY,
    WEIGHTS,
    check_checkpoint,
    shard_names,
)
from auscult.models.heads import take_head

__all__ = [
    "check_checkpoint",
    "load_encoder",
    "load_model",
    "save_checkpoint",
    "import_checkpoint",
    "initialise_checkpoint",
    "merge_shards",
]

_UNUSED_AT_INFERENCE = ("masked_spec_embed", "position_ids")


def load_encoder(folder: str | Path) -> PreTrainedModel:
    """Load the encoder of a sealed checkpoint folder, in float32, on the CPU, in evaluation mode.

    The architecture named in ``config.json`` is loaded with its heads, so that every weight has a place; its encoder
    is returned: the base model, and of Whisper the encoder alone.

    Raises
    ------
    ManifestError
        The folder is unfinished or its bytes have changed.
    CheckpointError
        Weights are missing, left over or of another shape.
    """
    check_folder(folder, remedy="delete the checkpoint folder and fetch, import or train it again")
    model = load_model(folder)
    encoder = model.base_model
    return encoder.encoder if model.config.model_type == "whisper" else encoder


def load_model(folder: str | Path) -> PreTrainedModel:
    """Load a checkpoint folder into the architecture that its configuration names, heads included, without seal.

    Only ``masked_spec_embed``, used by masking in training, and ``position_ids``, which count from 0, may be missing or
    left over. Raises as :func:`load_encoder`.
    """
    folder = Path(folder)
    check_checkpoint(folder)
    config = read_architecture_config(folder)
    with _quiet():
        try:
            model, report = _architecture(config).from_pretrained(
                folder,
                config=config,
                output_loading_info=True,
                ignore_mismatched_sizes=True,
                use_safetensors=True,
                local_files_only=True,
                trust_remote_code=False,
                dtype=torch.float32,
                attn_implementation=_attention(config),
            )
        except (SafetensorError, RuntimeError, ValueError, OSError) as error:
            raise CheckpointError(f"expected weights that load from {folder}, found: {error}; fetch it again") from None
    require_all(report, folder, type(model).__name__)
    return model.eval()


def save_checkpoint(
    folder: str | Path,
    model: PreTrainedModel,
    recipe: Mapping[str, Any],
    parents: Mapping[str, str] | None = None,
    do_normalize: bool = True,
    vocabulary: str | None = None,
    tokenizer: PreTrainedTokenizerBase | None = None,
) -> Manifest:
    """Seal a model as a checkpoint folder.

    ``do_normalize`` says whether it hears waveforms of unit variance, ``vocabulary`` is the text of a recogniser's
    ``vocab.json``, ``tokenizer`` that of a model of text, which hears nothing.
    """
    with build_folder(folder, recipe, parents) as partial:
        _save(model, partial)
        if vocabulary is not None:
            (partial / VOCABULARY).write_text(vocabulary, encoding="utf-8")
        if tokenizer is not None:
            tokenizer.save_pretrained(partial)
        else:
            settings = {"do_normalize": do_normalize, "sampling_rate": 16000}
            (partial / PREPROCESSOR).write_text(json.dumps(settings, indent=1) + "\n")
    return check_folder(folder)


def import_checkpoint(folder: str | Path, *, source: str | Path, head: Mapping[str, Any] | None = None) -> Manifest:
    """Copy a checkpoint from a local folder, load it once to see that nothing is missing, and seal the copy.

    Of a model with several heads, ``head`` says which one to take: ``name`` and perhaps ``labels``, as of
    :func:`auscult.models.heads.take_head`.

    Raises
    ------
    CheckpointError
        The source is not a checkpoint that loads whole, or has no such head.
    """
    source = Path(source)
    check_checkpoint(source, any_type=head is not None)
    recipe = {"imported": source.name, "config": digest(source / CONFIG)} | ({"head": dict(head)} if head else {})
    with build_folder(folder, recipe) as partial:
        for name in (CONFIG, *ACCESSORIES, WEIGHTS):
            if (source / name).is_file():
                shutil.copyfile(source / name, partial / name)
        if not (partial / WEIGHTS).is_file():
            merge_shards(source, partial / WEIGHTS)
        try:
            if head:
                take_head(partial, **head)
            load_model(partial)
        except CheckpointError as error:  # tell it of the folder that the user knows
            raise CheckpointError(str(error).replace(str(partial), str(source))) from None
    return check_folder(folder)


def initialise_checkpoint(folder: str | Path, *, like: str | Path, seed: int) -> Manifest:
    """Seal the untrained twin of a checkpoint: the same configuration, fresh weights by its own initialisation.

    The random state of the caller is left as it was.
    """
    like = Path(like)
    parent = check_folder(like)
    config = read_architecture_config(like)
    with torch.random.fork_rng(devices=[]), _quiet():
        torch.manual_seed(seed)
        model = _architecture(config)._from_config(config, attn_implementation=_attention(config), dtype=torch.float32)
    with build_folder(folder, {"untrained": True, "seed": seed}, {"like": parent.sha256}) as partial:
        for name in ACCESSORIES:
            if (like / name).is_file():
                shutil.copyfile(like / name, partial / name)
        _save(model, partial)
    return check_folder(folder)


def merge_shards(source: Path, path: Path) -> None:
    """Write the shards listed in a folder's ``model.safetensors.index.json`` as one safetensors file.

    Raises
    ------
    CheckpointError
        A listed shard is missing, or its name leads out of the folder.
    """
    weights: dict[str, torch.Tensor] = {}
    for name in sorted(set(shard_names(source / SHARDS))):
        if not (source / name).is_file():
            raise CheckpointError(f"expected {source / name} (listed in {SHARDS}), found no such file; fetch it again")
        try:
            weights |= load_file(source / name)
        except SafetensorError as error:
            raise CheckpointError(
                f"expected whole tensors in {source / name}, found: {error}; fetch it again"
            ) from None
    with write_file(path) as partial:
        save_file(weights, partial, metadata={"format": "pt"})


def require_all(report: Mapping[str, Any], folder: Path, architecture: str) -> None:
    missing, unexpected = (
        sorted(key for key in report[kind] if key.rsplit(".", 1)[-1] not in _UNUSED_AT_INFERENCE)
        for kind in ("missing_keys", "unexpected_keys")
    )
    mismatched = sorted(f"{key} {list(found)} for {list(want)}" for key, found, want in report["mismatched_keys"])
    for what, keys in (("missing", missing), ("unexpected", unexpected), ("mismatched", mismatched)):
        if keys:
            first = ", ".join(keys[:3]) + (" …" if len(keys) > 3 else "")
            raise CheckpointError(
                f"expected every weight of {architecture} in {folder / WEIGHTS}, found {len(keys)} {what}: {first}; "
                f"check that {CONFIG} and weights belong together"
            )


def read_architecture_config(folder: Path) -> transformers.PretrainedConfig:
    try:
        with _quiet():
            return AutoConfig.from_pretrained(folder, trust_remote_code=False, local_files_only=True)
    except Exception as error:  # the configuration classes raise errors of many unrelated kinds
        raise CheckpointError(f"expected a valid configuration in {folder / CONFIG}, found: {error}") from None


def _architecture(config: transformers.PretrainedConfig) -> type[PreTrainedModel]:
    named = getattr(transformers, (config.architectures or [""])[0] or "", None)
    if isinstance(named, type) and issubclass(named, PreTrainedModel) and named.config_class is type(config):
        return named
    return AutoModel._model_mapping[type(config)]


def _attention(config: transformers.PretrainedConfig) -> str:
    return "eager" if config.model_type == "wavlm" else "sdpa"


def _save(model: PreTrainedModel, partial: Path) -> None:
    with _quiet():
        model.save_pretrained(partial, max_shard_size="1000GB")


@contextmanager
def _quiet() -> Iterator[None]:
    """Silence the loader's own report and bars: what matters in them is raised as an error."""
    logging = transformers.utils.logging
    verbosity, bars = logging.get_verbosity(), logging.is_progress_bar_enabled()
    logging.set_verbosity_error()
    logging.disable_progress_bar()
    try:
        yield
    finally:
        logging.set_verbosity(verbosity)
        if bars:
            logging.enable_progress_bar()
