"""Records of fetched checkpoints: the commit that a branch pointed to at first, and the hashes of its files."""

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
    """Return the hub's description of the commit to fetch, and the hashes recorded for it.

    The commit of a branch is recorded before anything is downloaded. If the branch moves later, a warning says so and
    the recorded commit is fetched, so that an interrupted sweep continues with the same commit.

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
    current = str(info.sha)
    _log.warning("%s: revision %r is not a commit and may move; pin revision: %s", repository, revision, current)
    commit = str(noted.get("commit", current))
    if commit != current:
        _log.warning(
            "%s: branch %r has MOVED from %s, recorded in %s, to %s; fetching the recorded commit again: pin it, or "
            "delete the record to follow the branch",
            repository,
            revision,
            commit,
            record,
            current,
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
    # The record of another repository or revision is a record of another checkpoint.
    return {"commit": commit, "sha256": hashes} if asked == (repository, revision) else {}


def write_record(record: Path, repository: str, revision: str, commit: str, hashes: Mapping[str, str]) -> None:
    """Record the commit of a revision, and the SHA-256 of each file by its name."""
    content = {"repository": repository, "revision": revision, "commit": commit, "sha256": dict(hashes)}
    with write_file(record) as partial:
        partial.write_text(json.dumps(content, indent=1, sort_keys=True) + "\n", encoding="utf-8")
