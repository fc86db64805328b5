"""Checkpoints from a model hub: one pinned commit, every file verified by its hash, weights in safetensors.

A branch is resolved once. The record of a checkpoint (commit and hashes) outlives its folder: if the branch moves, the
move is noticed and the recorded commit is fetched again.
"""

import logging
import shutil
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import requests
from huggingface_hub import constants, hf_hub_download
from huggingface_hub.hf_api import ModelInfo, RepoSibling

from auscult.errors import CheckpointError, HubError
from auscult.manifests import MANIFEST, Manifest, build_folder, check_folder, write_file
from auscult.models.accessories import check_accessories
from auscult.models.checkpoint_format import (
    ACCESSORIES,
    CONFIG,
    SHARDS,
    TEXT_FAMILIES,
    TOKENIZER,
    WEIGHTS,
    read_config,
    shard_names,
    state_preprocessor,
)
from auscult.models.hub.errors import hub_errors
from auscult.models.hub.files import copy_equal_file, find_fetched, verify_file
from auscult.models.hub.records import resolve, write_record

__all__ = ["fetch_checkpoint", "is_reachable"]

PICKLE = "pytorch_model.bin"
_log = logging.getLogger(__name__)


def fetch_checkpoint(
    folder: str | Path,
    *,
    repository: str,
    revision: str,
    sha256: Mapping[str, str] = {},
    endpoint: str | None = None,
    allow_pickle: bool = False,
    head: Mapping[str, Any] | None = None,
    preprocessor: Mapping[str, Any] | None = None,
    language: str | None = None,
    tokenizer: Mapping[str, str] | None = None,
    record: str | Path | None = None,
    store: str | Path | None = None,
) -> Manifest:
    """Download one revision of a model, verify it, load it once to see that no weight is missing, and seal it.

    The hub's own client compares sizes only (huggingface_hub #3643); here every file's hash is compared with the hub's
    (SHA-256 of large files, git's SHA-1 of small ones) and with the pinned hashes. Sharded weights become one file. An
    interrupted download resumes. A sweep over training steps takes one call per step, each with its own revision; a
    file that a sealed folder beside ``folder`` already holds is copied from there.

    Parameters
    ----------
    folder : the checkpoint folder to make
    repository : ``owner/name``
    revision : commit of 40 hexadecimal digits; a branch or tag is resolved, and its commit recorded and reported
    sha256 : pinned SHA-256 by file name
    endpoint : address of the hub or of a mirror; by default the client's own (HF_ENDPOINT). An access token is
        sent to the client's own hub only.
    allow_pickle : convert weights that exist only as a pickle, read by torch's restricted unpickler
    head : the head to take from a model with several: ``name`` and, if wanted, ``labels``, the arguments of
        :func:`auscult.models.heads.take_head`. Files are verified before they are rewritten.
    preprocessor : settings of the feature extractor that the repository lacks, or that replace its own
    language : of a recogniser with one vocabulary and one adapter per language, see
        :func:`auscult.models.languages.take_language`
    tokenizer : ``repository`` and ``revision`` of the tokenizer of a text model that comes without one
    record : JSON file of the commit and the hashes of the first download, which later downloads must match: if a branch
        has moved, the recorded commit is fetched and a warning names both
    store : folder of ``<model>/<step>`` checkpoints; a checkpoint of the same recipe is copied from there

    Raises
    ------
    HubError
        The hub cannot be reached, or has no such repository, revision or file; the error lists those that exist, if
        the hub names them.
    DownloadError
        A file's hash differs from the hub's, the pinned or the recorded hash.
    CheckpointError
        The weights exist only as a pickle or do not all load, settings of the feature extractor are missing, or there
        is no such head.
    """
    # Not imported at the top: torch and transformers take seconds to import, and `is_reachable`, which the workflow
    # calls before it plans, needs neither.
    from auscult.models.checkpoints import check_complete
    from auscult.models.heads import take_head
    from auscult.models.languages import adapter_name, take_language

    record = None if record is None else Path(record)
    token = None if endpoint is None else False
    info, recorded = resolve(repository, revision, endpoint, token, record)
    commit, files = str(info.sha), {remote.rfilename: remote for remote in info.siblings or []}
    pinned = dict(sha256)
    recipe = {"repository": repository, "commit": commit, "sha256": pinned, "allow_pickle": allow_pickle}
    recipe |= {"head": dict(head)} if head else {}
    recipe |= {"preprocessor": dict(preprocessor)} if preprocessor else {}
    recipe |= {"language": language} if language else {}
    # The repository of the tokenizer, if the model's own has none.
    second: tuple[str, ModelInfo] | None = None
    if tokenizer and not files.keys() & TOKENIZER[:2]:
        second_record = record and record.with_name(f"{record.stem}.tokenizer.json")
        found_there, _ = resolve(tokenizer["repository"], tokenizer["revision"], endpoint, token, second_record)
        second = tokenizer["repository"], found_there
        recipe |= {"tokenizer": {"repository": tokenizer["repository"], "commit": found_there.sha}}
    found: dict[str, str] = {}
    fetched = find_fetched(Path(folder), recipe, store)
    if fetched is not None:
        _log.info("%s: copied from %s, which is the same checkpoint", folder, fetched)
        with build_folder(folder, recipe) as partial:
            shutil.copytree(fetched, partial, dirs_exist_ok=True, ignore=shutil.ignore_patterns(MANIFEST))
        return check_folder(folder)
    with build_folder(folder, recipe, resume=True) as partial:

        def fetch(name: str) -> Path:
            if not copy_equal_file(Path(folder), files[name], partial / name):
                with hub_errors(repository, revision, endpoint):
                    hf_hub_download(
                        repository, name, revision=commit, local_dir=partial, endpoint=endpoint, token=token
                    )
            expected = {"pinned": pinned.get(name), "recorded": recorded.get(name)}
            found[name] = verify_file(partial / name, files[name], expected, repository)
            return partial / name

        _fetch_all(fetch, partial, files, allow_pickle, f"{repository} at {commit[:12]}")
        if language and adapter_name(language) in files:
            fetch(adapter_name(language))
        if second is not None:
            _fetch_tokenizer(partial, *second, endpoint, token)
        check_accessories(partial)
        _require_vocabulary(partial, repository)
        _require_pinned(pinned, partial, repository)
        if language:
            take_language(partial, language)
        _finish(partial)
        if head:
            take_head(partial, **head)
        if preprocessor:
            state_preprocessor(partial, preprocessor)
        check_complete(partial)
    if record is not None:
        write_record(record, repository, revision, commit, {**recorded, **found})
    return check_folder(folder)


