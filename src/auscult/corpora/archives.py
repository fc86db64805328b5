"""Safe unpacking of archives: plain files only, inside the target folder, with limits on size and number."""

import bz2
import errno
import gzip
import io
import lzma
import os
import shutil
import stat
import struct
import tarfile
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path, PurePosixPath
from typing import IO, Any, cast

from auscult.errors import ArchiveError, CorpusError
from auscult.manifests import storage_errors

__all__ = ["MAX_BYTES", "MAX_FILES", "unpack", "unpack_or_copy", "check_archive"]

MAX_BYTES = 1 << 37
MAX_FILES = 2_000_000
# Speech, labels and text compress less than fifty-fold; a decompression bomb compresses about a thousand-fold.
_MAX_RATIO = 200
_SMALL_BYTES = 10 << 20
_DAMAGED = (
    zipfile.BadZipFile,
    tarfile.TarError,
    EOFError,
    zlib.error,
    lzma.LZMAError,
    NotImplementedError,
    RuntimeError,
    OSError,
    struct.error,
    ValueError,
    OverflowError,
)
# Modules of decompressors by the first bytes of a file; other files are read as they are.
_DECOMPRESSORS = {b"\x1f\x8b": gzip, b"BZh": bz2, b"\xfd7zXZ": lzma, b"\x5d\x00\x00": lzma}
_CHUNK_BYTES = 1 << 20
# Names of files and other attributes of a member are shorter than this by far, and so is the padding of a tar.
_MAX_HEADER_BYTES = 4 << 20
_MAX_PADDING_BYTES = 64 << 20
# What a member has as a header, and not counted as content.
_HEADER_BYTES = 2 * tarfile.BLOCKSIZE
# Compressions of zip members whose memory does not depend on what the archive states.
_ZIP_METHODS = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED, zipfile.ZIP_BZIP2)


def unpack(archive: str | Path, folder: str | Path, *, max_bytes: int = MAX_BYTES, max_files: int = MAX_FILES) -> None:
    """Unpack a zip or tar (gz, bz2, xz) archive into ``folder``, completely or not at all.

    The files are written next to ``folder`` and moved into place at the end; an existing folder is replaced.

    Raises
    ------
    CorpusError
        The archive does not exist.
    ArchiveError
        A member has an absolute path or ``..`` in its path, is a link or device, or occurs twice; the content exceeds
        ``max_bytes``, ``max_files`` or a plausible compression ratio; or the archive is damaged.
    StorageError
        The disk is full or read-only.
    """
    archive, folder = Path(archive), Path(folder)
    if not archive.is_file():
        raise CorpusError(f"expected an archive at {archive}, found no such file; fetch it first")
    partial = folder.with_name(f".partial-{folder.name}")
    shutil.rmtree(partial, ignore_errors=True)
    try:
        with storage_errors(folder), _damage(archive):
            partial.mkdir(parents=True)
            _unpack_members(archive, partial, max_bytes, max_files)
            shutil.rmtree(folder, ignore_errors=True)
            os.replace(partial, folder)
    finally:
        shutil.rmtree(partial, ignore_errors=True)


def check_archive(archive: str | Path) -> None:
    """Read every member and stream of an archive to its end, comparing all checksums that its form has.

    A zip has one per member; gzip, bzip2 and xz have them per stream; a plain tar only has checksums of its headers.

    Raises
    ------
    ArchiveError
        The archive is damaged, truncated or encrypted, has a header that is far too long, or expands implausibly.
    """
    archive = Path(archive)
    with _damage(archive):
        for _, _, stream in _limited(archive, MAX_BYTES, MAX_FILES):
            while stream is not None and stream.read(_CHUNK_BYTES):
                pass


