"""Errors of a model hub as one line, which names the repositories, revisions or files that exist instead."""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from difflib import get_close_matches

from huggingface_hub import HfApi, constants
from huggingface_hub.errors import (
    EntryNotFoundError,
    HfHubHTTPError,
    HFValidationError,
    HTTPError,
    OfflineModeIsEnabled,
    RepositoryNotFoundError,
    RevisionNotFoundError,
)

from auscult.errors import HubError

__all__ = ["hub_errors"]

_MAX_NAMES = 40  # listed in an error


@contextmanager
def hub_errors(repository: str, revision: str, endpoint: str | None) -> Iterator[None]:
    """Turn errors of the hub's client in the block into a :class:`HubError` of one line."""
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
            f"expected revision {revision!r} of {repository} {where}, found "
            f"{_listed(_branches(repository, endpoint), revision) or 'none'}; check its commits and branches"
        ) from None
    except RepositoryNotFoundError:
        raise HubError(
            f"expected a public repository {repository!r} {where}, found "
            f"{_listed(_repositories(repository, endpoint), repository) or 'none'}; check its name"
        ) from None
    except EntryNotFoundError as error:
        if error.__cause__ is None:
            raise HubError(f"expected a file of {repository} {where}, found none: {error}") from None
        raise _unreachable(address, repository, error.__cause__) from None
    except HFValidationError as error:
        raise HubError(f"expected a repository as owner/name, found {repository!r}: {error}") from None
    except (HTTPError, HfHubHTTPError, OSError) as error:
        raise _unreachable(address, repository, error) from None


def _branches(repository: str, endpoint: str | None) -> list[str]:
    """Return the branches and tags of a repository; none if the hub does not answer."""
    try:
        refs = HfApi(endpoint=endpoint, token=None if endpoint is None else False).list_repo_refs(repository)
        return [ref.name for ref in [*refs.branches, *refs.tags]]
    except (HTTPError, HfHubHTTPError, HFValidationError, OSError, KeyError):
        return []


def _repositories(repository: str, endpoint: str | None) -> list[str]:
    """Return the owner's repositories whose names differ in the last number only, as in a sweep over steps."""
    owner, _, name = repository.rpartition("/")
    stem = re.sub(r"\d*\D*$", "", name, count=1)
    if not owner or stem in ("", name):
        return []
    try:
        api = HfApi(endpoint=endpoint, token=None if endpoint is None else False)
        found = (model.id for model in api.list_models(author=owner, search=stem, limit=10 * _MAX_NAMES))
        return [name for name in found if name.startswith(f"{owner}/{stem}")]
    except (HTTPError, HfHubHTTPError, HFValidationError, OSError, KeyError):
        return []


def _listed(names: list[str], wanted: str) -> str:
    """Return names in the order of their numbers; if there are many, only those most similar to the one wanted."""
    if len(names) > _MAX_NAMES:
        names = get_close_matches(wanted, names, n=_MAX_NAMES // 4, cutoff=0)
    return ", ".join(sorted(names, key=lambda name: [int(part) for part in re.findall(r"\d+", name)]))


def _unreachable(address: str, repository: str, error: BaseException) -> HubError:
    return HubError(
        f"expected the model hub at {address} to answer, found: {type(error).__name__}: {error}; connect to the "
        f"network, name a mirror as endpoint, or import {repository} from a local folder"
    )
