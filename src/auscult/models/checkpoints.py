"""Checkpoint folders: save, import and load a model; loading fails unless every weight has its place.

Folders that Auscult makes are sealed: a manifest holds the hash of each file, which is checked before loading. A plain
Hugging Face folder has no manifest and opens all the same. Nothing in a checkpoint can run code: weights are read from
safetensors only, Python files in the folder are never imported, and Auscult chooses the attention implementation,
whatever the configuration names.
"""

import json
import logging
import os
import shutil
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TypeVar, cast

import torch
import transformers
from safetensors import SafetensorError
from safetensors.torch import load_file, save_file
from transformers import CONFIG_MAPPING, AutoConfig, AutoModel, PreTrainedModel, PreTrainedTokenizerBase
from transformers.models.whisper.modeling_whisper import WhisperEncoder

from auscult.errors import CheckpointError
from auscult.manifests import Manifest, build_folder, check_folder, digest, write_file
from auscult.models.checkpoint_format import (
    ACCESSORIES,
    CONFIG,
    FAMILIES,
    PREPROCESSOR,
    SHARDS,
    TEXT_FAMILIES,
    TRANSLATOR_FAMILIES,
    VOCABULARY,
    WEIGHTS,
    check_checkpoint,
    read_config,
    read_preprocessor,
    shard_names,
    state_preprocessor,
)
from auscult.models.encoder_weights import find_prefix, read_weights, weight_files
from auscult.models.heads import take_head
from auscult.models.languages import take_language
from auscult.models.seals import check_seal, checkpoint_digest

__all__ = [
    "check_checkpoint",
    "check_complete",
    "load_encoder",
    "load_model",
    "load_whole",
    "read_architecture_config",
    "save_checkpoint",
    "import_checkpoint",
    "initialise_checkpoint",
    "merge_shards",
    "quiet",
]

# masked_spec_embed is used by masking in training alone, position_ids count from 0.
_UNUSED_AT_INFERENCE = ("masked_spec_embed", "position_ids")
_log = logging.getLogger(__name__)
_Architecture = TypeVar("_Architecture", bound=PreTrainedModel)


def load_encoder(folder: str | Path) -> PreTrainedModel:
    """Load the encoder of a checkpoint folder, sealed or plain, in float32, on the CPU, in evaluation mode.

    Every weight of the encoder must be there. Heads beside it, standard or not, are not read: they cannot change the
    encoder's states. A prefix that transformers does not write is accepted, and logged, if it is the only one.

    Raises
    ------
    ManifestError
        The folder is sealed and a file has changed, or the folder is unfinished.
    CheckpointError
        The folder is no checkpoint; the encoder's weights are missing, unexpected or of another shape; or their prefix
        is that of another family.
    """
    check_seal(folder)
    return _load_encoder(Path(folder))


def load_model(folder: str | Path) -> PreTrainedModel:
    """Load a checkpoint folder into the architecture that its configuration names, heads included; hashes unchecked.

    Raises
    ------
    CheckpointError
        The folder is no checkpoint, or weights are missing, unexpected or of another shape.
    """
    folder = Path(folder)
    check_checkpoint(folder)
    _require_known(folder)
    config = read_architecture_config(folder)
    return load_whole(_architecture(config), folder, config, attention=_attention(config))


