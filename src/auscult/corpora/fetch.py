"""Downloads: resumed after interruptions, taken from mirrors, and verified by SHA-256."""

import json
import logging
import os
import time
from collections.abc import Iterable, Sequence
from contextlib import suppress
from email.utils import parsedate_to_datetime
from pathlib import Path
from urllib.parse import unquote, urlparse
from urllib.request import url2pathname

import requests
from requests.exceptions import ChunkedEncodingError
from tqdm import tqdm

from auscult.corpora.archives import check_archive
from auscult.errors import ArchiveError, DownloadError, StorageError
from auscult.manifests import digest, storage_errors, write_file

__all__ = ["fetch_file"]

_log = logging.getLogger(__name__)
# At most one chunk is lost when a connection breaks.
_CHUNK_BYTES = 1 << 16
_TIMEOUT_S = 30
_N_ATTEMPTS = 3
_WAIT_S = 0.5
# A server that asks to wait longer counts as one without the file.
_MAX_WAIT_S = 120.0
_BUSY = 429


def fetch_file(
    url: str, path: str | Path, *, sha256: str | None, mirrors: Sequence[str] = (), record: str | Path | None = None
) -> str:
    """Fetch ``url`` to ``path`` and return the SHA-256 of the file, verified where one is known.

    Mirrors are tried first, in the order given, then ``url``. An interrupted download leaves ``<path>.part`` and
    continues from it. An existing file with the expected hash is kept.

    Parameters
    ----------
    url : address, ``http``, ``https`` or ``file``
    path : path of the file to write
    sha256 : expected hash; None takes the hash from ``record``, or accepts the first file that arrives
    mirrors : ``http(s)://`` or ``file://`` addresses of folders that may hold a file of the same name
    record : JSON file of hashes by ``url``; the hash of a first download without a known hash is entered there,
        logged, and enforced from then on

    Raises
    ------
    DownloadError
        No source has the file, or the downloaded file has another hash; nothing is left at ``path``.
    StorageError
        The disk is full or read-only.
    """
    path = Path(path)
    expected = (sha256 or _read_record(record).get(url) or "").lower() or None
    if path.is_file():
        found = digest(path)
        if expected in (None, found):
            return _note(url, found, expected, record)
        _log.warning("%s has SHA-256 %s, expected %s: fetching it again", path, found, expected)
        path.unlink()
    path.parent.mkdir(parents=True, exist_ok=True)
    name = unquote(urlparse(url).path.rpartition("/")[2])
    failures, mismatches = [], []
    for source in [f"{base.rstrip('/')}/{name}" for base in mirrors] + [url]:
        try:
            found = _fetch_verified(source, path, expected)
        except (requests.RequestException, FileNotFoundError, IsADirectoryError, _IncompleteError) as error:
            failures.append(f"{source} ({_reason(error)})")
            continue
        except _MismatchError as error:
            _log.warning("%s", error)
            mismatches.append(error)
            continue
        if expected is None:
            _require_archive(path, source)
        return _note(url, found, expected, record)
    if mismatches:
        kept = f" (recorded in {record})" if record is not None and not sha256 else ""
        raise DownloadError(f"{mismatches[-1]}{kept}")
    raise DownloadError(
        f"expected {name} from one of {len(failures)} sources, found it at none: {'; '.join(failures)}; check the "
        "network, or name a mirror (file:// or http://) that holds the file"
    )


def _require_archive(path: Path, source: str) -> None:
    """Refuse a file that is not the whole archive or table that its name states, before its hash is recorded."""
    kind = path.suffix.lower()
    reason = ""
    if kind == ".parquet" and not _is_parquet(path):
        reason = "no Parquet file"
    elif kind in (".zip", ".tar", ".gz", ".tgz", ".bz2", ".xz"):
        try:
            check_archive(path)
        except ArchiveError as error:
            reason = str(error)
    if reason:
        path.unlink()
        raise DownloadError(
            f"expected an archive from {source}, found another kind of file, or a truncated or damaged one ({reason}); "
            "nothing was kept: use another source"
        )


def _is_parquet(path: Path) -> bool:
    """Return whether a file begins and ends with Parquet's magic bytes (a Git LFS pointer, for example, does not)."""
    with open(path, "rb") as stream:
        first = stream.read(4)
        stream.seek(-min(4, path.stat().st_size), os.SEEK_END)
        return first == stream.read() == b"PAR1" and path.stat().st_size > 8


class _MismatchError(DownloadError):
    """The downloaded file has another hash than expected; another source may have the right file."""


class _IncompleteError(Exception):
    """Fewer bytes arrived than announced, a web page came instead of the file, or the server is busy.

    Parameters
    ----------
    message : what happened
    wait_s : seconds that the server asks to wait
    """

    def __init__(self, message: str, wait_s: float = 0.0) -> None:
        super().__init__(message)
        self.wait_s = wait_s


def _fetch_verified(source: str, path: Path, expected: str | None) -> str:
    part = path.with_name(path.name + ".part")
    resumed = _transfer(source, part, expected)
    found = digest(part)
    if expected not in (None, found) and resumed:
        # The first part may be from an older version of the file.
        _discard(part)
        _transfer(source, part, expected)
        found = digest(part)
    if expected not in (None, found):
        _discard(part)
        raise _MismatchError(
            f"expected SHA-256 {expected} from {source}, found {found}; nothing was kept: if the file was meant to "
            "change, change its hash in the configuration or the record, else use another source"
        )
    with storage_errors(path):
        os.replace(part, path)
    _discard(part)
    return found