@contextmanager
def _damage(archive: Path) -> Iterator[None]:
    """Turn the errors of readers of archives into an :class:`ArchiveError`."""
    try:
        yield
    except _DAMAGED as error:
        # Damage found by a decompressor has no error number; a full disk has one.
        if isinstance(error, OSError) and error.errno not in (None, errno.EINVAL):  # places before the file's start
            raise
        raise ArchiveError(
            f"expected a whole zip or tar archive, found {archive} damaged or encrypted ({error}); fetch it again"
        ) from None


def unpack_or_copy(archive: str | Path, folder: str | Path) -> None:
    """Unpack an archive into a folder, or copy a dataset that is a single table (``.parquet``) into it."""
    archive, folder = Path(archive), Path(folder)
    if archive.suffix != ".parquet":
        unpack(archive, folder)
        return
    with storage_errors(folder):
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(parents=True)
        shutil.copyfile(archive, folder / archive.name)


def _unpack_members(archive: Path, folder: Path, max_bytes: int, max_files: int) -> None:
    empty = True
    for name, _, stream in _limited(archive, max_bytes, max_files):
        _write_member(folder / _safe(name, archive), name, stream, archive)
        empty = False
    if empty:
        raise ArchiveError(f"expected files in {archive}, found an empty archive; fetch it again")


def _limited(archive: Path, max_bytes: int, max_files: int) -> Iterator[tuple[str, int, IO[bytes] | None]]:
    """Yield the members of an archive until they are too many or too long, headers included."""
    limit = min(max_bytes, max(_SMALL_BYTES, _MAX_RATIO * archive.stat().st_size))
    n_bytes = 0
    for n_files, (name, size, stream) in enumerate(_members(archive), 1):
        n_bytes += size
        if n_files > max_files:
            raise ArchiveError(f"expected at most {max_files} files in {archive}, found more; raise the limit if meant")
        if n_bytes > limit:
            raise ArchiveError(
                f"expected at most {limit} bytes from {archive}, found {n_bytes} at member {name!r}: this may be a "
                "decompression bomb; unpack it by hand if you trust it"
            )
        yield name, size, stream


def _write_member(path: Path, name: str, stream: IO[bytes] | None, archive: Path) -> None:
    try:
        (path if stream is None else path.parent).mkdir(parents=True, exist_ok=True)
    except (FileExistsError, NotADirectoryError):
        raise ArchiveError(
            f"expected files and folders apart in {archive}, found {name!r} below a file; repack the archive"
        ) from None
    if stream is None:
        return
    if os.path.lexists(path):
        raise ArchiveError(f"expected each member of {archive} once, found {name!r} twice; repack the archive")
    with open(path, "wb") as target:
        shutil.copyfileobj(stream, target, 1 << 20)


def _members(archive: Path) -> Iterator[tuple[str, int, IO[bytes] | None]]:
    """Yield name, size and content (None for a folder) of each member; limits apply before content is read."""
    yield from _zip_members(archive) if zipfile.is_zipfile(archive) else _tar_members(archive)


def _zip_members(archive: Path) -> Iterator[tuple[str, int, IO[bytes] | None]]:
    with zipfile.ZipFile(archive) as opened:
        for member in opened.infolist():
            kind = stat.S_IFMT(member.external_attr >> 16)
            if kind not in (0, stat.S_IFREG, stat.S_IFDIR):
                _refuse_kind(member.filename, archive)
            if member.is_dir():
                yield member.orig_filename, 0, None
                continue
            if member.compress_type not in _ZIP_METHODS:
                raise ArchiveError(
                    f"expected members that are stored, deflated or compressed by bzip2 in {archive}, found "
                    f"{member.filename!r} of method {member.compress_type}; unpack it by hand and pack it anew"
                )
            with opened.open(member) as stream:
                yield member.orig_filename, member.file_size, stream


