"""Label files of recordings with one speaker or several: tiers by recording and speaker, in any format."""

import math
import re
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from auscult.corpora.faults import Faults
from auscult.corpora.readers.alignments import FORMATS, read_aligned_table, read_ctm, read_labels
from auscult.corpora.readers.elan import read_eaf
from auscult.corpora.readers.praat import read_textgrid
from auscult.corpora.readers.tiers import LabelOptions, Tier
from auscult.corpora.walk import natural_stem
from auscult.errors import ConfigError, LabelError

__all__ = ["ATTRIBUTE", "LABEL_ENDINGS", "Spoken", "compile_tiers", "label_files", "read_spoken"]

LABEL_ENDINGS = (*FORMATS, ".eaf")
# Files of these endings may hold anything else, and then no labels.
_PERHAPS = (".json", ".csv", ".lab")
_TIER_NAMES = ("word", "words", "wrd", "phone", "phones", "phn")
_MAX_NAMED = 10
# Begins the names of tiers that are columns of words and phones.
ATTRIBUTE = "@"
# Tiers of a recording: by speaker ("" if the file names none), then ``word``, ``phone`` and attributes.
Spoken = dict[str, dict[str, Tier]]


@dataclass(frozen=True)
class _Named:
    """A tier with what its file says about it; ``kind`` is ELAN's type."""

    name: str
    rows: Sequence[tuple[float, float, str]]
    speaker: str = ""
    kind: str = ""
    n_untimed: int = 0


def compile_tiers(pattern: str) -> re.Pattern[str] | None:
    """Return the option ``tiers``, a regular expression with groups ``speaker`` and ``tier``; None if it is "".

    Raises
    ------
    ConfigError
        It is no regular expression, or lacks a group.
    """
    if not pattern:
        return None
    try:
        compiled = re.compile(pattern)
    except re.error as error:
        raise ConfigError(
            f"expected a regular expression in the option tiers, found {pattern!r} ({error}); correct it"
        ) from None
    if not {"speaker", "tier"} <= set(compiled.groupindex):
        raise ConfigError(
            f"expected groups 'speaker' and 'tier' in the option tiers, found {pattern!r}; write it like "
            "'(?P<speaker>[^-]+)-(?P<tier>.+)'"
        )
    return compiled


def label_files(paths: Iterable[Path], endings: Collection[str]) -> list[Path]:
    """Return the label files among paths; ``endings`` are those to read, all that are known if there are none.

    Raises
    ------
    ConfigError
        An ending is of no known format.
    """
    endings = (endings,) if isinstance(endings, str) else tuple(endings)
    wanted = tuple(f".{ending.lower().lstrip('.')}" for ending in endings) or LABEL_ENDINGS
    unknown = [ending for ending in wanted if ending not in LABEL_ENDINGS]
    if unknown:
        raise ConfigError(
            f"expected the option labels to be endings of {', '.join(LABEL_ENDINGS)}, found {', '.join(unknown)}; "
            "correct the corpus entry"
        )
    return [path for path in paths if path.suffix.lower() in wanted]


