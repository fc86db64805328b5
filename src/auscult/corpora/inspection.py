"""Inspection of a folder of recordings before it is used: what is wrong per file and label, and what will be done."""

import hashlib
import logging
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import astuple, dataclass, field, fields
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from tqdm import tqdm

from auscult.corpora.audio import SAMPLE_RATE_HZ, decode_audio, read_audio
from auscult.corpora.importing import read_source
from auscult.corpora.report import ImportReport
from auscult.corpora.walk import list_files
from auscult.errors import AuscultError, ConfigError
from auscult.tables import check_segments

__all__ = ["Finding", "Inspection", "InspectionSettings", "inspect_corpus"]

LEVELS = ("error", "warning", "note")
_AUDIO = (".wav", ".flac", ".mp3", ".ogg", ".sph", ".aiff", ".aif", ".opus")
_FULL_SCALE = 0.999
_CLIPPED_RUN = 3


@dataclass(frozen=True)
class Finding:
    """One thing that was found.

    Parameters
    ----------
    level : ``error``, if the corpus or the file is refused; ``warning``, if results may not mean what they seem to;
        ``note``, for what is changed or left out as described
    kind : kind of finding, such as ``clipping``
    file : recording or label file relative to the folder; empty for the whole corpus
    place : tier, number and time of a label, or the speaker or class; empty for the whole file
    found : what was found
    done : what will be done with it, or what to do
    """

    level: str
    kind: str
    file: str
    place: str
    found: str
    done: str


@dataclass(frozen=True)
class InspectionSettings:
    """Limits of an inspection.

    Parameters
    ----------
    min_class_size : number of items below which probes drop a class
    n_folds : number of folds in which speakers are held out
    max_gap_s : length in seconds from which a stretch without label is a finding
    frame_s : distance in seconds between the frames of a model
    max_silent_share : share of a recording's samples that may be exactly zero
    max_clipped_share : share of a recording's samples that may lie in clipped runs
    """

    min_class_size: int = 10
    n_folds: int = 4
    max_gap_s: float = 0.5
    frame_s: float = 0.02
    max_silent_share: float = 0.5
    max_clipped_share: float = 0.0001


@dataclass(frozen=True)
class Inspection:
    """Result of an inspection.

    Parameters
    ----------
    summary : lines on the size of the corpus and on what its reader decided
    findings : everything that was found, errors first
    """

    summary: Sequence[str] = ()
    findings: Sequence[Finding] = ()

    def table(self) -> pd.DataFrame:
        """Return the findings as a table with a column per field of :class:`Finding`."""
        return pd.DataFrame(
            [astuple(found) for found in self.findings], columns=[entry.name for entry in fields(Finding)]
        )


@dataclass(frozen=True)
class _Sound:
    """What is known of a recording after decoding; ``refusal`` is the error of the import, empty if it is accepted."""

    rate_hz: int = 0
    n_channels: int = 0
    n_samples: int = 0
    clipped_share: float = 0.0
    silent_share: float = 0.0
    digest: str = ""
    refusal: str = ""


@dataclass
class _Notes:
    """Findings while they are collected."""

    findings: list[Finding] = field(default_factory=list)

    def add(self, level: str, kind: str, found: str, done: str, file: str = "", place: str = "") -> None:
        self.findings.append(Finding(level, kind, _shown(file), place, found, done))