def load_whole(
    architecture: type[_Architecture],
    folder: Path,
    config: transformers.PretrainedConfig,
    *,
    attention: str | None = None,
    allow_unexpected: bool = False,
    weights: Mapping[str, torch.Tensor] | None = None,
) -> _Architecture:
    """Load the weights of a folder into an architecture, in float32, on the CPU, in evaluation mode.

    Only ``masked_spec_embed`` and ``position_ids`` may be missing or left over.

    Parameters
    ----------
    architecture : the class to build
    folder : with weights in safetensors
    config : of the architecture, as returned by :func:`read_architecture_config`
    attention : attention implementation of transformers; its own choice by default
    allow_unexpected : accept weights that the architecture has no place for
    weights : tensors by name to load in place of the folder's own

    Raises
    ------
    CheckpointError
        The weights cannot be read, or are missing, unexpected or of another shape.
    """
    chosen = {} if attention is None else {"attn_implementation": attention}
    loader: Any = architecture  # with output_loading_info, from_pretrained returns a pair
    with quiet():
        try:
            model, report = loader.from_pretrained(
                folder if weights is None else None,
                config=config,
                state_dict=weights,
                output_loading_info=True,
                ignore_mismatched_sizes=True,
                use_safetensors=True,
                local_files_only=True,
                trust_remote_code=False,
                dtype=torch.float32,
                **chosen,
            )
        except (SafetensorError, RuntimeError, ValueError, OSError) as error:
            raise CheckpointError(f"expected weights that load from {folder}, found: {error}; fetch it again") from None
    if allow_unexpected:
        report = {**report, "unexpected_keys": []}
    _require_all(report, folder, type(model).__name__)
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
    """Save a model as a sealed checkpoint folder; return its manifest.

    Parameters
    ----------
    folder : the folder to make; an existing folder is replaced
    model : saved with its heads
    recipe, parents : for the manifest, see :func:`auscult.manifests.build_folder`
    do_normalize : whether the model expects waveforms of zero mean and unit variance
    vocabulary : text of ``vocab.json``, for a model with a CTC head
    tokenizer : saved in place of feature settings, for a model of text
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


def import_checkpoint(
    folder: str | Path,
    *,
    source: str | Path,
    head: Mapping[str, Any] | None = None,
    preprocessor: Mapping[str, Any] | None = None,
    language: str | None = None,
) -> Manifest:
    """Copy a checkpoint from a local folder, load the copy once to see that no weight is missing, and seal it.

    Parameters
    ----------
    folder : the checkpoint folder to make
    source : the Hugging Face folder to copy
    head : one head of a model with several: ``name`` and, if wanted, ``labels``, the arguments of
        :func:`auscult.models.heads.take_head`
    preprocessor : settings of the feature extractor that the source lacks, or that replace its own; recorded in the
        manifest
    language : of a recogniser with one vocabulary and one adapter per language, see
        :func:`auscult.models.languages.take_language`

    Raises
    ------
    CheckpointError
        The source is no checkpoint, lacks weights or settings of its feature extractor, or has no such head.
    """
    source = Path(source)
    check_checkpoint(source, any_type=head is not None)
    recipe: dict[str, Any] = {"imported": source.name, "config": digest(source / CONFIG)}
    recipe |= {"head": dict(head)} if head else {}
    recipe |= {"preprocessor": dict(preprocessor)} if preprocessor else {}
    recipe |= {"language": language} if language else {}
    with build_folder(folder, recipe) as partial:
        for name in (CONFIG, *ACCESSORIES):
            if (source / name).is_file():
                shutil.copyfile(source / name, partial / name)
        if (source / WEIGHTS).is_file():
            _link(source / WEIGHTS, partial / WEIGHTS)
        if not (partial / WEIGHTS).is_file():
            merge_shards(source, partial / WEIGHTS)
        try:
            if head:
                take_head(partial, **head)
            if language:
                take_language(partial, language, source)
            if preprocessor:
                state_preprocessor(partial, preprocessor)
            check_complete(partial)
        except CheckpointError as error:  # name the user's folder, not the copy
            raise CheckpointError(str(error).replace(str(partial), str(source))) from None
    return check_folder(folder)


def _link(source: Path, path: Path) -> None:
    """Link a file, so that a run of a hundred checkpoints is not stored twice; copy it where that is impossible.

    A file that is overwritten later no longer has the hash of the manifest, which is checked before it is read.
    """
    try:
        os.link(source.resolve(), path)
    except OSError:
        shutil.copyfile(source, path)


def check_complete(folder: Path) -> None:
    """Check that a model can be analysed: all of its weights load, and its feature extractor has its settings.

    The encoder of a speech model must load. Heads that do not load are reported in the log.

    Raises
    ------
    CheckpointError
        Weights are missing, or a setting of the feature extractor is.
    """
    model_type = check_checkpoint(folder)["model_type"]
    _require_known(folder)
    read_preprocessor(folder)
    try:
        load_model(folder)
    except CheckpointError as error:
        if model_type in TEXT_FAMILIES + TRANSLATOR_FAMILIES:
            raise
        encoder = _load_encoder(folder)
        reason = str(error).replace(f"{folder}/", "")
        _log.warning("%s loads, but no head does, so analyses of states only: %s", type(encoder).__name__, reason)


def initialise_checkpoint(folder: str | Path, *, like: str | Path, seed: int) -> Manifest:
    """Make the untrained control of a checkpoint: the same configuration, weights freshly drawn from ``seed``, sealed.

    The initialisation is the architecture's own; the caller's random state is unchanged.
    """
    like = Path(like)
    parent = checkpoint_digest(like)
    config = read_architecture_config(like)
    with torch.random.fork_rng(devices=[]), quiet():
        torch.manual_seed(seed)
        model = _architecture(config)._from_config(config, attn_implementation=_attention(config), dtype=torch.float32)
    with build_folder(folder, {"untrained": True, "seed": seed}, {"like": parent}) as partial:
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
        A listed shard is missing, damaged, or named by a path that leads out of the folder.
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


def read_architecture_config(folder: Path) -> transformers.PretrainedConfig:
    """Return the configuration object of a checkpoint folder; raise :class:`CheckpointError` if it is not valid."""
    try:
        with quiet():
            return AutoConfig.from_pretrained(folder, trust_remote_code=False, local_files_only=True)
    except Exception as error:  # the configuration classes raise errors of many unrelated kinds
        raise CheckpointError(f"expected a valid configuration in {folder / CONFIG}, found: {error}") from None


def _require_known(folder: Path) -> None:
    model_type = read_config(folder).get("model_type")
    known = FAMILIES + TEXT_FAMILIES + TRANSLATOR_FAMILIES
    if model_type not in known and not _is_known_encoder(str(model_type)):
        raise CheckpointError(
            f"expected one of the model types {', '.join(known)} in {folder / CONFIG}, or another speech encoder of "
            f"transformers that reads waveforms, found {model_type!r}; take a head of its own (head: {{name: …}}), or "
            "bring its states as arrays (source: arrays)"
        )


def _is_known_encoder(model_type: str) -> bool:
    if model_type not in CONFIG_MAPPING:
        return False
    config_class = CONFIG_MAPPING[model_type]
    if config_class not in AutoModel._model_mapping:
        return False
    return getattr(AutoModel._model_mapping[config_class], "main_input_name", None) == "input_values"


def _require_all(report: Mapping[str, Any], folder: Path, architecture: str) -> None:
    missing, unexpected = (
        sorted(key for key in report[kind] if key.rsplit(".", 1)[-1] not in _UNUSED_AT_INFERENCE)
        for kind in ("missing_keys", "unexpected_keys")
    )
    mismatched = sorted(f"{key} {list(found)} for {list(want)}" for key, found, want in report["mismatched_keys"])
    for fault, keys in (("missing", missing), ("unexpected", unexpected), ("mismatched", mismatched)):
        if keys:
            first = ", ".join(keys[:3]) + (" …" if len(keys) > 3 else "")
            raise CheckpointError(
                f"expected every weight of {architecture} in {folder / WEIGHTS}, found {len(keys)} {fault}: {first}; "
                f"check that {CONFIG} and weights belong together"
            )


def _architecture(config: transformers.PretrainedConfig) -> type[PreTrainedModel]:
    named = getattr(transformers, (config.architectures or [""])[0] or "", None)
    if isinstance(named, type) and issubclass(named, PreTrainedModel) and named.config_class is type(config):
        return named
    return cast("type[PreTrainedModel]", AutoModel._model_mapping[type(config)])


def _load_encoder(folder: Path) -> PreTrainedModel:
    check_checkpoint(folder)
    _require_known(folder)
    config = read_architecture_config(folder)
    architecture, usual = _encoder_class(config)
    with torch.device("meta"), quiet():
        expected = architecture._from_config(config, attn_implementation=_attention(config)).state_dict().keys()
    files = weight_files(folder)
    prefix = find_prefix(files, expected, usual, folder)
    if prefix not in usual:
        _log.warning("the encoder's weights begin with %r in the file, not with %r", prefix, usual[0])
    parts = {name.split(".")[0] for name in expected}
    weights = {name: value for name, value in read_weights(files, prefix).items() if name.split(".")[0] in parts}
    return load_whole(architecture, folder, config, attention=_attention(config), weights=weights)


def _encoder_class(config: transformers.PretrainedConfig) -> tuple[type[PreTrainedModel], tuple[str, ...]]:
    """Return the class of a model's encoder, and the prefixes that its weights may have in a checkpoint."""
    if config.model_type == "whisper":
        return WhisperEncoder, ("model.encoder.", "encoder.", "")
    base = cast("type[PreTrainedModel]", AutoModel._model_mapping[type(config)])
    return base, (f"{base.base_model_prefix}.", "")


def _attention(config: transformers.PretrainedConfig) -> str:
    fused = getattr(AutoModel._model_mapping[type(config)], "_supports_sdpa", False)
    return "sdpa" if fused and config.model_type != "wavlm" else "eager"


def _save(model: PreTrainedModel, partial: Path) -> None:
    with quiet():
        model.save_pretrained(partial, max_shard_size="1000GB")


@contextmanager
def quiet() -> Iterator[None]:
    """Silence transformers' own reports and progress bars; what is wrong is raised as an error instead."""
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
