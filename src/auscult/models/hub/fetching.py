"""Checkpoints from a model hub: one pinned commit, every byte compared with its hash, weights in safetensors.

A branch is resolved once: the record of a checkpoint (commit and hashes) outlives its folder, so that a branch that
has moved since is noticed, and what was fetched first is fetched again.
"""

import logging
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import requests
from huggingface_hub import constants, hf_hub_download
from huggingface_hub.hf_api import ModelInfo, RepoSibling

from auscult.errors import CheckpointError, HubError
from auscult.manifests import MANIFEST, Manifest, build_folder, check_folder, write_file
from auscult.models.checkpoint_format import (
    ACCESSORIES,
    CONFIG,
    SHARDS,
    TEXT_FAMILIES,
    TOKENIZER,
    WEIGHTS,
    read_config,
    shard_names,
)
from auscult.models.hub.errors import hub_errors
from auscult.models.hub.files import copy_twin, find_fetched, verify_file
from auscult.models.hub.records import resolve, write_record

__all__ = ["fetch_checkpoint", "is_reachable"]

PICKLE = "pytorch_model.bin"
_log = logging.getLogger(__name__)


def fetch_checkpoint(
    folder: str | Path,
    *,
    repository: str,
    revision: str,
    sha256: Mapping[str, str] | None = None,
    endpoint: str | None = None,
    allow_pickle: bool = False,
    head: Mapping[str, Any] | None = None,
    tokenizer: Mapping[str, str] | None = None,
    record: str | Path | None = None,
    store: str | Path | None = None,
) -> Manifest:
    """Download one revision of a model, verify it, load it once to see that nothing is missing, and seal it.

    A hub's own client compares sizes only (huggingface_hub #3643); here every file's hash is compared with the hub's
    (SHA-256 of large files, git's SHA-1 of small ones) and with those pinned. Sharded weights become one file. An
    interrupted download resumes. A sweep over training steps is one call a step, each with its revision; a file that
    a sealed folder beside ``folder`` holds already is copied from there.

    Parameters
    ----------
    folder : the checkpoint folder to make
    repository : ``owner/name``
    revision : commit of 40 hexadecimal digits; a branch or tag is resolved, and its commit recorded and reported
    sha256 : expected SHA-256 by file name
    endpoint : address of the hub or of a mirror; the client's own (HF_ENDPOINT) unless given. An access token is
        sent to the client's own hub only.
    allow_pickle : convert weights that exist only as a pickle, read by torch's restricted unpickler
    head : which head to take of a model with several: ``name`` and perhaps ``labels``, as of
        :func:`auscult.models.heads.take_head`. The files are verified as they come, then rewritten.
    tokenizer : ``repository`` and ``revision`` that have the vocabulary of a text model whose own have none
    record : JSON file of the commit and the hashes of the first download, enforced from then on: where a branch has
        moved, the recorded commit is fetched and a warning names both
    store : folder of ``<model>/<step>`` checkpoints; one that is the same, of whatever model, is copied from there

    Raises
    ------
    HubError
        The hub cannot be reached, or has no such repository, revision or file; what it has instead is named where it
        tells.
    DownloadError
        A file's hash differs from the hub's, from the pinned or from the recorded one.
    CheckpointError
        The weights exist only as a pickle, or do not all load; or there is no such head.
    """
    # Here and below, not above: torch and transformers take seconds to import, and whoever only asks whether a hub is
    # reachable, as the workflow does before it plans, needs neither.
    from auscult.models.checkpoints import load_model
    from auscult.models.heads import take_head

    record = None if record is None else Path(record)
    token = None if endpoint is None else False
    info, recorded = resolve(repository, revision, endpoint, token, record)
    commit, files = info.sha, {sibling.rfilename: sibling for sibling in info.siblings or []}
    pinned = dict(sha256 or {})
    recipe = {"repository": repository, "commit": commit, "sha256": pinned, "allow_pickle": allow_pickle}
    recipe |= {"head": dict(head)} if head else {}
    elsewhere = None
    if tokenizer and not files.keys() & TOKENIZER[:2]:
        beside = record and record.with_name(f"{record.stem}.tokenizer.json")
        elsewhere, _ = resolve(tokenizer["repository"], tokenizer["revision"], endpoint, token, beside)
        recipe |= {"tokenizer": {"repository": tokenizer["repository"], "commit": elsewhere.sha}}
    found: dict[str, str] = {}
    twin = find_fetched(Path(folder), recipe, store)
    if twin is not None:
        _log.info("%s: copied from %s, which is the same checkpoint", folder, twin)
        with build_folder(folder, recipe) as partial:
            shutil.copytree(twin, partial, dirs_exist_ok=True, ignore=shutil.ignore_patterns(MANIFEST))
        return check_folder(folder)
    with build_folder(folder, recipe, resume=True) as partial:

        def fetch(name: str) -> Path:
            if not copy_twin(Path(folder), files[name], partial / name):
                with hub_errors(repository, revision, endpoint):
                    hf_hub_download(
                        repository, name, revision=commit, local_dir=partial, endpoint=endpoint, token=token
                    )
            expected = {"pinned": pinned.get(name), "recorded": recorded.get(name)}
            found[name] = verify_file(partial / name, files[name], expected, repository)
            return partial / name

        _fetch_all(fetch, partial, files, allow_pickle, f"{repository} at {commit[:12]}")
        if elsewhere:
            _fetch_tokenizer(partial, tokenizer["repository"], elsewhere, endpoint, token)
        _require_vocabulary(partial, repository)
        _require_pinned(pinned, partial, repository)
        _finish(partial)
        if head:
            take_head(partial, **head)
        load_model(partial)
    if record is not None:
        write_record(record, repository, revision, commit, {**recorded, **found})
    return check_folder(folder)


def is_reachable(endpoint: str | None = None, timeout_s: float = 3.0) -> bool:
    """Tell whether a model hub answers at an address within a few seconds; False where HF_HUB_OFFLINE is set."""
    if constants.is_offline_mode():
        return False
    try:
        address = (endpoint or constants.ENDPOINT).rstrip("/")
        return requests.get(f"{address}/api/models", params={"limit": 1}, timeout=timeout_s).status_code == 200
    except requests.RequestException:
        return False


def _fetch_all(fetch, partial: Path, files: Mapping[str, RepoSibling], allow_pickle: bool, what: str) -> None:
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
    for sibling in info.siblings or []:
        if sibling.rfilename in TOKENIZER:
            with hub_errors(repository, info.sha, endpoint):
                hf_hub_download(
                    repository, sibling.rfilename, revision=info.sha, local_dir=partial, endpoint=endpoint, token=token
                )
            verify_file(partial / sibling.rfilename, sibling, {}, repository)


def _require_vocabulary(partial: Path, repository: str) -> None:
    text = read_config(partial).get("model_type") in TEXT_FAMILIES
    if text and not any((partial / name).is_file() for name in TOKENIZER[:2]):
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
    except Exception as error:  # the restricted unpickler refuses in many ways, and none of them is a fault of ours
        raise CheckpointError(f"expected plain tensors in {PICKLE} of {what}, found: {error}; do not use it") from None
    if not isinstance(weights, dict):
        raise CheckpointError(
            f"expected tensors by name in {PICKLE} of {what}, found a {type(weights).__name__}; do not use it"
        )
    strangers = [key for key, value in weights.items() if not isinstance(value, torch.Tensor)]
    if strangers:
        raise CheckpointError(f"expected only tensors in {PICKLE} of {what}, found {strangers[0]!r}; do not use it")
    with write_file(path) as partial:
        # Copies, since tied weights share memory, which safetensors does not.
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
