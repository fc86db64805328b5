"""Your own corpus: recordings with Praat TextGrids next to them, as written by the Montreal Forced Aligner."""

import logging
import re
from collections import Counter
from collections.abc import Collection, Mapping
from itertools import pairwise
from pathlib import Path
from typing import Any

import pandas as pd

from auscult.corpora.audio import audio_length
from auscult.corpora.corpus import GENDERS, SPLITS, split_speakers
from auscult.corpora.readers.praat import Intervals, read_textgrid
from auscult.corpora.readers.tiers import (
    PHONE_TIERS,
    WORD_TIERS,
    LabelOptions,
    Tier,
    UtteranceLength,
    choose_tiers,
    name_phones,
    words_and_phones,
)
from auscult.errors import ConfigError, CorpusError, LabelError
from auscult.tables import check_segments, check_utterances

__all__ = ["read_speaker_table", "read_textgrids"]

_log = logging.getLogger(__name__)
_AUDIO_ENDINGS = (".wav", ".flac", ".mp3", ".ogg")
_SPEAKER_COLUMNS = ("gender", "language", "split")
_N_LISTED = 5


def read_textgrids(
    folder: str | Path,
    *,
    words: str | Collection[str] = WORD_TIERS,
    phones: str | Collection[str] = PHONE_TIERS,
    alphabet: str = "",
    pauses: Collection[str] = (),
    encoding: str = "",
    language: str = "",
    divide_speakers: bool = False,
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Read the tables of a folder of recordings, each with a TextGrid of the same stem next to it.

    Each recording has one speaker, named by the tiers (``anna - words``), else by the parent folder, else by the file
    name up to the first ``_`` or ``-``. An optional ``speakers.csv`` with columns ``speaker`` and any of ``gender,
    language, split`` describes the speakers; those without a split are ``test``, or divided by speaker
    (:func:`~auscult.corpora.corpus.split_speakers`). Empty intervals and other pauses
    (:data:`~auscult.corpora.pauses.PAUSE_NAMES`) are left out among words and labelled ``sil`` among phones; those of
    no length are dropped. The alphabet of the phones is decided once for the corpus
    (:func:`~auscult.corpora.readers.tiers.name_phones`); stress marks move to column ``stress``. Offsets up to 20 ms
    past the recording are cut at its end. All of this is counted in the log. If no TextGrid has a tier of words, only
    phones are read.

    Parameters
    ----------
    folder : folder with the recordings and TextGrids, at any depth
    words, phones : name of the tier, several names to choose from, or "" for none; case is ignored
    alphabet : alphabet of the phones, one of :data:`~auscult.corpora.alphabets.ALPHABETS`; "" finds it
    pauses : names of pauses besides the usual ones
    encoding : encoding of TextGrids without byte order mark; "" for UTF-8, UTF-16 or, with a warning, Latin-1
    language : language of the speakers for whom ``speakers.csv`` states none
    divide_speakers : whether speakers without a split are divided into train, valid and test

    Returns
    -------
    utterances and segments, paths relative to ``folder``, times in samples of each recording

    Raises
    ------
    CorpusError
        There are no TextGrids, a recording is missing, or ``speakers.csv`` lacks a speaker or has an invalid value.
    ConfigError
        An option has a value that does not exist.
    LabelError
        A tier is missing, a file has several speakers, phones fit no alphabet, or times are not seconds within the
        recording.
    """
    options = LabelOptions(words, phones, alphabet, pauses, encoding)
    folder = Path(folder)
    paths = sorted(path for path in folder.rglob("*") if path.suffix.lower() == ".textgrid")
    if not paths:
        raise CorpusError(f"expected recordings with TextGrids below {folder}, found no .TextGrid; check the folder")
    _report_unlabelled(folder, paths)
    counts: Counter[str] = Counter()
    grids = {path: read_textgrid(path, encoding, backslashes=alphabet != "xsampa") for path in paths}
    chosen = _choose_tiers(grids, options, folder)
    read = [_read_one(folder, path, grids[path], chosen[path], options, counts) for path in paths]
    rows, tables = [row | {"language": language} for row, _ in read], [table for _, table in read]
    utterances = _with_speakers(pd.DataFrame(rows), folder / "speakers.csv", divide_speakers)
    segments, report = name_phones(pd.concat(tables, ignore_index=True), alphabet, str(folder))
    segments = check_segments(segments, check_utterances(utterances))
    _log.info(
        "%s: %d utterances of %d speakers; %d labels cut at the end of audio; %d pauses of no length dropped; %s",
        folder,
        len(utterances),
        utterances["speaker"].nunique(),
        counts["labels cut"],
        counts["pauses of no length"],
        report,
    )
    return utterances, segments


def _report_unlabelled(folder: Path, paths: list[Path]) -> None:
    labelled = {path.with_suffix("") for path in paths}
    recordings = sorted(path for path in folder.rglob("*") if path.suffix in _AUDIO_ENDINGS)
    for first, second in pairwise(recordings):
        if first.with_suffix("") == second.with_suffix(""):
            raise CorpusError(f"expected one recording for each TextGrid, found {first} and {second}; keep one of them")
    alone = [path for path in recordings if path.with_suffix("") not in labelled]
    if alone:
        _log.warning(
            "%d of %d recordings have no TextGrid and are left out, %s first", len(alone), len(recordings), alone[0]
        )


def _read_one(
    folder: Path,
    path: Path,
    grid: Mapping[str, Intervals],
    chosen: Mapping[str, str],
    options: LabelOptions,
    counts: Counter[str],
) -> tuple[dict[str, Any], pd.DataFrame]:
    audio = next((path.with_suffix(ending) for ending in _AUDIO_ENDINGS if path.with_suffix(ending).is_file()), None)
    if audio is None:
        raise CorpusError(
            f"expected {path.stem} with one of {', '.join(_AUDIO_ENDINGS)} beside {path}, found no recording; "
            "add it or remove the TextGrid"
        )
    sample_rate_hz, n_samples = audio_length(audio)
    _check_seconds(grid, n_samples, sample_rate_hz, path)
    utterance = path.relative_to(folder).with_suffix("").as_posix().replace("/", "-")
    row = {
        "utterance": utterance,
        "corpus": folder.name,
        "path": audio.relative_to(folder).as_posix(),
        "sample_rate_hz": sample_rate_hz,
        "n_samples": n_samples,
        "speaker": _speaker(next(iter(chosen.values())), path, folder),
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
            f"expected one speaker in {path}, found tiers {', '.join(names)} ({n_files} such files); split it "
            "into one file per speaker, or name one tier in the options of the corpus"
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


def _speaker(tier: str, path: Path, folder: Path) -> str:
    if " - " in tier:
        return tier.rpartition(" - ")[0]
    return path.parent.name if path.parent != folder else re.split("[_-]", path.stem)[0]


def _with_speakers(utterances: pd.DataFrame, path: Path, divide: bool) -> pd.DataFrame:
    if path.is_file():
        speakers = read_speaker_table(path).set_index("speaker")
        missing = sorted(set(utterances["speaker"]) - set(speakers.index))
        if missing:
            raise CorpusError(f"expected every speaker in {path}, found no {', '.join(missing)}; add a line for each")
        for column in speakers.columns.intersection(_SPEAKER_COLUMNS):
            listed = utterances["speaker"].map(speakers[column])
            utterances[column] = listed.where(listed != "", utterances[column])
    unassigned = utterances["split"] == ""
    return utterances.assign(split=utterances["split"].mask(unassigned, split_speakers(utterances, divide)))


def read_speaker_table(path: Path) -> pd.DataFrame:
    """Read a table of speakers with columns ``speaker`` and any of ``gender, language, split``.

    Raises
    ------
    CorpusError
        The file is not a table, lacks column ``speaker``, lists a speaker twice, or has an unknown gender or split.
    """
    try:
        speakers = pd.read_csv(path, dtype=str, keep_default_na=False, skipinitialspace=True)
    except (UnicodeDecodeError, pd.errors.EmptyDataError, pd.errors.ParserError) as error:
        raise CorpusError(f"expected a table in UTF-8 with commas in {path}, found: {error}; export it again") from None
    if "speaker" not in speakers or speakers["speaker"].duplicated().any():
        raise CorpusError(
            f"expected a column 'speaker', each speaker once, in {path}, found none, or one repeated; correct it"
        )
    for column, allowed in (("gender", GENDERS), ("split", (*SPLITS, ""))):
        wrong = speakers.loc[~speakers[column].isin(allowed), column] if column in speakers else speakers["speaker"][:0]
        if len(wrong):
            raise CorpusError(
                f"expected {column} in {path} to be one of {', '.join(filter(None, allowed))} or empty, found "
                f"{wrong.iloc[0]!r}; correct it"
            )
    return speakers
