"""Which code a result depends on: the files behind a module, and the commit they are at."""

import ast
import subprocess
from functools import cache
from pathlib import Path

from auscult.manifests import digest, digest_json

__all__ = ["module_sources", "code_digest", "code_commit"]

_PACKAGE = Path(__file__).parent
# Plumbing that moves bytes without deciding what they are: a change there redoes nothing.
_PLUMBING = frozenset({"auscult", "auscult.errors", "auscult.jobs", "auscult.manifests", "auscult.sources"})


def module_sources(*modules: str) -> list[Path]:
    """Return the files of these modules and of every module of the package that they import, directly or not.

    Parameters
    ----------
    modules : names below the package, such as ``probing`` or ``corpora.timit``

    Raises
    ------
    FileNotFoundError
        A module does not exist.
    """
    found: dict[str, Path] = {}
    queue = [f"auscult.{module}" for module in modules]
    while queue:
        name = queue.pop()
        if name not in found and name not in _PLUMBING:
            found[name] = _path(name)
            queue += _imports(found[name])
    return sorted(found.values())


def code_commit() -> str:
    """Return the commit of the running code, with ``-dirty`` where it was changed since; empty outside of git.

    Only code counts: results that git tracks do not make it dirty.
    """
    if not _git("ls-files", "--error-unmatch", __file__):
        return ""
    changed = _git("status", "--porcelain", "--", ":/src", ":/scripts", ":/workflow", ":/Snakefile")
    return f"{_git('rev-parse', '--short=12', 'HEAD')}{'-dirty' if changed else ''}"


def code_digest(*modules: str) -> str:
    """Return the SHA-256 of the source files behind these modules: what a half-finished step may be resumed by."""
    return digest_json([digest(path) for path in module_sources(*modules)])


def _git(*arguments: str) -> str:
    try:
        done = subprocess.run(["git", "-C", _PACKAGE, *arguments], capture_output=True, text=True)
    except FileNotFoundError:
        return ""
    return done.stdout.strip() if done.returncode == 0 else ""


def _path(name: str) -> Path:
    stem = _PACKAGE.joinpath(*name.split(".")[1:])
    return stem / "__init__.py" if stem.is_dir() else stem.with_suffix(".py")


@cache
def _imports(path: Path) -> tuple[str, ...]:
    names: list[str] = []
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.ImportFrom) and node.module:
            submodules = [f"{node.module}.{alias.name}" for alias in node.names]
            names += [node.module, *(name for name in submodules if _path(name).is_file())]
        elif isinstance(node, ast.Import):
            names += [alias.name for alias in node.names]
    return tuple(name for name in names if name.split(".")[0] == "auscult")
