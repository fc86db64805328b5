"""Names of arrays: which utterance and which layer of a corpus an array belongs to."""

import re
import unicodedata
from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field

from auscult.errors import AnalysisError

__all__ = ["PATTERNS", "UNNAMED", "Matched", "match_names", "listed"]

# Patterns that are tried where the study states none, in this order.
PATTERNS = ("{utterance}", "{utterance}/{layer}", "{layer}/{utterance}")
# Name of the only layer of arrays without names of layers.
UNNAMED = "features"
_MAX_NAMED = 10


def listed(names: Collection[str], most: int = _MAX_NAMED) -> str:
    """Return the first names and how many more there are."""
    shown = ", ".join(list(names)[:most])
    return shown + (f" and {len(names) - most} more" if len(names) > most else "")


@dataclass(frozen=True)
class Matched:
    """Keys of arrays by utterance and layer.

    Parameters
    ----------
    pattern : pattern of the keys
    keys : key of each layer of each utterance; the layer is empty where the pattern names none
    others : keys that belong to no utterance of the corpus
    repeated : utterances with several arrays of a layer, each with two of their keys
    """

    pattern: str
    keys: Mapping[str, Mapping[str, str]]
    others: Sequence[str] = ()
    repeated: Sequence[str] = field(default=())


def match_names(keys: Sequence[str], utterances: Collection[str], pattern: str | None, where: str) -> Matched:
    """Match keys of arrays with utterances of a corpus.

    A key names an utterance if, in Unicode's composed form, it is the utterance's name; if it is the name with ``/``
    for ``-``, as corpora of nested folders name their recordings; or if its last part is the name. Without a pattern,
    the first of :data:`PATTERNS` is taken by which every key fits and all utterances have the same layers, or else the
    one by which most utterances are found.

    Parameters
    ----------
    keys : keys as in :class:`auscult.activations.array_files.StoredArray`
    utterances : names of all utterances of the corpus
    pattern : text with ``{utterance}`` and, optionally, ``{layer}``
    where : path of the arrays, for messages

    Raises
    ------
    AnalysisError
        The pattern lacks ``{utterance}``, or no key names an utterance.
    """
    if pattern is not None and pattern.count("{utterance}") != 1:
        raise AnalysisError(
            f"expected {{utterance}} once in the pattern of arrays at {where}, found {pattern!r}; for example "
            "{layer}/{utterance}"
        )
    known = {_composed(name): name for name in utterances}
    found = [_match(keys, known, each) for each in ((pattern,) if pattern else PATTERNS)]
    best = next((one for one in found if _fits(one)), None) or max(found, key=_rank)
    if not best.keys:
        raise AnalysisError(
            f"expected arrays named after utterances of the corpus at {where}, found {len(keys)} arrays such as "
            f"{listed(list(keys), 3)}, but utterances such as {listed(sorted(utterances), 3)}; rename one of them, or "
            f"state where the names stand, for example pattern: '{{layer}}/{{utterance}}'"
        )
    return best


def _match(keys: Sequence[str], known: Mapping[str, str], pattern: str) -> Matched:
    parts = re.split(r"(\{utterance\}|\{layer\})", pattern)
    names = {"{utterance}": "(?P<utterance>.+)", "{layer}": "(?P<layer>[^/]+)"}
    form = re.compile("".join(names.get(part, re.escape(part)) for part in parts))
    found: dict[str, dict[str, str]] = {}
    others, repeated = [], []
    for key in keys:
        fit = form.fullmatch(_composed(key))
        utterance = _utterance(fit["utterance"], known) if fit else None
        if fit is None or utterance is None:
            others.append(key)
            continue
        layer = fit.groupdict().get("layer") or ""
        if layer in found.setdefault(utterance, {}):
            repeated.append(f"{utterance} ({found[utterance][layer]}, {key})")
        else:
            found[utterance][layer] = key
    return Matched(pattern, found, others, repeated)


def _utterance(name: str, known: Mapping[str, str]) -> str | None:
    candidates = (name, name.replace("/", "-"), name.rpartition("/")[2])
    return next((known[each] for each in candidates if each in known), None)


def _fits(matched: Matched) -> bool:
    layers = {tuple(sorted(of_utterance)) for of_utterance in matched.keys.values()}
    return not matched.others and not matched.repeated and len(layers) == 1


def _rank(matched: Matched) -> tuple[int, int]:
    shared = Counter(tuple(sorted(of_utterance)) for of_utterance in matched.keys.values())
    return (max(shared.values(), default=0) - len(matched.repeated), -len(shared))


def _composed(name: str) -> str:
    return unicodedata.normalize("NFC", name)
