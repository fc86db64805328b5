"""Who speaks in which recording: by tiers, folders or names of files, by a stated rule, or by a table."""

import re
import unicodedata
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from auscult.corpora.speaker_tables import read_columns
from auscult.errors import ConfigError, CorpusError

__all__ = ["SPEAKER_RULES", "Speakers", "name_speakers"]

SPEAKER_RULES = ("depth", "pattern", "table", "name")
_PATH_COLUMNS = ("recording", "path", "file", "filename", "utterance")
_MAX_NAMED = 10
_BETWEEN = re.compile(r"[_-]")


@dataclass(frozen=True)
class Speakers:
    """The speaker of every recording.

    Parameters
    ----------
    names : speakers in the order of the recordings, in Unicode's composed form (NFC)
    rule : what names them, for the log and the import report
    """

    names: tuple[str, ...]
    rule: str


@dataclass(frozen=True)
class _Candidate:
    """A part of the paths that may name the speakers, with the option that chooses it."""

    what: str
    values: tuple[str, ...]
    option: str

    def __str__(self) -> str:
        return f"{self.what} ({_listed(sorted(set(self.values)), 4)})"


def name_speakers(
    recordings: Sequence[Path],
    folder: Path,
    rule: Mapping[str, Any] | None = None,
    *,
    tiers: Sequence[str] = (),
    listed: frozenset[str] | None = None,
) -> Speakers:
    """Return the speaker of every recording.

    A rule decides, if there is one: ``{depth: 1}`` is the first folder below the corpus, ``{depth: -1}`` the innermost;
    ``{pattern: '…'}`` is a regular expression, searched in the path below the corpus, whose group ``speaker``, or else
    its first group, is the speaker; ``{table: recordings.csv}`` has columns ``recording`` and ``speaker``; ``{name:
    anna}`` is one speaker for all.

    Without a rule, a speaker named by the tiers (``anna - words``) is taken first. Otherwise the part of the paths is
    taken that alone can be the speaker: the one level of folders that varies, or, without folders, the name of the file
    up to the first ``_`` or ``-``. Where several parts can be the speaker, that one is taken whose values are all in
    the table of speakers; without such a table the corpus is refused.

    Parameters
    ----------
    recordings : paths of the recordings
    folder : folder of the corpus
    rule : option ``speaker`` of the corpus
    tiers : speaker named by the tiers of each recording, "" for none
    listed : speakers in the table of speakers, if there is one

    Raises
    ------
    ConfigError
        The rule is not one of the above.
    CorpusError
        The speakers are ambiguous, a recording has none, or two speakers differ in upper and lower case only.
    """
    places = [path.relative_to(folder) for path in recordings]
    if rule:
        speakers = _by_rule(places, folder, rule)
    else:
        named = list(tiers) or [""] * len(places)
        rest = [place for place, name in zip(places, named) if not name]
        found = _by_paths(rest, folder, listed) if rest else Speakers((), "")
        others = iter(found.names)
        rules = [text for text in ("names of tiers" if any(named) else "", found.rule) if text]
        speakers = Speakers(tuple(name or next(others) for name in named), " and ".join(rules))
    names = tuple(_normalise(name) for name in speakers.names)
    _check_names(names, places, listed)
    return Speakers(names, speakers.rule)


def _normalise(name: str) -> str:
    return unicodedata.normalize("NFC", name).strip()


def _by_rule(places: Sequence[Path], folder: Path, rule: Mapping[str, Any]) -> Speakers:
    if not isinstance(rule, Mapping) or len(rule) != 1 or next(iter(rule)) not in SPEAKER_RULES:
        raise ConfigError(
            f"expected the option speaker to be one of {{depth: 1}}, {{pattern: '…'}}, {{table: recordings.csv}} and "
            f"{{name: anna}}, found {rule!r}; correct the corpus entry"
        )
    kind, value = next(iter(rule.items()))
    find = _finder(kind, value, folder)
    names = [find(place) for place in places]
    missing = [str(place) for place, name in zip(places, names) if not (name and name.strip())]
    if missing:
        raise CorpusError(
            f"expected a speaker of every recording below {folder} by the option speaker: {{{kind}: {value}}}, found "
            f"none for {len(missing)}: {_listed(missing)}; correct the option or move the recordings"
        )
    return Speakers(tuple(name or "" for name in names), f"{kind} {value}")