def read_spoken(
    labels: Sequence[Path],
    recordings: Sequence[Path],
    folder: Path,
    label_folder: Path,
    options: LabelOptions,
    tiers: re.Pattern[str] | None = None,
    attributes: Mapping[str, str] | None = None,
) -> dict[Path, Spoken]:
    """Return the tiers of every recording that has any.

    A label file belongs to the recording of the same folder and name, without the name of a tier in either
    (``words/a.lab``, ``a.phone.json``). In a folder without recordings, it belongs to the recording with the same path
    below ``folder``, or else to the only one of its name. CTM files name recordings themselves.

    Parameters
    ----------
    labels, recordings : paths of both
    folder, label_folder : folders of the recordings and of the label files
    options : names of the tiers, alphabet and encoding
    tiers : see :func:`compile_tiers`; by default ``anna - words``, ``words@anna`` and ELAN's participants are known
    attributes : names of further tiers, by the name of the column that each becomes

    Raises
    ------
    LabelError
        A file does not have its format, has no recording, or repeats a tier of another file. Faults of a kind are named
        together.
    """
    places = _Places(recordings, folder, label_folder)
    found: dict[Path, Spoken] = {}
    source: dict[tuple[Path, str, str], Path] = {}
    lost, repeated = [], []
    wanted = options.tiers() | {ATTRIBUTE + name: (tier,) for name, tier in (attributes or {}).items()}

    def read(path: Path) -> dict[str, Spoken]:
        try:
            return _read(path, options, wanted, tiers)
        except LabelError:
            if path.suffix.lower() in _PERHAPS and places.find(path, "") is None:
                return {}  # a table or notes of another kind, whose name is that of no recording
            raise

    contents = Faults("label files").each(read, labels)
    for path, content in zip(labels, contents):
        for name, spoken in content.items():
            recording = places.find(path, name)
            if recording is None:
                lost.append(f"{path}{f' (of {name!r})' if name else ''}")
                continue
            for speaker, of_speaker in spoken.items():
                for tier, rows in of_speaker.items():
                    first = source.setdefault((recording, speaker, tier), path)
                    if first != path:
                        repeated.append(f"{tier}s of {recording} in {first} and {path}")
                    found.setdefault(recording, {}).setdefault(speaker, {})[tier] = rows
    if repeated:
        raise LabelError(
            f"expected the labels of a tier in one file, found {len(repeated)} in two: {_listed(repeated)}; name the "
            "ending of the files to read (option labels), or their folder (option alignments)"
        )
    if lost:
        raise LabelError(
            f"expected a recording of every label file below {folder}, found none for {len(lost)} of {len(labels)}: "
            f"{_listed(lost)}; add the recordings or remove the label files, or name the endings to read (option "
            "labels)"
        )
    return found


class _Places:
    """Recordings by path and by name."""

    def __init__(self, recordings: Sequence[Path], folder: Path, label_folder: Path) -> None:
        self.folder, self.label_folder = folder, label_folder
        self.by_place = {natural_stem(path): path for path in recordings}
        self.by_name: dict[str, list[Path]] = {}
        for path in recordings:
            self.by_name.setdefault(PurePosixPath(natural_stem(path)).name, []).append(path)
            whole = natural_stem(path.relative_to(folder)).replace("/", "-")
            if "/" in natural_stem(path.relative_to(folder)):
                self.by_name.setdefault(whole, []).append(path)
        self.folders = {path.parent for path in recordings}

    def find(self, label: Path, name: str) -> Path | None:
        """Return the recording of a label file, or of a name that a file states."""
        if name:
            return self._only(name)
        stem = _without_tier(label)
        for place in (label.parent / stem, label.parent.parent / stem):
            if place.parent == label.parent or label.parent.name.lower() in _TIER_NAMES:
                beside = self.by_place.get(natural_stem(place.with_name(f"{place.name}.x")))
                if beside is not None:
                    return beside
        if label.parent in self.folders:
            return None
        apart = self.folder / label.relative_to(self.label_folder).with_name(f"{stem}.x")
        return self.by_place.get(natural_stem(apart)) or self._only(PurePosixPath(natural_stem(Path(f"{stem}.x"))).name)

    def _only(self, name: str) -> Path | None:
        alike = self.by_name.get(name, [])
        return alike[0] if len(alike) == 1 else None


def _without_tier(path: Path) -> str:
    stem, _, last = path.stem.rpartition(".")
    return stem if stem and last.lower() in _TIER_NAMES else path.stem


def _read(
    path: Path, options: LabelOptions, wanted: Mapping[str, tuple[str, ...]], tiers: re.Pattern[str] | None
) -> dict[str, Spoken]:
    """Return the tiers of a file by the name of the recording that it states, "" if it states none."""
    ending = path.suffix.lower()
    if ending == ".textgrid":
        grid = read_textgrid(path, options.encoding, backslashes=options.alphabet != "xsampa")
        return {"": _by_speaker([_Named(name, rows) for name, rows in grid.items()], path, wanted, tiers)}
    if ending == ".eaf":
        named = [_Named(tier.name, tier.rows, tier.speaker, tier.kind, tier.n_untimed) for tier in read_eaf(path)]
        return {"": _by_speaker(named, path, wanted, tiers)}
    if ending == ".csv":
        table = read_aligned_table(path, options)
        named = [_Named(tier, rows, speaker) for (speaker, tier), rows in table.items()]
        return {"": _by_speaker(named, path, wanted, tiers)} if named else {}
    if ending == ".ctm":
        tier, recordings = read_ctm(path, options)
        # A recording of several channels has a speaker on each.
        return {
            name: {(channel if len(channels) > 1 else ""): {tier: rows} for channel, rows in channels.items()}
            for name, channels in recordings.items()
        }
    if ending == ".json" and not _is_alignment(path, options):
        return {}
    found = next(iter(read_labels(path, options).values()), {})
    return {"": {"": found}} if found else {}


