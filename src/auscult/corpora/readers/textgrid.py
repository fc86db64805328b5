"""Your own corpus: recordings with Praat TextGrids next to them, as written by the Montreal Forced Aligner."""

import logging
from collections import Counter
from collections.abc import Callable, Collection, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import pandas as pd

from auscult.corpora.audio import audio_length, read_audio
from auscult.corpora.corpus import split_speakers
from auscult.corpora.faults import Faults
from auscult.corpora.past_end import PastEnd, check_past_end, settle_past_end
from auscult.corpora.readers.praat import Intervals, read_textgrid
from auscult.corpora.readers.tiers import (
    PHONE_TIERS,
    WORD_TIERS,
    LabelOptions,
    PhoneReport,
    Tier,
    UtteranceLength,
    choose_tiers,
    name_phones,
    words_and_phones,
)
from auscult.corpora.recordings import find_recordings, name_utterances, pair_recordings
from auscult.corpora.report import ImportReport
from auscult.corpora.speaker_tables import add_speakers, find_speaker_table, read_speaker_table
from auscult.corpora.speakers import name_speakers
from auscult.corpora.walk import list_files
from auscult.errors import AudioError, ConfigError, CorpusError, LabelError
from auscult.tables import check_segments, check_utterances

__all__ = ["read_textgrids"]

_log = logging.getLogger(__name__)
_N_LISTED = 5