def _finder(kind: str, value: Any, folder: Path) -> Callable[[Path], str | None]:
    if kind == "depth":
        if not isinstance(value, int) or isinstance(value, bool) or not value:
            raise ConfigError(
                "expected depth of the option speaker to be a number of folders, 1 for the outermost or -1 for the "
                f"innermost, found {value!r}; correct it"
            )
        return _at_depth(value)
    if not isinstance(value, str) or not value.strip():
        raise ConfigError(f"expected {kind} of the option speaker to be text, found {value!r}; correct it")
    if kind == "pattern":
        return _by_pattern(value)
    return _by_table(folder / value) if kind == "table" else lambda place: value


def _at_depth(depth: int) -> Callable[[Path], str | None]:
    def find(place: Path) -> str | None:
        folders = place.parts[:-1]
        return folders[depth - 1 if depth > 0 else depth] if len(folders) >= abs(depth) else None

    return find


def _by_pattern(pattern: str) -> Callable[[Path], str | None]:
    try:
        compiled = re.compile(unicodedata.normalize("NFC", pattern))
    except re.error as error:
        raise ConfigError(
            f"expected a regular expression in speaker: {{pattern: …}}, found {pattern!r} ({error}); correct it"
        ) from None
    if not compiled.groups:
        raise ConfigError(
            f"expected a group in speaker: {{pattern: …}}, found none in {pattern!r}; put the part that names the "
            "speaker in brackets, such as '^([^_]+)_'"
        )
    group: int | str = "speaker" if "speaker" in compiled.groupindex else 1

    def find(place: Path) -> str | None:
        match = compiled.search(unicodedata.normalize("NFC", place.as_posix()))
        return match[group] if match else None

    return find


def _by_table(path: Path) -> Callable[[Path], str | None]:
    rows = read_columns(path)
    column = next((name for name in _PATH_COLUMNS if name in rows), None)
    if column is None or "speaker" not in rows:
        raise CorpusError(
            f"expected columns recording and speaker in {path}, found {', '.join(rows) or 'none'}; correct it"
        )
    keys = rows[column].map(lambda name: Path(_normalise(name)).as_posix())
    repeated = sorted(set(keys[keys.duplicated()]))
    if repeated:
        raise CorpusError(
            f"expected every recording once in {path}, found {len(repeated)} repeated: {_listed(repeated)}; correct it"
        )
    speakers = dict(zip(keys, rows["speaker"]))

    def find(place: Path) -> str | None:
        whole = _normalise(place.as_posix())
        stem = Path(whole).with_suffix("").as_posix()
        forms = (whole, stem, stem.replace("/", "-"), Path(whole).name, Path(stem).name)
        return next((speakers[form] for form in forms if form in speakers), None)

    return find


def _whole_names(places: Sequence[Path]) -> list[_Candidate]:
    """Return longer parts of file names (``anna-maria`` of ``anna-maria_1``), which a table of speakers can confirm."""
    stems = [place.stem for place in places]
    return [
        _Candidate("file name up to the first _", tuple(stem.split("_")[0] for stem in stems), ""),
        _Candidate("file name up to the last _ or -", tuple(re.sub("[_-][^_-]*$", "", stem) for stem in stems), ""),
        _Candidate("whole file name", tuple(stems), ""),
    ]


def _by_paths(places: Sequence[Path], folder: Path, listed: frozenset[str] | None) -> Speakers:
    candidates = _candidates(places)
    if listed is not None:
        known = [c for c in [*candidates, *_whole_names(places)] if {_normalise(value) for value in c.values} <= listed]
        distinct = {tuple(map(_normalise, candidate.values)): candidate for candidate in known}
        if len(distinct) == 1:
            return _chosen(next(iter(distinct.values())))
        if distinct:
            raise _ambiguous(list(distinct.values()), folder)
    plausible = _plausible(places, candidates)
    if len(plausible) != 1:
        raise _ambiguous(plausible, folder)
    return _chosen(plausible[0])


def _chosen(candidate: _Candidate) -> Speakers:
    return Speakers(candidate.values, candidate.what)


