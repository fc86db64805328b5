"""What an import found, changed and left out: written into the corpus manifest as ``import_report``, and logged."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

__all__ = ["ImportReport"]


@dataclass
class ImportReport:
    """Counts of an import, filled in by the reader and by :func:`auscult.corpora.importing.import_corpus`.

    Parameters
    ----------
    found : what was decided from the data, by name: ``speakers by``, ``genders``, ``alphabet`` …
    changed : number of recordings or labels that were changed, by what was done: ``recordings resampled from 8000 to
        16000 Hz``, ``recordings clipped to full scale``, ``labels cut at the end of the recording`` …
    left_out : number of files, recordings or labels that were left out, by the reason
    unknown : number of labels that could not be interpreted, by kind and label
    """

    found: dict[str, Any] = field(default_factory=dict)
    changed: Counter[str] = field(default_factory=Counter)
    left_out: Counter[str] = field(default_factory=Counter)
    unknown: dict[str, dict[str, int]] = field(default_factory=dict)

    def content(self) -> dict[str, Mapping[str, Any]]:
        """Return the report as JSON-like values; counts of zero are left out."""
        return {
            "found": dict(sorted(self.found.items())),
            "changed": {what: int(n) for what, n in sorted(self.changed.items()) if n},
            "left_out": {what: int(n) for what, n in sorted(self.left_out.items()) if n},
            "unknown": {kind: dict(sorted(labels.items())) for kind, labels in sorted(self.unknown.items()) if labels},
        }

    def __str__(self) -> str:
        """Return the report on one line."""
        content = self.content()
        unknown = {f"{kind} {label!r}": n for kind, labels in content["unknown"].items() for label, n in labels.items()}
        parts = {
            "": ", ".join(f"{name}: {_short(value)}" for name, value in content["found"].items()),
            "changed: ": _counts(content["changed"]),
            "left out: ": _counts(content["left_out"]),
            "unknown: ": _counts(unknown),
        }
        return "; ".join(name + (text or "nothing") for name, text in parts.items() if text or name[:1] in "cl")


def _counts(counts: Mapping[str, int]) -> str:
    return ", ".join(f"{n} {what}" for what, n in counts.items())


def _short(value: Any) -> str:
    return ", ".join(f"{n} {name}" for name, n in value.items()) if isinstance(value, Mapping) else str(value)