def is_reachable(endpoint: str | None = None, timeout_s: float = 3.0) -> bool:
    """Return whether a model hub answers at an address within a few seconds; False if HF_HUB_OFFLINE is set."""
    if constants.is_offline_mode():
        return False
    try:
        address = (endpoint or constants.ENDPOINT).rstrip("/")
        return requests.get(f"{address}/api/models", params={"limit": 1}, timeout=timeout_s).status_code == 200
    except requests.RequestException:
        return False


def _fetch_all(
    fetch: Callable[[str], Path], partial: Path, files: Mapping[str, RepoSibling], allow_pickle: bool, what: str
) -> None:
    """Fetch configuration, optional files and weights; ``what`` names the revision in errors."""
    from auscult.models.checkpoints import merge_shards

    if CONFIG not in files:
        raise HubError(f"expected {CONFIG} in {what}, found none; is it a transformers checkpoint?")
    for name in (CONFIG, *ACCESSORIES):
        if name in files:
            fetch(name)
    if WEIGHTS in files:
        fetch(WEIGHTS)
    elif SHARDS in files:
        shards = sorted(set(shard_names(fetch(SHARDS))))
        missing = [name for name in shards if name not in files]
        if missing:
            raise HubError(f"expected {missing[0]} (listed in {SHARDS}) in {what}, found none; choose another revision")
        for name in shards:
            fetch(name)
        merge_shards(partial, partial / WEIGHTS)
    elif PICKLE not in files:
        raise HubError(f"expected {WEIGHTS} in {what}, found no weights; choose another revision")
    elif not allow_pickle:
        raise CheckpointError(
            f"expected {WEIGHTS} in {what}, found the weights only as a pickle ({PICKLE}), which could run code; pin a "
            "revision that has safetensors (often a pull request of the repository), or set allow_pickle"
        )
    else:
        _convert(fetch(PICKLE), partial / WEIGHTS, what)


def _fetch_tokenizer(partial: Path, repository: str, info: ModelInfo, endpoint: str | None, token: bool | None) -> None:
    commit = str(info.sha)
    for remote in info.siblings or []:
        if remote.rfilename in TOKENIZER:
            with hub_errors(repository, commit, endpoint):
                hf_hub_download(
                    repository, remote.rfilename, revision=commit, local_dir=partial, endpoint=endpoint, token=token
                )
            verify_file(partial / remote.rfilename, remote, {}, repository)


def _require_vocabulary(partial: Path, repository: str) -> None:
    is_text = read_config(partial).get("model_type") in TEXT_FAMILIES
    if is_text and not any((partial / name).is_file() for name in TOKENIZER[:2]):
        raise HubError(
            f"expected {TOKENIZER[0]} beside the weights of {repository}, found none; name a repository "
            "that has it: tokenizer: {repository: …, revision: …}"
        )


def _convert(pickle: Path, path: Path, what: str) -> None:
    import torch
    from safetensors.torch import save_file

    _log.warning("%s: CONVERTING A PICKLE (%s) because allow_pickle is set; only do so if you trust it", what, PICKLE)
    try:
        weights = torch.load(pickle, map_location="cpu", weights_only=True)
    except Exception as error:  # the restricted unpickler raises errors of many classes, all of them the file's fault
        raise CheckpointError(f"expected plain tensors in {PICKLE} of {what}, found: {error}; do not use it") from None
    if not isinstance(weights, dict):
        raise CheckpointError(
            f"expected tensors by name in {PICKLE} of {what}, found a {type(weights).__name__}; do not use it"
        )
    others = [key for key, value in weights.items() if not isinstance(value, torch.Tensor)]
    if others:
        raise CheckpointError(f"expected only tensors in {PICKLE} of {what}, found {others[0]!r}; do not use it")
    with write_file(path) as partial:
        # Copies, because tied weights share memory, which safetensors does not allow.
        save_file({key: value.contiguous().clone() for key, value in weights.items()}, partial, {"format": "pt"})


def _require_pinned(pinned: Mapping[str, str], partial: Path, repository: str) -> None:
    absent = [name for name in pinned if not (partial / name).is_file()]
    if absent:
        raise HubError(f"expected {absent[0]} (pinned by its hash) among the files fetched of {repository}, found none")


def _finish(partial: Path) -> None:
    shutil.rmtree(partial / ".cache", ignore_errors=True)
    shards = [path for path in partial.glob("*.safetensors") if path.name != WEIGHTS]
    for path in [*shards, partial / SHARDS, partial / PICKLE]:
        path.unlink(missing_ok=True)