def read_textgrids(
    folder: str | Path,
    *,
    alignments: str = "",
    words: str | Collection[str] = WORD_TIERS,
    phones: str | Collection[str] = PHONE_TIERS,
    alphabet: str = "",
    pauses: Collection[str] = (),
    encoding: str = "",
    language: str = "",
    divide_speakers: bool = False,
    speaker: Mapping[str, Any] | None = None,
    past_end: PastEnd = "refuse",
    report: ImportReport | None = None,
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Read the tables of a folder of recordings, each with a TextGrid of the same stem next to it.

    Each recording has one speaker, named by the tiers (``anna - words``), by the option ``speaker`` or by the paths;
    paths in which several parts could be the speaker are refused (:func:`~auscult.corpora.speakers.name_speakers`). An
    optional ``speakers.csv`` with columns ``speaker``, any of ``gender, language, split`` and any others describes the
    speakers (:func:`~auscult.corpora.speaker_tables.read_speaker_table`); those without a split are ``test``, or
    divided by speaker (:func:`~auscult.corpora.corpus.split_speakers`). Empty intervals and other pauses
    (:data:`~auscult.corpora.pauses.PAUSE_NAMES`) are left out among words and labelled ``sil`` among phones; those of
    no length are dropped. The alphabet of the phones is decided once for the corpus
    (:func:`~auscult.corpora.readers.tiers.name_phones`); stress marks move to column ``stress``. Offsets up to 20 ms
    past the recording are cut at its end. All of this is counted in the log. If no TextGrid has a tier of words, only
    phones are read.

    Parameters
    ----------
    folder : folder with the recordings, at any depth, and the TextGrids beside them
    alignments : folder of the TextGrids, relative to ``folder``, if they are in a tree of their own, as ``mfa align``
        writes them; see :func:`~auscult.corpora.recordings.pair_recordings`
    words, phones : name of the tier, several names to choose from, or "" for none; case is ignored
    alphabet : alphabet of the phones, one of :data:`~auscult.corpora.alphabets.ALPHABETS`; "" finds it
    pauses : names of pauses besides the usual ones
    encoding : encoding of TextGrids without byte order mark; "" for UTF-8, UTF-16 or, with a warning, Latin-1
    language : language of the speakers for whom ``speakers.csv`` states none
    divide_speakers : whether speakers without a split are divided into train, valid and test
    speaker : what names the speakers, ``{depth: …}``, ``{pattern: …}``, ``{table: …}`` or ``{name: …}``
    past_end : what is done with labels that end more than 20 ms after their recording: ``refuse``, ``clip`` the labels,
        or ``leave_out`` the recordings
    report : is filled in with what was found, changed and left out

    Returns
    -------
    utterances and segments, paths relative to ``folder``, times in samples of each recording

    Raises
    ------
    CorpusError
        There are no TextGrids, recordings are missing, the speakers are ambiguous, or ``speakers.csv`` lacks a speaker
        or has an invalid value.
    AudioError
        Recordings cannot be read or are empty.
    ConfigError
        An option has a value that does not exist.
    LabelError
        A tier is missing, a file has several speakers, phones fit no alphabet, or times are not seconds within the
        recording.
    """
    options, report = LabelOptions(words, phones, alphabet, pauses, encoding), report or ImportReport()
    check_past_end(past_end)
    folder = Path(folder)
    files = list_files(folder)
    label_folder = _folder_of_labels(folder, alignments)
    paths = (list_files(label_folder) if alignments else files).ending_in(".textgrid")
    if not paths:
        raise CorpusError(
            f"expected recordings with TextGrids below {label_folder}, found no .TextGrid; check the folder"
        )
    recordings = pair_recordings(files, paths, label_folder if alignments else None)
    report.left_out["recordings without a TextGrid"] = len(find_recordings(files)) - len(recordings)
    read_grid = partial(read_textgrid, encoding=encoding, backslashes=alphabet != "xsampa")
    grids = dict(zip(paths, Faults("TextGrids").each(read_grid, paths)))
    chosen = _choose_tiers(grids, options, folder)
    names = dict(zip(paths, name_utterances(recordings.values(), folder)))
    counts: Counter[str] = Counter()
    read = _read_all(
        paths,
        recordings,
        lambda path: _read_one(folder, names[path], recordings[path], path, grids[path], chosen[path], options, counts),
    )
    rows, tables = [row | {"language": language} for row, _ in read], [table for _, table in read]
    table = find_speaker_table(folder)
    speakers = name_speakers(
        list(recordings.values()),
        folder,
        speaker,
        tiers=[_tier_speaker(next(iter(chosen[path].values()))) for path in paths],
        listed=None if table is None else frozenset(read_speaker_table(table)["speaker"]),
    )
    utterances = _with_speakers(pd.DataFrame(rows).assign(speaker=speakers.names), table, divide_speakers)
    segments, phones_found = name_phones(pd.concat(tables, ignore_index=True), alphabet, str(folder))
    utterances, segments = settle_past_end(utterances, segments, past_end, report)
    segments = check_segments(segments, check_utterances(utterances))
    _fill_in(report, utterances, speakers.rule, phones_found, counts)
    _log.info("%s: %d utterances of %d speakers; %s", folder, len(utterances), report.found["speakers"], phones_found)
    return utterances, segments


def _read_all(
    paths: Sequence[Path],
    recordings: Mapping[Path, Path],
    read_one: Callable[[Path], tuple[dict[str, Any], pd.DataFrame]],
) -> list[tuple[dict[str, Any], pd.DataFrame]]:
    """Return what is read of every TextGrid and recording; raise the faults of all of them together."""
    faults, read = Faults("recordings"), {}
    for path in paths:
        with faults.check():
            read[path] = read_one(path)
    if faults.errors:
        # So far only headers were read. One report names the recordings without usable sound as well.
        for path in read:
            try:
                read_audio(recordings[path])
            except AudioError as error:
                faults.errors.append(error)
    faults.complain()
    return list(read.values())


def _folder_of_labels(folder: Path, alignments: str) -> Path:
    if not (folder / alignments).is_dir():
        raise CorpusError(
            f"expected the TextGrids in {folder / alignments}, found no such folder; correct the option alignments, "
            "which is relative to the path of the corpus"
        )
    return folder / alignments


def _fill_in(
    report: ImportReport, utterances: pd.DataFrame, rule: str, phones: PhoneReport, counts: Counter[str]
) -> None:
    speakers = utterances.drop_duplicates("speaker")
    report.found["speakers"], report.found["speakers by"] = len(speakers), rule
    report.found["genders"] = speakers["gender"].replace("", "unknown").value_counts().to_dict()
    phones.fill_in(report, counts)


def _read_one(
    folder: Path,
    utterance: str,
    audio: Path,
    path: Path,
    grid: Mapping[str, Intervals],
    chosen: Mapping[str, str],
    options: LabelOptions,
    counts: Counter[str],
) -> tuple[dict[str, Any], pd.DataFrame]:
    sample_rate_hz, n_samples = audio_length(audio)
    _check_seconds(grid, n_samples, sample_rate_hz, path)
    row = {
        "utterance": utterance,
        "corpus": folder.name,
        "path": audio.relative_to(folder).as_posix(),
        "sample_rate_hz": sample_rate_hz,
        "n_samples": n_samples,
        "speaker": "",
        "gender": "",
        "text": "",
        "split": "",
    }
    tiers = {tier: Tier(tuple(grid[name])) for tier, name in chosen.items()}
    segments = words_and_phones(tiers, UtteranceLength(utterance, n_samples, sample_rate_hz), options.pauses, counts)
    row["text"] = " ".join(segments.loc[segments["tier"] == "word", "label"])
    return row, segments


def _choose_tiers(
    grids: Mapping[Path, Mapping[str, Intervals]], options: LabelOptions, folder: Path
) -> dict[Path, dict[str, str]]:
    """Return the names of the tiers ``word`` and ``phone`` of every TextGrid; no words if no TextGrid has them."""
    wanted = options.tiers()
    if not wanted:
        raise ConfigError("expected a tier of words or phones, found two empty names; name one in the options")
    found = {path: {tier: choose_tiers(grid, names) for tier, names in wanted.items()} for path, grid in grids.items()}
    if options.words == WORD_TIERS and "phone" in wanted and not any(tiers["word"] for tiers in found.values()):
        _log.warning("%s: no TextGrid has a tier %s; only phones are read", folder, " or ".join(map(repr, WORD_TIERS)))
        found = {path: {"phone": tiers["phone"]} for path, tiers in found.items()}
    _require_tiers(grids, found, wanted)
    return {path: {tier: names[0] for tier, names in tiers.items()} for path, tiers in found.items()}


def _require_tiers(
    grids: Mapping[Path, Mapping[str, Intervals]],
    found: Mapping[Path, Mapping[str, list[str]]],
    wanted: Mapping[str, tuple[str, ...]],
) -> None:
    several = [(path, names) for path, tiers in found.items() for names in tiers.values() if len(names) > 1]
    if several:
        path, names = several[0]
        n_files = len({path for path, _ in several})
        raise LabelError(
            f"expected one speaker in {path}, found tiers {', '.join(names)} ({n_files} such files); read "
            "the corpus with reader collection and option turns, or name one tier in the options of the corpus"
        )
    for tier, choice in wanted.items():
        missing = [path for path, tiers in found.items() if tier in tiers and not tiers[tier]]
        if missing:
            listed = "; ".join(f"{path}: {', '.join(map(repr, grids[path])) or 'none'}" for path in missing[:_N_LISTED])
            raise LabelError(
                f"expected a tier {' or '.join(map(repr, choice))} in every TextGrid, found none in {len(missing)} of "
                f"{len(grids)}, whose tiers of intervals are {listed}; name the tiers in the options of the corpus "
                f'({tier}s: name, a list of names, or "" for none)'
            )


def _check_seconds(tiers: Mapping[str, Intervals], n_samples: int, sample_rate_hz: int, path: Path) -> None:
    end = max((intervals[-1][1] for intervals in tiers.values() if intervals), default=0.0)
    duration_s = n_samples / sample_rate_hz
    if end > 50 * duration_s:
        raise LabelError(
            f"expected times in seconds in {path}, found an end at {end:g} for a recording of {duration_s:.3f} s "
            f"({n_samples} samples); these look like samples or milliseconds: convert them to seconds"
        )


def _tier_speaker(tier: str) -> str:
    return tier.rpartition(" - ")[0] if " - " in tier else ""


def _with_speakers(utterances: pd.DataFrame, table: Path | None, divide: bool) -> pd.DataFrame:
    if table is not None:
        utterances = add_speakers(utterances, table)
    unassigned = utterances["split"] == ""
    return utterances.assign(split=utterances["split"].mask(unassigned, split_speakers(utterances, divide)))
