"""The files of a source folder: one list for readers, for the hash of the source and for the inputs of the workflow."""

import os
import stat
import unicodedata
from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path, PurePosixPath
from typing import Any

from auscult.errors import CorpusError

__all__ = ["SourceFiles", "list_files", "list_source", "natural_stem"]

# Folders and files of operating systems, file servers and version control that are not hidden by a leading dot.
_SYSTEM = frozenset(
    (
        "__macosx",
        "thumbs.db",
        "ehthumbs.db",
        "desktop.ini",
        "icon\r",
        "$recycle.bin",
        "system volume information",
        "lost+found",
        "@eadir",
        "__pycache__",
    )
)
_KNOWN = frozenset((".DS_Store", ".git", ".ipynb_checkpoints"))
_MAX_NAMED = 10


@dataclass(frozen=True)
class SourceFiles:
    """The files below a folder that belong to a corpus.

    Parameters
    ----------
    folder : the folder
    paths : regular files at any depth, sorted; a file below a linked folder has the path of the link
    ignored : number of files and folders left out, by name or reason; a folder counts once
    linked : number of linked folders that were followed
    """

    folder: Path
    paths: tuple[Path, ...]
    ignored: Mapping[str, int] = field(default_factory=dict)
    linked: int = 0

    def ending_in(self, *endings: str) -> list[Path]:
        """Return the files with one of the endings (``.wav``), whatever the case of their letters."""
        return [path for path in self.paths if path.suffix.lower() in endings]

    def matching(self, pattern: str) -> list[Path]:
        """Return the files whose last parts match a pattern (``*.conllu``), whatever the case of their letters."""
        relative = {path: path.relative_to(self.folder).as_posix().lower() for path in self.paths}
        return [path for path in self.paths if PurePosixPath(relative[path]).match(pattern.lower())]

    @cached_property
    def _by_name(self) -> dict[str, list[Path]]:
        found: dict[str, list[Path]] = {}
        for path in self.paths:
            found.setdefault(natural_stem(path), []).append(path)
        return found

    def beside(self, path: Path) -> list[Path]:
        """Return all files of the same folder and stem, ``path`` included; equal Unicode forms are equal stems."""
        return self._by_name.get(natural_stem(path), [])


def natural_stem(path: Path) -> str:
    """Return a path without its ending, in Unicode's composed form (NFC): macOS decomposes the names of files."""
    return unicodedata.normalize("NFC", path.with_suffix("").as_posix())


def list_files(folder: str | Path) -> SourceFiles:
    """List the files of a source folder, at any depth.

    Links to files and folders are followed. A folder is read once: a link to a folder that lies below ``folder``
    itself, or that contains it, is left out and counted, so that cycles end. Hidden files and folders and those that
    operating systems leave behind (``._a.wav``, ``.DS_Store``, ``.git``, ``.ipynb_checkpoints``, ``__MACOSX``,
    ``Thumbs.db`` …) are left out and counted.

    Parameters
    ----------
    folder : the folder; its own name may be hidden

    Raises
    ------
    CorpusError
        The folder does not exist; links lead nowhere; two links lead to the same folder; a folder cannot be opened; or
        names are not UTF-8. All such paths are counted, and the first ten are named.
    """
    folder = Path(folder)
    if not folder.is_dir():
        raise CorpusError(f"expected a folder at {folder}, found none; correct the path of the corpus")
    walk = _Walk(folder)
    walk.read(folder, linked=False)
    # Links come last, so that what lies below the folder itself has its own path.
    for link in walk.links:  # grows while linked folders are read
        walk.follow(link)
    walk.complain()
    return SourceFiles(folder, tuple(sorted(walk.files)), dict(sorted(walk.ignored.items())), walk.n_linked)


def list_source(folder: str | Path, options: Mapping[str, Any]) -> tuple[Path, ...]:
    """Return the files that an import reads: those of the source folder, and of alignments in a tree of their own.

    Parameters
    ----------
    folder : source folder
    options : options of the reader; ``alignments`` is a folder relative to ``folder``, which may lie outside it

    Raises
    ------
    CorpusError
        See :func:`list_files`.
    """
    paths = list_files(folder).paths
    apart = Path(folder) / str(options.get("alignments") or "")
    if not apart.is_dir() or apart.resolve().is_relative_to(Path(folder).resolve()):
        return paths
    return (*paths, *list_files(apart).paths)


