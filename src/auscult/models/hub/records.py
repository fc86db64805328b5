"""Which commit a branch of a hub was when it was first fetched, and which bytes came with it."""

import json
import logging
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from huggingface_hub import HfApi
from huggingface_hub.hf_api import ModelInfo

from auscult.errors import HubError
from auscult.manifests import write_file
from auscult.models.hub.errors import hub_errors

__all__ = ["resolve", "write_record"]

_log = logging.getLogger(__name__)


def resolve(
    repository: str, revision: str, endpoint: str | None, token: bool | None, record: Path | None
) -> tuple[ModelInfo, dict[str, str]]:
    """Return what the hub says of the commit to fetch, and the hashes recorded of it.

    A branch is recorded before anything is downloaded. One that has moved since then is warned of, and the recorded
    commit is the one to fetch: an interrupted sweep goes on with what it began with.

    Raises
    ------
    HubError
        The hub has no such repository or commit, or the record cannot be read.
    """

    def ask(revision: str) -> ModelInfo:
        with hub_errors(repository, revision, endpoint):
            return HfApi(endpoint=endpoint, token=token).model_info(repository, revision=revision, files_metadata=True)

    noted = _read_record(record, repository, revision)
    info = ask(revision)
    if re.fullmatch(r"[0-9a-f]{40}", revision):
        return info, noted.get("sha256", {})
    _log.warning("%s: revision %r is not a commit and may move; pin revision: %s", repository, revision, info.sha)
    commit = noted.get("commit", info.sha)
    if commit != info.sha:
        _log.warning(
            "%s: branch %r has MOVED from %s, recorded in %s, to %s; fetching the recorded commit again: pin it, or "
            "delete the record to follow the branch",
            repository,
            revision,
            commit,
            record,
            info.sha,
        )
        info = ask(commit)
    elif record is not None and not noted:
        write_record(record, repository, revision, commit, {})
    return info, noted.get("sha256", {})


def _read_record(record: Path | None, repository: str, revision: str) -> dict[str, Any]:
    if record is None or not record.is_file():
        return {}
    try:
        noted = json.loads(record.read_text(encoding="utf-8"))
        asked, commit, hashes = (noted["repository"], noted["revision"]), noted["commit"], dict(noted["sha256"])
    except (ValueError, KeyError, TypeError):
        raise HubError(
            f"expected a record of a checkpoint in {record}, found other text; restore or delete it"
        ) from None
    # Another repository or revision is another checkpoint: what was recorded says nothing of it.
    return {"commit": commit, "sha256": hashes} if asked == (repository, revision) else {}


def write_record(record: Path, repository: str, revision: str, commit: str, hashes: Mapping[str, str]) -> None:
    """Record the commit that a revision was, and the SHA-256 of its files by name."""
    content = {"repository": repository, "revision": revision, "commit": commit, "sha256": dict(hashes)}
    with write_file(record) as partial:
        partial.write_text(json.dumps(content, indent=1, sort_keys=True) + "\n", encoding="utf-8")
