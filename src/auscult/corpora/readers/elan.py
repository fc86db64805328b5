"""Tiers of ELAN's annotation files (``.eaf``): names, speakers and times in seconds."""

import math
import unicodedata
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from xml.etree import ElementTree
from xml.parsers import expat

from auscult.errors import LabelError

__all__ = ["ElanTier", "read_eaf"]


@dataclass(frozen=True)
class ElanTier:
    """One tier.

    Parameters
    ----------
    name : ``TIER_ID``
    speaker : ``PARTICIPANT``, "" if none is entered
    kind : ``LINGUISTIC_TYPE_REF``
    rows : onset and offset in seconds and label, by onset
    n_untimed : annotations without times of their own, which are not in ``rows``
    """

    name: str
    speaker: str
    kind: str
    rows: tuple[tuple[float, float, str], ...]
    n_untimed: int = 0


def read_eaf(path: str | Path) -> list[ElanTier]:
    """Read all tiers of an ELAN file.

    Annotations that refer to another one (symbolic association) have its times. Those that share it with others
    (symbolic subdivision), and those between time slots without a value, have no times: ELAN only draws them evenly.
    The time origin of the media is added.

    Raises
    ------
    LabelError
        The file is not ELAN's, has a document type with entities, other units than milliseconds, several time origins,
        or an annotation that refers to nothing.
    """
    path = Path(path)
    root = _parse(path)
    origin_ms = _origin(root, path)
    times_ms = {slot.get("TIME_SLOT_ID", ""): slot.get("TIME_VALUE") for slot in root.iter("TIME_SLOT")}
    spans: dict[str, tuple[float, float]] = {}
    children: dict[str, list[tuple[str, str]]] = {}  # of each annotation: tier and annotation that refer to it
    for tier in root.iter("TIER"):
        for annotation in tier.iter("ALIGNABLE_ANNOTATION"):
            spans[annotation.get("ANNOTATION_ID", "")] = _span(annotation, times_ms, origin_ms, path)
        for annotation in tier.iter("REF_ANNOTATION"):
            key = (tier.get("TIER_ID", ""), annotation.get("ANNOTATION_ID", ""))
            children.setdefault(annotation.get("ANNOTATION_REF", ""), []).append(key)
    _inherit(spans, children)
    return [_tier(tier, spans, path) for tier in root.iter("TIER")]


def _parse(path: Path) -> ElementTree.Element:
    content = path.read_bytes()
    # Entities can expand without bound and name files of this machine; ELAN writes no document type.
    checker = expat.ParserCreate()
    checker.StartDoctypeDeclHandler = lambda *_: _refuse("a document type, which may hold entities", path)
    try:
        checker.Parse(content, True)
        root = ElementTree.fromstring(content)
    except (expat.ExpatError, ElementTree.ParseError, LookupError, ValueError) as error:
        raise LabelError(
            f"expected an annotation file of ELAN in {path}, found invalid XML ({error}); save it again with ELAN"
        ) from None
    if root.tag != "ANNOTATION_DOCUMENT":
        _refuse(f"XML of another kind (<{root.tag[:40]}>)", path)
    units = next((header.get("TIME_UNITS", "milliseconds") for header in root.iter("HEADER")), "milliseconds")
    if units != "milliseconds":
        _refuse(f"times in {units} instead of milliseconds", path)
    return root


def _refuse(found: str, path: Path) -> None:
    raise LabelError(f"expected an annotation file of ELAN in {path}, found {found}; save it again with ELAN")


def _origin(root: ElementTree.Element, path: Path) -> float:
    """Return the time in the media, in ms, of the annotations' zero."""
    origins = {}
    for media in root.iter("MEDIA_DESCRIPTOR"):
        name = PurePosixPath((media.get("RELATIVE_MEDIA_URL") or media.get("MEDIA_URL") or "").replace("\\", "/"))
        origins[name.stem] = _number(media.get("TIME_ORIGIN") or "0", "a time origin", path)
    if path.stem in origins:
        return origins[path.stem]
    if len(set(origins.values())) > 1:
        named = ", ".join(f"{name} at {origin:g} ms" for name, origin in sorted(origins.items()))
        raise LabelError(
            f"expected one time origin of the media of {path}, found {named}; name the file like its recording"
        )
    return next(iter(origins.values()), 0.0)


def _span(
    annotation: ElementTree.Element, times_ms: dict[str, str | None], origin_ms: float, path: Path
) -> tuple[float, float]:
    span = []
    for side in ("TIME_SLOT_REF1", "TIME_SLOT_REF2"):
        slot = annotation.get(side, "")
        if slot not in times_ms:
            raise LabelError(
                f"expected time slots of every annotation in {path}, found no slot {slot!r} of annotation "
                f"{annotation.get('ANNOTATION_ID', '')!r}; save the file again with ELAN"
            )
        value = times_ms[slot]
        span.append(math.nan if value is None else (_number(value, f"slot {slot!r}", path) + origin_ms) / 1000)
    return span[0], span[1]


def _number(value: str, what: str, path: Path) -> float:
    try:
        number = float(value)
    except ValueError:
        number = math.nan
    if not math.isfinite(number):
        raise LabelError(f"expected {what} in milliseconds in {path}, found {value[:40]!r}; save it again with ELAN")
    return number


def _inherit(spans: dict[str, tuple[float, float]], children: dict[str, list[tuple[str, str]]]) -> None:
    """Give annotations the times of the one that they refer to, if no other of their tier refers to it."""
    pending = list(spans)
    while pending:
        parent = pending.pop()
        of_tier: dict[str, list[str]] = {}
        for tier, child in children.get(parent, ()):
            of_tier.setdefault(tier, []).append(child)
        for names in of_tier.values():
            for name in names:
                if name not in spans:
                    spans[name] = spans[parent] if len(names) == 1 else (math.nan, math.nan)
                    pending.append(name)


def _tier(tier: ElementTree.Element, spans: dict[str, tuple[float, float]], path: Path) -> ElanTier:
    rows, n_untimed = [], 0
    for annotation in (*tier.iter("ALIGNABLE_ANNOTATION"), *tier.iter("REF_ANNOTATION")):
        name = annotation.get("ANNOTATION_ID", "")
        if name not in spans:
            raise LabelError(
                f"expected annotations that exist in {path}, found {name!r} of tier {tier.get('TIER_ID')!r}, which "
                f"refers to {annotation.get('ANNOTATION_REF')!r}; save the file again with ELAN"
            )
        label = unicodedata.normalize("NFC", "".join(annotation.itertext()).strip())
        if any(map(math.isnan, spans[name])):
            n_untimed += 1
        else:
            rows.append((*spans[name], label))
    return ElanTier(
        unicodedata.normalize("NFC", tier.get("TIER_ID", "")),
        unicodedata.normalize("NFC", tier.get("PARTICIPANT", "").strip()),
        tier.get("LINGUISTIC_TYPE_REF", ""),
        tuple(sorted(rows)),
        n_untimed,
    )
