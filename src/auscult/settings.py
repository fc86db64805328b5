"""Settings of analyses: one frozen dataclass per family, which defines schema, defaults and documentation."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import MISSING, Field, dataclass, field, fields, is_dataclass
from types import NoneType, UnionType
from typing import Any, TypeVar, get_args, get_origin, get_type_hints

__all__ = ["setting", "SettingRow", "setting_rows", "settings_from", "object_schema"]

Settings = TypeVar("Settings")
Schema = dict[str, Any]
_TYPES = {int: "integer", float: "number", bool: "boolean", str: "string", NoneType: "null"}


def setting(
    description: str,
    default: Any = MISSING,
    *,
    entries: type | Mapping[str, type] | None = None,
    optional: bool = False,
    **constraints: Any,
) -> Any:
    """Declare a field of a settings dataclass.

    Parameters
    ----------
    description : one sentence, shown in the schema and in the documentation
    default : default value (a mapping is copied); without one, the field is required
    entries : for a mapping, the settings dataclass of its values. For two kinds of values, a mapping of two
        dataclasses: a value that has the first key is of the first kind, others are of the second, whose key is empty
    optional : whether a study may leave the key out without getting a default in the checked configuration; the field
        is then ``default``
    constraints : keywords of JSON Schema, such as ``minimum=1`` or ``enum=[…]``; the type follows from the annotation
    """
    metadata = {"description": description, "constraints": constraints, "entries": entries, "optional": optional}
    if default is MISSING:
        return field(metadata=metadata, kw_only=True)
    if isinstance(default, type) and is_dataclass(default):
        return field(default_factory=default, metadata=metadata, kw_only=True)
    if isinstance(default, Mapping):
        return field(default_factory=lambda: dict(default), metadata=metadata, kw_only=True)
    return field(default=default, metadata=metadata, kw_only=True)


def object_schema(settings: type, **more: Any) -> Schema:
    """Return the JSON Schema of an object with one property per field; ``more`` adds or overrides keywords."""
    hints = get_type_hints(settings)
    properties = {entry.name: _property(entry, hints[entry.name]) for entry in _declared(settings)}
    required = [entry.name for entry in _declared(settings) if not _has_default(entry)]
    schema: Schema = {"type": "object", "additionalProperties": False}
    schema |= {"required": required} if required else {}
    return schema | {"properties": properties} | more


def settings_from(settings: type[Settings], section: Mapping[str, Any]) -> Settings:
    """Return the settings given in a section of a checked study; keys that are not fields are ignored.

    Lists become tuples and nested objects become dataclasses, so that settings without mappings are hashable.
    """
    hints = get_type_hints(settings)
    names = [entry.name for entry in _declared(settings) if entry.name in section]
    return settings(**{name: _value(hints[name], section[name]) for name in names})


@dataclass(frozen=True)
class SettingRow:
    """One setting, as shown in the documentation.

    Parameters
    ----------
    name : path of the key, with keys separated by colons and ``*`` for a name that the study chooses
    type : type in terms of JSON Schema, or the allowed values
    default : default in YAML, ``required``, or ``none`` for an optional key without default
    description : one sentence
    """

    name: str
    type: str
    default: str
    description: str


def setting_rows(settings: type, prefix: str = "") -> Iterator[SettingRow]:
    """Yield all settings of a dataclass, each followed by its nested settings."""
    hints = get_type_hints(settings)
    for entry in _declared(settings):
        schema = _property(entry, hints[entry.name])
        allowed = schema.get("enum") or schema.get("items", {}).get("enum")
        kind = ", ".join(map(str, allowed)) if allowed else _named(schema.get("type", "any"))
        nested = hints[entry.name] if is_dataclass(hints[entry.name]) else None
        if nested or entry.metadata["optional"]:
            shown = "" if nested else "none"
        else:
            shown = _written(_plain(_default(entry))) if _has_default(entry) else "required"
        yield SettingRow(f"{prefix}{entry.name}", kind, shown, entry.metadata["description"])
        if isinstance(nested, type):
            yield from setting_rows(nested, f"{prefix}{entry.name}: ")
        for described in _kinds(entry.metadata["entries"]):
            yield from setting_rows(described, f"{prefix}{entry.name}: *: ")


def _declared(settings: type) -> list[Field[Any]]:
    return [entry for entry in fields(settings) if "constraints" in entry.metadata]


def _has_default(entry: Field[Any]) -> bool:
    return entry.default is not MISSING or entry.default_factory is not MISSING


def _default(entry: Field[Any]) -> Any:
    factory: Callable[[], Any] | Any = entry.default_factory
    return entry.default if factory is MISSING else factory()


def _property(entry: Field[Any], hint: Any) -> Schema:
    constraints, described = entry.metadata["constraints"], entry.metadata["entries"]
    schema: Schema = {"description": entry.metadata["description"]}
    if is_dataclass(hint):
        return schema | object_schema(hint) | constraints | {"default": {}}  # type: ignore[arg-type]
    if not {"type", "oneOf", "enum", "const", "$ref"} & set(constraints):
        kind = _json_type(hint)
        if entry.metadata["optional"] and isinstance(kind, list):
            kind = [name for name in kind if name != "null"]
        schema["type"] = kind[0] if isinstance(kind, list) and len(kind) == 1 else kind
    if described:
        schema["additionalProperties"] = _entry_schema(described) | constraints.get("additionalProperties", {})
        constraints = {name: value for name, value in constraints.items() if name != "additionalProperties"}
    elif get_origin(hint) is tuple and "items" not in constraints:
        schema["items"] = {"type": _json_type(get_args(hint)[0])}
    default = {"default": _plain(_default(entry))} if _has_default(entry) and not entry.metadata["optional"] else {}
    return schema | constraints | default


def _kinds(entries: type | Mapping[str, type] | None) -> list[type]:
    if entries is None:
        return []
    return list(entries.values()) if isinstance(entries, Mapping) else [entries]


def _entry_schema(entries: type | Mapping[str, type]) -> Schema:
    if not isinstance(entries, Mapping):
        return object_schema(entries)
    (key, first), (_, second) = entries.items()
    parts = {"then": object_schema(first), "else": object_schema(second)}
    return {"type": "object", "if": {"required": [key]}, **parts}


def _json_type(hint: Any) -> str | list[str]:
    if isinstance(hint, UnionType):
        return [str(_json_type(part)) for part in get_args(hint)]
    origin = get_origin(hint) or hint
    if origin is tuple:
        return "array"
    return "object" if origin is Mapping else _TYPES[origin]


def _plain(value: Any) -> Any:
    """Return a default as lists and mappings that YAML and JSON can represent."""
    if isinstance(value, Mapping):
        return {key: _plain(entry) for key, entry in value.items()}
    return [_plain(entry) for entry in value] if isinstance(value, tuple) else value


def _value(hint: Any, value: Any) -> Any:
    if is_dataclass(hint) and isinstance(hint, type):
        return settings_from(hint, value)
    return tuple(_value(None, entry) for entry in value) if isinstance(value, list) else value


def _named(kind: str | list[str]) -> str:
    return kind if isinstance(kind, str) else " or ".join(kind)


def _written(value: Any) -> str:
    if value is None or isinstance(value, bool):
        return {None: "null", True: "true", False: "false"}[value]
    if isinstance(value, list):
        return f"[{', '.join(map(_written, value))}]"
    if isinstance(value, Mapping):
        return "{" + ", ".join(f"{key}: {_written(entry)}" for key, entry in value.items()) + "}"
    return str(value)