def _transfer(source: str, part: Path, expected: str | None) -> bool:
    """Write all bytes of ``source`` to ``part``; return whether bytes of an earlier attempt were kept."""
    scheme = urlparse(source).scheme
    if scheme not in ("http", "https", "file"):
        raise DownloadError(f"expected an address that begins with http://, https:// or file://, found {source!r}")
    try:
        with storage_errors(part):
            if scheme == "file":
                _copy(Path(url2pathname(unquote(urlparse(source).path))), part)
                return False
            return _download(source, part, expected)
    except StorageError:
        _discard(part)
        raise


def _copy(source: Path, part: Path) -> None:
    with open(source, "rb") as stream:
        _discard(part)
        _write(iter(lambda: stream.read(_CHUNK_BYTES), b""), part, "wb", 0, source.stat().st_size)


def _download(source: str, part: Path, expected: str | None) -> bool:
    resumed = False
    for attempt in range(_N_ATTEMPTS - 1):
        try:
            return _request(source, part, expected) or resumed
        except (requests.ConnectionError, requests.Timeout, ChunkedEncodingError, _IncompleteError) as error:
            wait_s = max(_WAIT_S * 2**attempt, getattr(error, "wait_s", 0.0))
            if wait_s > _MAX_WAIT_S:
                raise
            _log.warning("%s broke off (%s), trying again after %.3g s", source, _reason(error), wait_s)
            resumed = True
            time.sleep(wait_s)
    return _request(source, part, expected) or resumed


def _request(source: str, part: Path, expected: str | None) -> bool:
    headers = {"Accept-Encoding": "identity"}
    n_kept, validator = _state(source, part, expected)
    if n_kept:
        headers["Range"] = f"bytes={n_kept}-"
        if validator:
            headers["If-Range"] = validator
    with requests.get(source, headers=headers, stream=True, timeout=_TIMEOUT_S) as response:
        if response.status_code == 416:
            # The partial file is at least as long as the file on the server, so it cannot be continued.
            _discard(part)
            raise _IncompleteError("the partial file does not fit the file on the server")
        if response.status_code >= 500 or response.status_code == _BUSY:
            wait_s = _asked_wait(response.headers.get("Retry-After", ""))
            asked = f", which asks to wait {wait_s:.0f} s" if wait_s else ""
            raise _IncompleteError(f"status {response.status_code}{asked}", wait_s)
        response.raise_for_status()
        if "text/html" in response.headers.get("Content-Type", "") and not source.endswith((".html", ".htm")):
            raise _IncompleteError("a web page came instead of the file")
        if response.status_code != 206:
            n_kept = 0
        _remember(source, part, response)
        n_total = n_kept + int(response.headers.get("Content-Length", 0))
        n_bytes = _write(response.iter_content(_CHUNK_BYTES), part, "ab" if n_kept else "wb", n_kept, n_total)
        if "Content-Length" in response.headers and n_bytes != n_total:
            raise _IncompleteError(f"{n_bytes} of {n_total} bytes arrived")
    return n_kept > 0


def _asked_wait(header: str) -> float:
    """Return the seconds to wait that a server names, as a number or as a date."""
    with suppress(ValueError):
        return max(0.0, float(header))
    with suppress(ValueError, TypeError):
        return max(0.0, parsedate_to_datetime(header).timestamp() - time.time())
    return 0.0


def _state(source: str, part: Path, expected: str | None) -> tuple[int, str]:
    """Return the number of bytes of an earlier attempt that may be kept, and the file version they belong to."""
    try:
        n_kept, state = part.stat().st_size, json.loads(_state_path(part).read_text())
    except (OSError, ValueError):
        n_kept, state = (part.stat().st_size if part.is_file() else 0), {}
    validator = state.get("validator", "") if state.get("source") == source else ""
    # Without a version and a known hash, a mixture of two files would go unnoticed.
    return (n_kept, validator) if validator or expected else (0, "")


def _remember(source: str, part: Path, response: requests.Response) -> None:
    etag = response.headers.get("ETag", "")
    validator = etag if etag and not etag.startswith("W/") else response.headers.get("Last-Modified", "")
    _state_path(part).write_text(json.dumps({"source": source, "validator": validator}))


def _write(chunks: Iterable[bytes], part: Path, mode: str, n_bytes: int, n_total: int) -> int:
    label = part.name.removesuffix(".part")
    with (
        open(part, mode) as stream,
        tqdm(total=n_total or None, initial=n_bytes, unit="B", unit_scale=True, desc=label, disable=None) as bar,
    ):
        for chunk in chunks:
            stream.write(chunk)
            n_bytes += len(chunk)
            bar.update(len(chunk))
        stream.flush()
        os.fsync(stream.fileno())
    return n_bytes


def _state_path(part: Path) -> Path:
    return part.with_name(part.name + ".json")


def _discard(part: Path) -> None:
    part.unlink(missing_ok=True)
    _state_path(part).unlink(missing_ok=True)


def _read_record(record: str | Path | None) -> dict[str, str]:
    if record is None or not Path(record).is_file():
        return {}
    try:
        return dict(json.loads(Path(record).read_text()))
    except (ValueError, TypeError):
        raise DownloadError(
            f"expected a JSON object of hashes by address in {record}, found other text; restore or delete the file"
        ) from None


def _note(url: str, found: str, expected: str | None, record: str | Path | None) -> str:
    if expected is None and record is not None:
        with write_file(record) as partial:
            partial.write_text(json.dumps({**_read_record(record), url: found}, indent=1, sort_keys=True) + "\n")
        _log.warning("no SHA-256 was pinned for %s: recorded %s in %s, enforced from now on", url, found, record)
    return found


def _reason(error: Exception) -> str:
    response = getattr(error, "response", None)
    if response is not None:
        return f"status {response.status_code}"
    if isinstance(error, OSError) and error.strerror:
        return error.strerror
    return str(error) if isinstance(error, _IncompleteError) else type(error).__name__