def _tar_members(archive: Path) -> Iterator[tuple[str, int, IO[bytes] | None]]:
    with open(archive, "rb") as plain:
        first = plain.read(8)
    opener: Any = next((module for start, module in _DECOMPRESSORS.items() if first.startswith(start)), io)
    with opener.open(archive, "rb") as stream:
        guarded = _ShortReads(stream, archive)
        with tarfile.open(fileobj=cast("IO[bytes]", guarded), mode="r:") as opened:
            while (member := opened.next()) is not None:
                if not (member.isfile() or member.isdir()) or member.issparse():
                    _refuse_kind(member.name, archive)
                n_bytes = (member.size if member.isfile() else 0) + max(0, guarded.n_of_headers - _HEADER_BYTES)
                guarded.in_headers = False
                yield member.name, n_bytes, opened.extractfile(member)
                opened.members.clear()  # type: ignore[attr-defined]  # each keeps its headers, of which there may be gigabytes
                guarded.check_length(sum(len(name) + len(value) for name, value in opened.pax_headers.items()))
                guarded.in_headers, guarded.n_of_headers = True, 0
            _check_end(stream, opened.offset, archive)


class _ShortReads:
    """A stream that refuses more than 4 MiB at once, or as the headers of one member: content is read in small parts.

    Parameters
    ----------
    in_headers : whether headers are being read
    n_of_headers : number of bytes read as headers since it was set to 0
    """

    def __init__(self, stream: IO[bytes], archive: Path) -> None:
        self._stream, self._archive = stream, archive
        self.in_headers, self.n_of_headers = True, 0
        self.seek, self.tell, self.close = stream.seek, stream.tell, stream.close

    def read(self, n_bytes: int = -1) -> bytes:
        """Return the next bytes, unless they are too many."""
        self.check_length(n_bytes)
        if self.in_headers:
            self.n_of_headers += n_bytes
            self.check_length(self.n_of_headers)
        return self._stream.read(n_bytes)

    def check_length(self, n_bytes: int) -> None:
        """Refuse a number of bytes that no header has."""
        if not 0 <= n_bytes <= _MAX_HEADER_BYTES:
            raise ArchiveError(
                f"expected headers of at most {_MAX_HEADER_BYTES} bytes in {self._archive}, found one of {n_bytes}; "
                "nothing was unpacked: get the archive from a source you trust"
            )


def _check_end(stream: IO[bytes], offset: int, archive: Path) -> None:
    """Read a tar to its end, where only zeros may follow; a decompressor compares its checksum there.

    The module tarfile takes a damaged header for the end of the archive, and does not read up to the checksum.
    """
    stream.seek(offset)
    n_zeros = 0
    while block := stream.read(_CHUNK_BYTES):
        if block.strip(b"\0"):
            raise ArchiveError(
                f"expected zeros at the end of {archive}, found other bytes after byte {offset}: a header is damaged, "
                "or archives were joined; fetch it again, or unpack it by hand and pack it anew"
            )
        n_zeros += len(block)
        if n_zeros > _MAX_PADDING_BYTES:
            raise ArchiveError(
                f"expected at most {_MAX_PADDING_BYTES} zeros at the end of {archive}, found more: this may be a "
                "decompression bomb; unpack it by hand if you trust it"
            )
    if n_zeros < tarfile.BLOCKSIZE:
        raise ArchiveError(
            f"expected a block of zeros at the end of {archive}, found none: the archive is truncated; fetch it again"
        )


def _refuse_kind(name: str, archive: Path) -> None:
    raise ArchiveError(
        f"expected plain files and folders in {archive}, found {name!r}, a link or device; nothing was unpacked: get "
        "the archive from a source you trust"
    )


def _safe(name: str, archive: Path) -> PurePosixPath:
    path = PurePosixPath(name)
    unsafe = path.is_absolute() or ".." in path.parts or not path.parts or "\0" in name
    # Windows reads a backslash as a separator and a colon as the end of a drive name.
    if unsafe or "\\" in name or ":" in path.parts[0]:
        raise ArchiveError(
            f"expected names inside the folder in {archive}, found {name!r}; nothing was unpacked: get the archive "
            "from a source you trust"
        )
    return path