def inspect_corpus(
    folder: str | Path,
    reader: str,
    options: Mapping[str, Any] | None = None,
    *,
    resample: bool = True,
    settings: InspectionSettings = InspectionSettings(),
    further: Callable[[Any], Sequence[Finding]] | None = None,
    n_workers: int = 1,
) -> Inspection:
    """Read a folder with its reader and inspect every recording and label.

    If the reader refuses the folder, its error is a finding, and the recordings are inspected nevertheless.

    Parameters
    ----------
    folder : folder of recordings and labels
    reader : name of the reader
    options : options of the reader
    resample : whether recordings at other rates than 16 kHz are resampled or refused
    settings : limits
    further : function of the tables of the reader that returns more findings, such as what a study needs of them
    n_workers : number of threads that decode recordings; the result does not depend on it

    Raises
    ------
    ConfigError
        The reader, or one of its options, does not exist.
    CorpusError
        There is no such folder.
    """
    folder, notes = Path(folder), _Notes()
    files = list_files(folder)
    summary: list[str] = []
    with _messages(notes):
        try:
            with read_source(reader, folder, options) as (tables, report):
                if isinstance(tables, tuple) and "utterance" in getattr(tables[0], "columns", ()):
                    utterances, segments = tables
                    summary += _sizes(utterances, segments)
                    sounds = _listen(folder, list(utterances["path"]), resample, n_workers)
                    _check_sounds(sounds, notes, settings)
                    names = dict(zip(utterances["utterance"], utterances["path"]))
                    _check_labels(utterances, segments, names, notes, settings)
                    _check_phones(segments, notes, settings)
                    _check_speakers(utterances, notes, settings)
                    _check_splits(utterances, sounds, notes)
                notes.findings += further(tables) if further else []
                _check_report(report, summary, notes)
        except ConfigError:
            raise
        except AuscultError as error:
            notes.add("error", "reading", str(error), "the corpus is refused until this is mended")
            found = [path.relative_to(folder).as_posix() for path in files.ending_in(*_AUDIO)]
            _check_sounds(_listen(folder, found, resample, n_workers), notes, settings)
    ordered = sorted(dict.fromkeys(notes.findings), key=lambda found: LEVELS.index(found.level))
    return Inspection(tuple(summary), tuple(ordered))