def _is_alignment(path: Path, options: LabelOptions) -> bool:
    """Return whether a JSON file may be an alignment: other software describes recordings in JSON, too."""
    text = path.read_bytes()
    return b'"tiers"' in text or (b'"w"' in text and b'"b"' in text) or bool(options.encoding)


def _by_speaker(
    named: Sequence[_Named], path: Path, tiers: Mapping[str, tuple[str, ...]], pattern: re.Pattern[str] | None
) -> Spoken:
    found: Spoken = {}
    chosen: dict[tuple[str, str], _Named] = {}
    for tier, names in tiers.items():
        wanted = {name.lower() for name in names}
        for entry in named:
            speaker, base = _speaker_of(entry, pattern)
            if not wanted & {base.lower(), entry.name.lower(), entry.kind.lower()}:
                continue
            if (speaker, tier) in chosen:
                raise LabelError(
                    f"expected one tier of {tier}s{f' of speaker {speaker}' if speaker else ''} in {path}, found "
                    f"{chosen[speaker, tier].name!r} and {entry.name!r}; name one (option {tier}s), or say how tiers "
                    "name their speakers (option tiers)"
                )
            _check_times(entry, path)
            chosen[speaker, tier] = entry
            if entry.rows or not entry.speaker:
                found.setdefault(speaker, {})[tier] = Tier(tuple(entry.rows))
    if not chosen:
        raise LabelError(
            f"expected tiers of {' or '.join(f'{tier}s' for tier in tiers if tier[0] != ATTRIBUTE)} in {path}, found "
            f"{', '.join(repr(entry.name) for entry in named) or 'none'}; name the tiers in the options of the corpus "
            '(words and phones: name, a list of names, or "" for none)'
        )
    return found


def _speaker_of(entry: _Named, pattern: re.Pattern[str] | None) -> tuple[str, str]:
    """Return the speaker of a tier and its name without the speaker."""
    if pattern is not None:
        match = pattern.search(entry.name)
        return (match["speaker"].strip(), match["tier"].strip()) if match else (entry.speaker, entry.name)
    if " - " in entry.name:
        speaker, _, base = entry.name.rpartition(" - ")
        return entry.speaker or speaker.strip(), base
    if "@" in entry.name.strip("@"):
        base, _, speaker = entry.name.partition("@")
        return entry.speaker or speaker.strip(), base
    if entry.speaker:
        base = re.sub(rf"^{re.escape(entry.speaker)}[\W_]+|[\W_]+{re.escape(entry.speaker)}$", "", entry.name)
        return entry.speaker, base
    return "", entry.name


def _check_times(entry: _Named, path: Path) -> None:
    if entry.n_untimed:
        raise LabelError(
            f"expected times of all annotations of tier {entry.name!r} in {path}, found {entry.n_untimed} without "
            "(symbolic subdivision, or time slots without a value); align them in ELAN, or leave the tier out"
        )
    wrong = next((row for row in entry.rows if not all(map(math.isfinite, row[:2]))), None)
    if wrong is not None:
        raise LabelError(f"expected finite times in tier {entry.name!r} of {path}, found {wrong}; correct the file")


def _listed(names: Sequence[str]) -> str:
    more = f" and {len(names) - _MAX_NAMED} more" if len(names) > _MAX_NAMED else ""
    return ", ".join(names[:_MAX_NAMED]) + more


def speakers_of(spoken: Mapping[Path, Spoken]) -> list[str]:
    """Return the speakers that label files name, sorted."""
    return sorted({speaker for found in spoken.values() for speaker in found if speaker})