def _candidates(places: Sequence[Path]) -> list[_Candidate]:
    """Return all parts that the paths of all recordings have: levels of folders, then parts of the file name."""
    n_folders = [len(place.parts) - 1 for place in places]
    found = [
        _Candidate(
            f"folder at depth {level + 1}",
            tuple(place.parts[level] if n > level else "" for place, n in zip(places, n_folders)),
            f"{{depth: {level + 1}}}",
        )
        for level in range(max(n_folders))
    ]
    parts = [_BETWEEN.split(place.stem) for place in places]
    for index in range(max(map(len, parts))):
        before = "[^_-]*[_-]" * index
        values = tuple(names[index] if len(names) > index else "" for names in parts)
        what = "file name up to the first _ or -" if not index else f"part {index + 1} of the file name"
        found.append(_Candidate(what, values, f"{{pattern: '(?:^|/){before}([^/_-]+)[^/]*$'}}"))
    return found


def _plausible(places: Sequence[Path], candidates: list[_Candidate]) -> list[_Candidate]:
    levels = [candidate for candidate in candidates if candidate.option.startswith("{depth")]
    names = candidates[len(levels) :]
    if not levels:
        return _plausible_names(places, names)
    varying = [level for level in levels if len(set(level.values)) > 1]
    # Folders that all recordings share say nothing: only the innermost can be the single speaker.
    chosen = varying or levels[-1:]
    beginning = names[0]
    if len(chosen) == 1 and "" in chosen[0].values:  # some recordings lie outside of the folders
        return [chosen[0], beginning]
    separated = all(_BETWEEN.search(place.stem) for place in places)
    divided = len(set(zip(chosen[-1].values, beginning.values))) > len(set(chosen[-1].values))
    recurs = not varying or len(set(beginning.values)) < len(places)
    return [*chosen, beginning] if separated and divided and recurs else chosen


def _plausible_names(places: Sequence[Path], names: list[_Candidate]) -> list[_Candidate]:
    """Return the parts of file names, without folders, that may be the speaker: usually only the first."""
    parts = [_BETWEEN.split(place.stem) for place in places]
    if len(places) > 1 and all(len(found) == 1 for found in parts):
        return []
    # The last part counts recordings.
    inner = [{found[index] if index < len(found) - 1 else "" for found in parts} for index in range(len(names))]
    others = [names[index] for index in range(1, len(names)) if len(inner[index]) > 1]
    if not others and len(places) > 1 and all(found[0].isdigit() for found in parts):
        others = [name for name in names[1:] if all(any(letter.isalpha() for letter in value) for value in name.values)]
    return [names[0], *others]


def _ambiguous(candidates: list[_Candidate], folder: Path) -> CorpusError:
    if not candidates:
        return CorpusError(
            f"expected names of speakers in the paths below {folder}, found neither folders nor file names with _ "
            "or -; state them by options: {speaker: {pattern: '…'}}, {speaker: {table: recordings.csv}} or, if "
            "one speaks in all, {speaker: {name: …}}"
        )
    options = " or ".join(f"{{speaker: {candidate.option}}}" for candidate in candidates if candidate.option)
    return CorpusError(
        f"expected one way to name the speakers of the recordings below {folder}, found several: "
        f"{'; '.join(map(str, candidates))}; write options: {options} in the study, or another of "
        f"{', '.join(SPEAKER_RULES)}, or list the speakers in speakers.csv"
    )


def _check_names(names: Sequence[str], places: Sequence[Path], listed: frozenset[str] | None) -> None:
    spellings: dict[str, set[str]] = {}
    for name in names:
        spellings.setdefault(name.casefold(), set()).add(name)
    alike = [
        " and ".join(sorted(found)) for found in spellings.values() if len(found) > 1 and not found <= (listed or set())
    ]
    if alike:
        raise CorpusError(
            f"expected one spelling of each speaker, found {_listed(sorted(alike))}; rename the folders or files, "
            "or list both in speakers.csv if they are different people"
        )


def _listed(names: Sequence[str], n: int = _MAX_NAMED) -> str:
    return ", ".join(names[:n]) + (f" and {len(names) - n} more" if len(names) > n else "")
