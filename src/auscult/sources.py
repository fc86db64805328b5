"""Code that a result depends on: the modules that a script imports, a digest of their meaning, and the commit.

The meaning of a file does not depend on comments, docstrings, type annotations of functions or formatting. An edit
without a change of behaviour therefore changes no digest and causes no rerun.
"""

import ast
import json
import logging
import os
import subprocess
from collections.abc import Iterator
from contextlib import suppress
from functools import cache
from pathlib import Path
from typing import Any

from auscult.errors import StorageError
from auscult.manifests import digest, digest_json, write_file

__all__ = ["module_sources", "code_digest", "recall_digests", "keep_digests", "code_commit"]

_log = logging.getLogger(__name__)
_PACKAGE = Path(__file__).parent
# Modules that cannot affect the content of results; a change there causes no rerun.
_PLUMBING = frozenset(
    {"auscult", "auscult.errors", "auscult.jobs", "auscult.manifests", "auscult.result_seals", "auscult.sources"}
)
_TYPING = frozenset({"typing", "collections.abc", "__future__"})
# Cache of parsed files, by SHA-256 of the file: digest of its meaning, and all names that it may import.
_READ: dict[str, tuple[str, list[str]]] = {}
_RECALLED: set[str] = set()
_DOCUMENTED = (ast.Module, ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef)


def module_sources(*entries: str | Path) -> list[Path]:
    """Return the source files of modules and scripts and of all modules of the package that they import, recursively.

    Parameters
    ----------
    entries : names within the package, such as ``analyses.probing.analysis``, or paths of scripts

    Raises
    ------
    FileNotFoundError
        A module or script does not exist.
    """
    found: dict[Path, None] = {}
    queue = [entry if isinstance(entry, Path) else _path(f"auscult.{entry}") for entry in entries]
    while queue:
        path = queue.pop()
        if path not in found:
            found[path] = None
            queue += [_path(name) for name in _imported(path) if name not in _PLUMBING]
    return sorted(found)


def code_digest(*entries: str | Path) -> str:
    """Return the SHA-256 of the meaning of modules and scripts and of the modules that they import.

    The meaning of a file is its syntax tree without comments, docstrings, annotations of functions, imports for type
    checkers, and positions.

    Parameters
    ----------
    entries : modules or scripts, as in :func:`module_sources`
    """
    return digest_json([_read(path)[0] for path in sorted(module_sources(*entries), key=_place)])


def _place(path: Path) -> Path:
    """Return the place of a file within its repository, so that digests do not depend on where that lies."""
    if path.is_relative_to(_PACKAGE):
        return Path("src", "auscult", path.relative_to(_PACKAGE))
    return Path(path.parent.name, path.name)


def recall_digests(path: str | Path) -> None:
    """Read the digests cached by an earlier run, so that unchanged files are not parsed again.

    A damaged cache is ignored, since it only saves half a second.
    """
    with suppress(OSError, ValueError, TypeError):
        _READ.update(json.loads(Path(path).read_text()))
        _RECALLED.update(_READ)


def keep_digests(path: str | Path) -> None:
    """Cache all digests of this run for :func:`recall_digests`, if there are new ones and the path is writable."""
    if _READ.keys() - _RECALLED:
        with suppress(OSError, StorageError), write_file(path) as partial:
            partial.write_text(json.dumps(_READ))


def code_commit() -> str:
    """Return the commit of the running code, with ``-dirty`` if the code has uncommitted changes; empty outside git.

    Changed results that git tracks do not count. If git cannot read its repository, the commit is ``unknown``, and the
    reason is logged.
    """
    try:
        if not _git("ls-files", "--", "sources.py"):
            return ""
        changed = _git("status", "--porcelain", "--", ":/src", ":/scripts", ":/workflow", ":/Snakefile")
        return f"{_git('rev-parse', '--short=12', 'HEAD')}{'-dirty' if changed else ''}"
    except FileNotFoundError:
        return ""
    except subprocess.CalledProcessError as error:
        reason = " ".join(error.stderr.split())
        if "not a git repository" in reason:
            return ""
        _log.warning("the commit of the code is entered as unknown, since git cannot read its repository: %s", reason)
        return "unknown"


def _git(*arguments: str) -> str:
    # By default git refuses the repository of another user, whose settings could name programs to run. This program
    # is itself code of that repository.
    command = ["git", "-c", "safe.directory=*", "-C", str(_PACKAGE), *arguments]
    environment = {**os.environ, "LC_ALL": "C"}
    return subprocess.run(command, capture_output=True, text=True, env=environment, check=True).stdout.strip()


def _path(name: str) -> Path:
    stem = _PACKAGE.joinpath(*name.split(".")[1:])
    return stem / "__init__.py" if stem.is_dir() else stem.with_suffix(".py")


@cache
def _read(path: Path) -> tuple[str, list[str]]:
    """Return the digest of a file's meaning, and the imported names that may be modules of the package."""
    name = digest(path)
    if name not in _READ:
        tree = _Meaning().visit(ast.parse(path.read_text(encoding="utf-8")))
        _READ[name] = digest_json(_plain(tree)), sorted(set(_named(tree)))
    return _READ[name]


def _imported(path: Path) -> list[str]:
    return [name for name in _read(path)[1] if _path(name).is_file()]


def _named(tree: ast.AST) -> Iterator[str]:
    """Yield the modules of the package that a file imports, and names in them, which may be modules themselves."""
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom) and node.module and node.module.split(".")[0] == "auscult":
            yield node.module
            yield from (f"{node.module}.{alias.name}" for alias in node.names)
        elif isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names if alias.name.split(".")[0] == "auscult")


class _Meaning(ast.NodeTransformer):
    """Remove everything from a syntax tree that does not affect behaviour."""

    def generic_visit(self, node: ast.AST) -> ast.AST:
        if isinstance(node, _DOCUMENTED) and ast.get_docstring(node, clean=False) is not None:
            node.body = node.body[1:]
        return super().generic_visit(node)

    def visit_FunctionDef(self, node: ast.FunctionDef) -> ast.AST:
        node.returns = None
        return self.generic_visit(node)

    def visit_arg(self, node: ast.arg) -> ast.AST:
        node.annotation = None
        return node

    def visit_If(self, node: ast.If) -> ast.AST | None:
        return None if isinstance(node.test, ast.Name) and node.test.id == "TYPE_CHECKING" else self.generic_visit(node)

    def visit_Assign(self, node: ast.Assign) -> ast.AST | None:
        names = [target.id for target in node.targets if isinstance(target, ast.Name)]
        return None if names == ["__all__"] else self.generic_visit(node)

    def visit_ImportFrom(self, node: ast.ImportFrom) -> ast.AST | None:
        return None if node.module in _TYPING else node


def _plain(value: Any) -> Any:
    """Return a syntax tree as nested lists: type and fields of each node, without positions and empty fields.

    ``ast.dump`` is not used, since its output differs between versions of Python.
    """
    if isinstance(value, ast.AST):
        parts = ((name, getattr(value, name, None)) for name in value._fields if name not in ("ctx", "kind"))
        return [type(value).__name__, *([name, _plain(part)] for name, part in parts if part not in (None, []))]
    if isinstance(value, list):
        return [_plain(entry) for entry in value]
    return value if isinstance(value, str | bool) else [repr(value)]
