"""Reading of study files: UTF-8, valid YAML, and no key twice."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import yaml

from auscult.errors import ConfigError

__all__ = ["read_study", "check_file"]

_MERGE = "tag:yaml.org,2002:merge"
_SHOWN = 5


def read_study(path: str | Path) -> dict[str, Any]:
    """Read a study file as nested mappings.

    Anchors, aliases and merges (``<<:``) may be used; a key next to a merge overrides the merged one.

    Parameters
    ----------
    path : YAML or JSON file

    Raises
    ------
    ConfigError
        The file does not exist, is not UTF-8, is not YAML, has no keys at the top level, or has a key twice in one
        mapping.
    """
    text, is_yaml = _read_text(Path(path)), check_file(path)
    try:
        found = yaml.safe_load(text) if is_yaml else json.loads(text)
    except (yaml.YAMLError, ValueError) as error:
        raise _not_yaml(Path(path), error) from None
    if not isinstance(found, dict):
        raise ConfigError(
            f"expected the keys of a study in {path}, found {'nothing' if found is None else repr(found)[:60]}; "
            "studies/ has examples"
        )
    return found


def check_file(path: str | Path) -> bool:
    """Check that a configuration file can be read and has no key twice; return whether it is YAML and not only JSON.

    Libraries that read YAML keep the last of two equal keys and drop the other one without a message.

    Parameters
    ----------
    path : YAML or JSON file

    Raises
    ------
    ConfigError
        As for :func:`read_study`.
    """
    path = Path(path)
    text = _read_text(path)
    try:
        repeated = list(_repeated(yaml.compose(text, Loader=yaml.SafeLoader)))
        is_yaml = True
    except (yaml.YAMLError, ValueError) as error:
        # YAML does not allow tabs as indentation, JSON does.
        repeated, is_yaml = _read_json(text, path, error), False
    if repeated:
        shown = "; ".join(repeated[:_SHOWN]) + (f"; and {len(repeated) - _SHOWN} more" if repeated[_SHOWN:] else "")
        raise ConfigError(f"expected every key once in {path}, found {shown}; join or rename the two entries")
    return is_yaml


def _read_text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8-sig")
    except UnicodeDecodeError as error:
        raise ConfigError(
            f"expected a study as UTF-8 text in {path}, found byte {error.object[error.start]:#04x} at position "
            f"{error.start}, which is not UTF-8; save the file as UTF-8, or name another file"
        ) from None
    except OSError as error:
        raise ConfigError(f"expected a study file at {path}, found: {error.strerror}; correct the path") from None


def _read_json(text: str, path: Path, error: Exception) -> list[str]:
    """Return a description of each repeated key of a JSON text; raise the YAML error if it is not JSON either."""
    repeated: list[str] = []

    def collect(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        names = [name for name, _ in pairs]
        repeated.extend(f"{name!r} twice" for name in dict.fromkeys(names) if names.count(name) > 1)
        return dict(pairs)

    try:
        json.loads(text, object_pairs_hook=collect)
    except ValueError:
        raise _not_yaml(path, error) from None
    return repeated


def _not_yaml(path: Path, error: Exception) -> ConfigError:
    mark = getattr(error, "problem_mark", None)
    where = f" in line {mark.line + 1}, column {mark.column + 1}" if mark else ""
    reason = getattr(error, "problem", None) or getattr(error, "reason", None) or str(error)
    return ConfigError(f"expected valid YAML in {path}, found{where}: {reason}; correct it")


def _repeated(root: yaml.Node | None) -> Iterator[str]:
    """Yield a description of each key that a mapping has more than once: its place and its lines."""
    seen: set[int] = set()
    queue: list[tuple[yaml.Node | None, tuple[str, ...]]] = [(root, ())]
    while queue:
        node, place = queue.pop()
        if id(node) in seen:  # reached again by an alias
            continue
        seen.add(id(node))
        if isinstance(node, yaml.SequenceNode):
            queue += [(entry, place) for entry in reversed(node.value)]
        elif isinstance(node, yaml.MappingNode):
            lines: dict[str, list[int]] = {}
            for key, _ in node.value:
                if isinstance(key, yaml.ScalarNode) and not _is_merge(key):
                    lines.setdefault(_name(key), []).append(key.start_mark.line + 1)
            for name, found in lines.items():
                if len(found) > 1:
                    where = f" in {': '.join(place)}" if place else ""
                    listed = ", ".join(map(str, found[:-1]))
                    yield f"{name!r}{where} in lines {listed} and {found[-1]}"
            queue += [(value, place if _is_merge(key) else (*place, _name(key))) for key, value in reversed(node.value)]


def _is_merge(key: yaml.Node) -> bool:
    return bool(key.tag == _MERGE)


def _name(key: yaml.Node) -> str:
    """Return a key as text, since a study converts all keys to text: ``1000`` and ``"1000"`` are the same key."""
    return str(yaml.constructor.SafeConstructor().construct_object(key))