@contextmanager
def _messages(notes: _Notes) -> Iterator[None]:
    """Keep warnings of the reader as findings."""

    class Keep(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            if record.levelno >= logging.ERROR:  # one of several faults that the error of the reader sums up
                notes.add("error", "reading", record.getMessage(), "the corpus is refused until this is mended")
            else:
                notes.add("warning", "reader", record.getMessage(), "as described")

    logger, handler = logging.getLogger("auscult"), Keep(logging.WARNING)
    propagate, logger.propagate = logger.propagate, False
    logger.addHandler(handler)
    try:
        yield
    finally:
        logger.removeHandler(handler)
        logger.propagate = propagate


def _sizes(utterances: pd.DataFrame, segments: pd.DataFrame) -> list[str]:
    length_s = float((utterances["n_samples"] / utterances["sample_rate_hz"]).sum())
    tiers = ", ".join(f"{n} {tier}s" for tier, n in segments["tier"].value_counts().sort_index().items())
    splits = ", ".join(f"{n} {split or 'without split'}" for split, n in utterances["split"].value_counts().items())
    return [
        f"{len(utterances)} recordings of {utterances['speaker'].nunique()} speakers, {length_s / 60:.1f} min",
        f"labels: {tiers or 'none'}",
        f"splits: {splits}",
    ]


def _listen(folder: Path, paths: Sequence[str], resample: bool, n_workers: int) -> dict[str, _Sound]:
    def listen(path: str) -> _Sound:
        # A reader gives an absolute path to a recording that it extracted.
        return _sound(folder / path, path, resample)

    with ThreadPoolExecutor(n_workers) as pool:
        found = pool.map(listen, paths)
        return dict(zip(paths, tqdm(found, total=len(paths), unit="recording", disable=None)))


def _sound(path: Path, name: str, resample: bool) -> _Sound:
    refusal = ""
    try:
        read_audio(path, resample=resample, name=name)
    except AuscultError as error:
        refusal = str(error)
    try:
        channels, rate_hz = decode_audio(path, name=name)
    except AuscultError:
        return _Sound(refusal=refusal)
    mono = channels.mean(axis=1, dtype=np.float32)
    return _Sound(
        rate_hz,
        channels.shape[1],
        len(mono),
        _clipped_share(mono),
        float((mono == 0).mean()) if mono.size else 0.0,
        hashlib.sha256(mono.tobytes()).hexdigest() if mono.any() else "",
        refusal,
    )


def _clipped_share(waveform: np.ndarray) -> float:
    """Return the share of samples in runs of at least three equal samples at the peak, near full scale."""
    peak = float(np.abs(waveform).max(initial=0.0))
    if not 0.5 < peak < np.inf:
        return 0.0
    at_peak = np.concatenate([[0], (np.abs(waveform) >= _FULL_SCALE * peak).astype(np.int8), [0]])
    change = np.flatnonzero(np.diff(at_peak))
    runs = change[1::2] - change[::2]
    return float(runs[runs >= _CLIPPED_RUN].sum() / max(1, waveform.size))


def _check_sounds(sounds: Mapping[str, _Sound], notes: _Notes, settings: InspectionSettings) -> None:
    first: dict[str, str] = {}
    for path, sound in sounds.items():
        if sound.refusal:
            notes.add("error", "recording", sound.refusal, "the corpus is refused until the recording is mended", path)
            continue
        if sound.rate_hz != SAMPLE_RATE_HZ:
            band = f"; it holds nothing above {sound.rate_hz // 2} Hz" if sound.rate_hz < SAMPLE_RATE_HZ else ""
            notes.add("note", "sample rate", f"{sound.rate_hz} Hz", f"resampled to {SAMPLE_RATE_HZ} Hz{band}", path)
        if sound.n_channels > 1:
            notes.add("note", "channels", f"{sound.n_channels} channels", "averaged", path)
        if sound.clipped_share > settings.max_clipped_share:
            share = f"{100 * sound.clipped_share:.2g} % of the samples in runs at the peak"
            notes.add("warning", "clipping", share, "used as it is; record again at a lower level if you can", path)
        if sound.silent_share > settings.max_silent_share:
            share = f"{100 * sound.silent_share:.0f} % of the samples are exactly zero"
            notes.add("warning", "silence", share, "used as it is; cut it if it is no speech", path)
        if sound.digest and first.setdefault(sound.digest, path) != path:
            notes.add(
                "warning",
                "duplicate",
                f"the same sound as {_shown(first[sound.digest])}",
                "both are used; remove one, or the same recording may be trained on and tested",
                path,
            )


def _check_labels(
    utterances: pd.DataFrame,
    segments: pd.DataFrame,
    names: Mapping[str, str],
    notes: _Notes,
    settings: InspectionSettings,
) -> None:
    try:
        check_segments(segments, utterances)
    except AuscultError as error:
        notes.add("error", "labels", str(error), "the corpus is refused until the labels are mended")
    rates = utterances.set_index("utterance")["sample_rate_hz"]
    lengths = utterances.set_index("utterance")["n_samples"]
    unlabelled = set(utterances["utterance"]) - set(segments["utterance"])
    for utterance in sorted(unlabelled):
        notes.add("note", "no labels", "no labelled segment", "used for whole utterances only", names[utterance])
    for (utterance, tier), table in segments.groupby(["utterance", "tier"], sort=True):
        rate, file = rates[utterance], names[utterance]
        table = table.sort_values("onset")
        onsets, offsets = table["onset"].to_numpy() / rate, table["offset"].to_numpy() / rate
        for onset, offset, label in zip(onsets, offsets, table["label"]):
            if offset - onset < settings.frame_s:
                found = f"{tier} {label!r} of {1000 * (offset - onset):.0f} ms"
                done = f"takes the nearest frame if no frame ({1000 * settings.frame_s:.0f} ms apart) is centred in it"
                notes.add("note", "short segment", found, done, file, f"{tier} at {onset:.3f} s")
        if tier == "phone":  # words have pauses between them, which readers leave out
            starts = np.concatenate([[0.0], offsets])
            ends = np.concatenate([onsets, [lengths[utterance] / rate]])
            for start, end in zip(starts, ends):
                if end - start > settings.max_gap_s:
                    done = "its frames belong to no phone, and only count for whole utterances"
                    found = f"{end - start:.2f} s without a label"
                    notes.add("warning", "gap", found, done, file, f"{tier} {start:.3f}–{end:.3f} s")


def _check_phones(segments: pd.DataFrame, notes: _Notes, settings: InspectionSettings) -> None:
    phones = segments[segments["tier"] == "phone"]
    if "phone_class" in phones:
        unmapped = phones.loc[phones["phone_class"] == "", "label"].value_counts()
        for label, n in unmapped.items():
            done = "kept as a label without phone class; name the alphabet of the corpus if it is another one"
            notes.add("warning", "unmapped label", f"{n} phones {label!r} of no known sound", done, place=str(label))
    for label, n in phones["label"].value_counts().items():
        if n < settings.min_class_size:
            done = f"left out by probes, which need {settings.min_class_size} (min_class_size)"
            notes.add("note", "small class", f"{n} phones {label!r}", done, place=str(label))


def _check_speakers(utterances: pd.DataFrame, notes: _Notes, settings: InspectionSettings) -> None:
    speakers = utterances.drop_duplicates("speaker").set_index("speaker")
    genders = speakers.loc[speakers["gender"] != "", "gender"].value_counts()
    for speaker in speakers.index[speakers["gender"] == ""] if len(genders) else ():
        done = "left out where gender is asked for; fill in speakers.csv"
        notes.add("warning", "speaker without gender", "no gender, though others have one", done, place=str(speaker))
    for gender, n in genders.items():
        if n < 2:
            done = "gender cannot be probed on held-out speakers, which needs two of each"
            notes.add("warning", "small class", f"1 speaker is {gender}", done, place=str(gender))
    if len(speakers) < settings.n_folds:
        done = f"probes on held-out speakers refuse it with n_folds: {settings.n_folds}; add speakers or lower n_folds"
        notes.add("warning", "few speakers", f"{len(speakers)} speakers", done)
    for speaker, n in utterances["speaker"].value_counts().items():
        if n < settings.min_class_size:
            done = f"left out where the speaker is the target, which needs {settings.min_class_size} (min_class_size)"
            notes.add("note", "small class", f"{n} recordings of the speaker", done, place=str(speaker))


def _check_splits(utterances: pd.DataFrame, sounds: Mapping[str, _Sound], notes: _Notes) -> None:
    if utterances["split"].nunique() < 2:
        return
    both = _shared(utterances, utterances["speaker"])
    for speaker, splits in both.items():
        done = "a model trained on one split knows the voice of the other; say so, or divide by speaker"
        notes.add("warning", "leak: voice", f"recordings in {' and '.join(splits)}", done, place=str(speaker))
    texts = utterances["text"].fillna("").str.lower().str.split().str.join(" ")
    for text, splits in _shared(utterances[texts != ""], texts[texts != ""]).items():
        done = "a model trained on one split knows the text of the other"
        notes.add("warning", "leak: text", f"the text {text[:60]!r} in {' and '.join(splits)}", done)
    digests = utterances["path"].map(lambda path: sounds[path].digest)
    for digest, splits in _shared(utterances[digests != ""], digests[digests != ""]).items():
        paths = utterances.loc[digests == digest, "path"]
        done = "remove one, or the model is tested on a recording that it was trained on"
        notes.add("error", "leak: recording", f"the same sound in {' and '.join(splits)}", done, str(paths.iloc[0]))


def _shared(utterances: pd.DataFrame, values: pd.Series) -> dict[str, list[str]]:
    """Return the values that occur in more than one split, each with these splits."""
    splits = utterances["split"].groupby(values).unique()
    return {str(value): sorted(found) for value, found in splits.items() if len(found) > 1}


def _check_report(report: ImportReport, summary: list[str], notes: _Notes) -> None:
    content = report.content()
    summary += [f"{name}: {_short(value)}" for name, value in content["found"].items()]
    for what, n in content["changed"].items():
        notes.add("note", "changed", f"{n} {what}", "as described")
    for what, n in content["left_out"].items():
        notes.add("note", "left out", f"{n} {what}", "left out")
    for kind, labels in content["unknown"].items():
        for label, n in labels.items():
            notes.add(
                "warning",
                "unmapped label",
                f"{n} {kind} {label!r}",
                "kept as a label of no known kind",
                place=str(label),
            )


def _shown(path: str) -> str:
    """Return what the user knows of a recording: of one that a reader extracted, at an absolute path, only its name."""
    return Path(path).name if Path(path).is_absolute() else path


def _short(value: Any) -> str:
    if isinstance(value, Mapping):
        return ", ".join(f"{n} {name}" for name, n in value.items())
    return ", ".join(map(str, value)) if isinstance(value, list | tuple) else str(value)
