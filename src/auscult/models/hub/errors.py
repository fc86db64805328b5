"""What a model hub answers when it has not got what was asked for, as one line that names what it has instead."""

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

_MOST_NAMES = 40


@contextmanager
def hub_errors(repository: str, revision: str, endpoint: str | None) -> Iterator[None]:
    """Turn what the hub's client raises while the block runs into one :class:`HubError` line."""
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
    """Return the branches and tags of a repository, none where the hub does not tell."""
    try:
        refs = HfApi(endpoint=endpoint, token=None if endpoint is None else False).list_repo_refs(repository)
        return [ref.name for ref in [*refs.branches, *refs.tags]]
    except (HTTPError, HfHubHTTPError, HFValidationError, OSError, KeyError):
        return []


def _repositories(repository: str, endpoint: str | None) -> list[str]:
    """Return the owner's repositories whose name is this one but for its last number, as those of a sweep are."""
    owner, _, name = repository.rpartition("/")
    stem = re.match(r"(.*?)\d*\D*$", name)[1]
    if not owner or stem in ("", name):
        return []
    try:
        api = HfApi(endpoint=endpoint, token=None if endpoint is None else False)
        found = (model.id for model in api.list_models(author=owner, search=stem, limit=10 * _MOST_NAMES))
        return [name for name in found if name.startswith(f"{owner}/{stem}")]
    except (HTTPError, HfHubHTTPError, HFValidationError, OSError, KeyError):
        return []


def _listed(names: list[str], wanted: str) -> str:
    """Return names in the order of their numbers, or the nearest ones where there are many."""
    if len(names) > _MOST_NAMES:
        names = get_close_matches(wanted, names, n=_MOST_NAMES // 4, cutoff=0)
    return ", ".join(sorted(names, key=lambda name: [int(part) for part in re.findall(r"\d+", name)]))


def _unreachable(address: str, repository: str, error: BaseException) -> HubError:
    return HubError(
        f"expected the model hub at {address} to answer, found: {type(error).__name__}: {error}; connect to the "
        f"network, name a mirror as endpoint, or import {repository} from a local folder"
    )
