"""Checkpoints from a model hub: one pinned commit, every byte compared with its hash, weights in safetensors."""

import hashlib
import logging
import re
import shutil
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import requests
from huggingface_hub import HfApi, constants, hf_hub_download
from huggingface_hub.errors import (
    EntryNotFoundError,
    HfHubHTTPError,
    HFValidationError,
    HTTPError,
    OfflineModeIsEnabled,
    RepositoryNotFoundError,
    RevisionNotFoundError,
)
from huggingface_hub.hf_api import RepoSibling

from auscult.errors import CheckpointError, DownloadError, HubError
from auscult.manifests import Manifest, build_folder, check_folder, digest, write_file
from auscult.models.layout import CONFIG, PREPROCESSOR, SHARDS, TOKENIZER, VOCABULARY, WEIGHTS, shard_names

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
) -> Manifest:
    """Download one revision of a model, verify it, load it once to see that nothing is missing, and seal it.

    A hub's own client compares sizes only (huggingface_hub #3643); here every file's hash is compared with the hub's
    (SHA-256 of large files, git's SHA-1 of small ones) and with those pinned. Sharded weights become one file. An
    interrupted download resumes. A sweep over training steps is one call a step, each with its revision.

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

    Raises
    ------
    HubError
        The hub cannot be reached, or has no such repository, revision or file.
    DownloadError
        A file's hash differs from the hub's or from the pinned one.
    CheckpointError
        The weights exist only as a pickle, or do not all load; or there is no such head.
    """
    # Here and below, not above: torch and transformers take seconds to import, and whoever only asks whether a hub is
    # reachable, as the workflow does before it plans, needs neither.
    from auscult.models.checkpoints import load_model
    from auscult.models.heads import take_head

    with _hub_errors(repository, revision, endpoint):
        token = None if endpoint is None else False
        info = HfApi(endpoint=endpoint, token=token).model_info(repository, revision=revision, files_metadata=True)
    commit, files = info.sha, {sibling.rfilename: sibling for sibling in info.siblings or []}
    if not re.fullmatch(r"[0-9a-f]{40}", revision):
        _log.warning("%s: revision %r is not a commit and may move; pin revision: %s", repository, revision, commit)
    pinned = dict(sha256 or {})
    recipe = {"repository": repository, "commit": commit, "sha256": pinned, "allow_pickle": allow_pickle}
    recipe |= {"head": dict(head)} if head else {}
    with build_folder(folder, recipe, resume=True) as partial:

        def fetch(name: str) -> Path:
            with _hub_errors(repository, revision, endpoint):
                hf_hub_download(
                    repository, name, revision=commit, local_dir=partial, endpoint=endpoint, token=token
                )  # fmt: skip
            return _verified(partial / name, files[name], pinned.get(name), repository)

        _fetch_all(fetch, partial, files, allow_pickle, f"{repository} at {commit[:12]}")
        _require_pinned(pinned, partial, repository)
        _finish(partial)
        if head:
            take_head(partial, **head)
        load_model(partial)
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
    for name in (CONFIG, PREPROCESSOR, VOCABULARY, *TOKENIZER):
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


def _convert(pickle: Path, path: Path, what: str) -> None:
    import torch
    from safetensors.torch import save_file

    _log.warning("%s: CONVERTING A PICKLE (%s) because allow_pickle is set; only do so if you trust it", what, PICKLE)
    try:
        weights = torch.load(pickle, map_location="cpu", weights_only=True)
    except Exception as error:  # the restricted unpickler refuses in many ways, and none of them is a fault of ours
        raise CheckpointError(f"expected plain tensors in {PICKLE} of {what}, found: {error}; do not use it") from None
    if not isinstance(weights, dict):
        raise CheckpointError(f"expected tensors by name in {PICKLE} of {what}, found a {type(weights).__name__}; "
                              "do not use it")  # fmt: skip
    strangers = [key for key, value in weights.items() if not isinstance(value, torch.Tensor)]
    if strangers:
        raise CheckpointError(f"expected only tensors in {PICKLE} of {what}, found {strangers[0]!r}; do not use it")
    with write_file(path) as partial:
        # Copies, since tied weights share memory, which safetensors does not.
        save_file({key: value.contiguous().clone() for key, value in weights.items()}, partial, {"format": "pt"})


def _verified(path: Path, sibling: RepoSibling, pinned: str | None, repository: str) -> Path:
    found = digest(path)
    expectations = [("pinned", pinned, found)]
    if sibling.lfs is not None:
        expectations.append(("the hub's", sibling.lfs.sha256, found))
    else:
        expectations.append(("the hub's git", sibling.blob_id, _git_digest(path)))
    for whose, expected, actual in expectations:
        if expected and expected != actual:
            path.unlink()
            raise DownloadError(
                f"expected {whose} hash {expected} for {path.name} of {repository}, found {actual}; the download is "
                "damaged or the file has been exchanged: try again, and compare with the repository before pinning anew"
            )
    return path


def _git_digest(path: Path) -> str:
    content = path.read_bytes()
    return hashlib.sha1(f"blob {len(content)}\0".encode() + content, usedforsecurity=False).hexdigest()


def _require_pinned(pinned: Mapping[str, str], partial: Path, repository: str) -> None:
    absent = [name for name in pinned if not (partial / name).is_file()]
    if absent:
        raise HubError(f"expected {absent[0]} (pinned by its hash) among the files fetched of {repository}, found none")


def _finish(partial: Path) -> None:
    shutil.rmtree(partial / ".cache", ignore_errors=True)
    shards = [path for path in partial.glob("*.safetensors") if path.name != WEIGHTS]
    for path in [*shards, partial / SHARDS, partial / PICKLE]:
        path.unlink(missing_ok=True)


@contextmanager
def _hub_errors(repository: str, revision: str, endpoint: str | None) -> Iterator[None]:
    address = endpoint or constants.ENDPOINT
    where = f"at {address}"
    try:
        yield
    except OfflineModeIsEnabled:
        raise HubError(
            f"expected to fetch {repository} from {address}, found HF_HUB_OFFLINE set; unset it, or import the "
            "checkpoint from a local folder"
        ) from None
    except RevisionNotFoundError:
        raise HubError(
            f"expected revision {revision!r} of {repository} {where}, found none; check its commits"
        ) from None
    except RepositoryNotFoundError:
        raise HubError(f"expected a public repository {repository!r} {where}, found none; check its name") from None
    except EntryNotFoundError as error:
        if error.__cause__ is None:
            raise HubError(f"expected a file of {repository} {where}, found none: {error}") from None
        raise _unreachable(address, repository, error.__cause__) from None
    except HFValidationError as error:
        raise HubError(f"expected a repository as owner/name, found {repository!r}: {error}") from None
    except (HTTPError, HfHubHTTPError, OSError) as error:
        raise _unreachable(address, repository, error) from None


def _unreachable(address: str, repository: str, error: BaseException) -> HubError:
    return HubError(
        f"expected the model hub at {address} to answer, found: {type(error).__name__}: {error}; connect to the "
        f"network, name a mirror as endpoint, or import {repository} from a local folder"
    )