@dataclass
class _Walk:
    folder: Path
    files: list[Path] = field(default_factory=list)
    links: list[Path] = field(default_factory=list)
    ignored: Counter[str] = field(default_factory=Counter)
    seen: dict[tuple[int, int], tuple[Path, bool]] = field(default_factory=dict)
    broken: list[Path] = field(default_factory=list)
    twice: list[tuple[Path, Path]] = field(default_factory=list)
    closed: list[Path] = field(default_factory=list)
    undecodable: list[Path] = field(default_factory=list)
    n_linked: int = 0

    def read(self, folder: Path, linked: bool) -> None:
        """Note all files of a folder and its subfolders; links to folders wait."""
        pending = [folder]
        while pending:
            current = pending.pop()
            identity = _identity(current)
            if identity in self.seen:
                self._meet(current, identity)
                continue
            self.seen[identity] = (current, linked)
            for entry in self._entries(current):
                path = Path(entry.path)
                if kind := _ignored(entry.name):
                    self.ignored[kind] += 1
                elif not _is_text(entry.name):
                    self.undecodable.append(path)
                elif entry.is_dir(follow_symlinks=False):
                    pending.append(path)
                else:
                    self._note(path)

    def follow(self, link: Path) -> None:
        """Read a linked folder, unless it is read elsewhere or contains the corpus."""
        target = link.resolve()
        if self.folder.resolve().is_relative_to(target):
            self.ignored["links to a folder that contains the corpus"] += 1
        elif _identity(link) in self.seen:
            self._meet(link, _identity(link))
        else:
            self.n_linked += 1
            self.read(link, linked=True)

    def _meet(self, path: Path, identity: tuple[int, int]) -> None:
        first, linked = self.seen[identity]
        # A link inside of the folder that it leads to is a cycle.
        if linked and not path.is_relative_to(first):
            self.twice.append((first, path))
        else:
            self.ignored["links to a folder of the corpus"] += 1

    def _note(self, path: Path) -> None:
        try:
            mode = path.stat().st_mode
        except OSError:  # nothing there, a circle of links, or a folder on the way that cannot be entered
            self.broken.append(path)
            return
        if stat.S_ISDIR(mode):
            self.links.append(path)
        elif stat.S_ISREG(mode):
            self.files.append(path)
        else:
            self.ignored["devices, pipes and sockets"] += 1

    def _entries(self, folder: Path) -> Iterable[os.DirEntry[str]]:
        try:
            with os.scandir(folder) as entries:
                return sorted(entries, key=lambda entry: entry.name)
        except OSError:
            self.closed.append(folder)
            return ()

    def complain(self) -> None:
        _refuse(
            self.broken,
            lambda path: f"{path} -> {os.readlink(path)}" if path.is_symlink() else str(path),
            "links to files and folders that exist",
            "links that lead nowhere",
            "mend or remove them",
            self.folder,
        )
        _refuse(
            self.twice,
            lambda pair: f"{pair[0]} and {pair[1]}",
            "each folder of recordings once",
            "links to the same folder",
            "remove one of each two, or the same recordings would count as two speakers",
            self.folder,
        )
        _refuse(
            self.closed, str, "folders that can be opened", "no permission for", "change their permissions", self.folder
        )
        _refuse(
            self.undecodable,
            _printable,
            "names in UTF-8 without control characters",
            "others",
            "rename the files (for instance with convmv)",
            self.folder,
        )


def _refuse(paths: list, describe: Callable[..., str], expected: str, found: str, advice: str, folder: Path) -> None:
    if not paths:
        return
    named = ", ".join(describe(path) for path in paths[:_MAX_NAMED])
    more = f" and {len(paths) - _MAX_NAMED} more" if len(paths) > _MAX_NAMED else ""
    raise CorpusError(f"expected {expected} below {folder}, found {len(paths)} {found}: {named}{more}; {advice}")


def _identity(folder: Path) -> tuple[int, int]:
    status = os.stat(folder)
    return status.st_dev, status.st_ino


def _ignored(name: str) -> str:
    """Return the kind of name that a file or folder is left out for, "" if it belongs to the corpus."""
    if name in _KNOWN or name.lower() in _SYSTEM:
        return name.strip()
    if name.startswith("."):
        return "._*" if name.startswith("._") else "other hidden files and folders"
    return ""


def _printable(path: Path) -> str:
    name = os.fsencode(path).decode("utf-8", "backslashreplace")
    return "".join(letter if letter.isprintable() else ascii(letter)[1:-1] for letter in name)


def _is_text(name: str) -> bool:
    try:
        name.encode("utf-8")
    except UnicodeEncodeError:
        return False
    return not any(unicodedata.category(letter) == "Cc" for letter in name)
