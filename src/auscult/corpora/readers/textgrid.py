"""Your own corpus: recordings with Praat TextGrids next to them, as written by the Montreal Forced Aligner."""

import logging
import re
from itertools import pairwise
from pathlib import Path

import numpy as np
import pandas as pd
import parselmouth
from parselmouth.praat import call

from auscult.corpora import phones as ipa
from auscult.corpora.audio import audio_length
from auscult.corpora.corpus import GENDERS, SPLITS, split_speakers
from auscult.corpora.readers.tiers import cut_at_end, enclosing_words, split_stress
from auscult.corpora.readers.timit import PHONE_CLASSES
from auscult.errors import CorpusError, LabelError
from auscult.tables import check_segments, check_utterances

__all__ = ["phone_class", "read_speaker_table", "read_textgrid", "read_textgrids"]

_log = logging.getLogger(__name__)
_AUDIO_ENDINGS = (".wav", ".flac", ".mp3", ".ogg")
_SPEAKER_COLUMNS = ("gender", "language", "split")
_PAUSES = ("", "sil", "sp", "<sil>", "<eps>", "<p:>")
_NOISES = ("spn", "<spn>", "noise", "<unk>", "<nib>")
_ARPABET = (
    {phone: name for name, phones in PHONE_CLASSES.items() for phone in phones}
    | dict.fromkeys(("ao", "ax", "ix", "ux", "axr"), "vowel")
    | {"zh": "fricative"}
)


def phone_class(phone: str) -> str:
    """Return the manner of articulation of an ARPAbet or IPA phone; "" if it is unknown.

    Labels in upper-case ASCII are read as ARPAbet, all others as IPA; a stress digit is ignored. Pauses are
    ``silence``, spoken noise is ``noise``. Flaps count as stops, as in TIMIT.
    """
    if phone in _PAUSES:
        return "silence"
    if phone in _NOISES:
        return "noise"
    if phone.isascii() and phone.isupper():
        return _ARPABET.get(phone.rstrip("012").lower(), "")
    try:
        return ipa.phone_class(phone)
    except LabelError:
        return ""


def read_textgrid(path: str | Path) -> dict[str, list[tuple[float, float, str]]]:
    """Read the interval tiers of a TextGrid (UTF-8 or UTF-16): onset and offset in seconds and label, by tier name.

    Raises
    ------
    LabelError
        The file is not a TextGrid, or two of its tiers have the same name.
    """
    try:
        grid = parselmouth.Data.read(str(path))
    except parselmouth.PraatError as error:
        raise LabelError(
            f"expected a Praat TextGrid in {path}, found text that Praat cannot read ({error}); export it again"
        ) from None
    if not isinstance(grid, parselmouth.TextGrid):
        raise LabelError(f"expected a Praat TextGrid in {path}, found a {type(grid).__name__}; export it again")
    tiers = {}
    for tier in range(1, call(grid, "Get number of tiers") + 1):
        name = call(grid, "Get tier name", tier)
        if not call(grid, "Is interval tier", tier):
            continue
        if name in tiers:
            raise LabelError(f"expected tiers of different names in {path}, found {name!r} twice; rename one")
        tiers[name] = [
            (
                call(grid, "Get start time of interval", tier, interval),
                call(grid, "Get end time of interval", tier, interval),
                call(grid, "Get label of interval", tier, interval).strip(),
            )
            for interval in range(1, call(grid, "Get number of intervals", tier) + 1)
        ]
    return tiers


def read_textgrids(
    folder: str | Path,
    *,
    words: str = "words",
    phones: str = "phones",
    language: str = "",
    divide_speakers: bool = False,
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Read the tables of a folder of recordings, each with a TextGrid of the same stem next to it.

    Each recording has one speaker, named by the tiers (``anna - words``), else by the parent folder, else by the file
    name up to the first ``_`` or ``-``. An optional ``speakers.csv`` with columns ``speaker`` and any of ``gender,
    language, split`` describes the speakers; those without a split are ``test``, or divided by speaker
    (:func:`~auscult.corpora.corpus.split_speakers`). Empty intervals are pauses: left out among words, labelled ``sil``
    among phones. The stress digit of a label moves to column ``stress``. Offsets up to 20 ms past the recording are cut
    at its end and counted in the log.

    Parameters
    ----------
    folder : folder with the recordings and TextGrids, at any depth
    words, phones : names of the two tiers; case is ignored
    language : language of the speakers for whom ``speakers.csv`` states none
    divide_speakers : whether speakers without a split are divided into train, valid and test

    Returns
    -------
    utterances and segments, paths relative to ``folder``, times in samples of each recording

    Raises
    ------
    CorpusError
        There are no TextGrids, a recording is missing, or ``speakers.csv`` lacks a speaker or has an invalid value.
    LabelError
        A tier is missing, a file has several speakers, or times are not seconds within the recording.
    """
    folder = Path(folder)
    paths = sorted(path for path in folder.rglob("*") if path.suffix.lower() == ".textgrid")
    if not paths:
        raise CorpusError(f"expected recordings with TextGrids below {folder}, found no .TextGrid; check the folder")
    _report_unlabelled(folder, paths)
    rows, tables, n_cut = [], [], 0
    for path in paths:
        row, segments, cut = _read_one(folder, path, {"word": words, "phone": phones})
        rows.append(row | {"language": language})
        tables.append(segments)
        n_cut += cut
    utterances = _with_speakers(pd.DataFrame(rows), folder / "speakers.csv", divide_speakers)
    segments = check_segments(pd.concat(tables, ignore_index=True), check_utterances(utterances))
    unknown = segments.loc[(segments["tier"] == "phone") & (segments["phone_class"] == ""), "label"].unique()
    _log.info(
        "%s: %d utterances of %d speakers; %d labels cut at the end of audio; phones without a known class: %s",
        folder,
        len(utterances),
        utterances["speaker"].nunique(),
        n_cut,
        " ".join(unknown) or "none",
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


def _read_one(folder: Path, path: Path, names: dict[str, str]) -> tuple[dict, pd.DataFrame, int]:
    audio = next((path.with_suffix(ending) for ending in _AUDIO_ENDINGS if path.with_suffix(ending).is_file()), None)
    if audio is None:
        raise CorpusError(
            f"expected {path.stem} with one of {', '.join(_AUDIO_ENDINGS)} beside {path}, found no recording; "
            "add it or remove the TextGrid"
        )
    sample_rate_hz, n_samples = audio_length(audio)
    tiers = read_textgrid(path)
    chosen = {tier: _choose(tiers, name, path) for tier, name in names.items()}
    _check_seconds(tiers, n_samples, sample_rate_hz, path)
    utterance = path.relative_to(folder).with_suffix("").as_posix().replace("/", "-")
    words = _table(tiers[chosen["word"]], "word", n_samples, sample_rate_hz)
    phones = _table(tiers[chosen["phone"]], "phone", n_samples, sample_rate_hz)
    segments = _relate(words, phones).assign(utterance=utterance)
    row = {
        "utterance": utterance,
        "corpus": folder.name,
        "path": audio.relative_to(folder).as_posix(),
        "sample_rate_hz": sample_rate_hz,
        "n_samples": n_samples,
        "speaker": _speaker(chosen["phone"], path, folder),
        "gender": "",
        "text": " ".join(segments.loc[segments["tier"] == "word", "label"]),
        "split": "",
    }
    return row, segments.drop(columns="cut"), int(segments["cut"].sum())


def _choose(tiers: dict[str, list], name: str, path: Path) -> str:
    found = [tier for tier in tiers if tier.lower().rpartition(" - ")[2] == name.lower()]
    if len(found) == 1:
        return found[0]
    if found:
        raise LabelError(
            f"expected one speaker in {path}, found tiers {', '.join(found)}; split it into one file per speaker"
        )
    raise LabelError(
        f"expected a tier {name!r} in {path}, found tiers {', '.join(map(repr, tiers)) or 'none'}; name the tiers in "
        "the options of the corpus"
    )


def _check_seconds(tiers: dict[str, list], n_samples: int, sample_rate_hz: int, path: Path) -> None:
    end = max((intervals[-1][1] for intervals in tiers.values() if intervals), default=0.0)
    duration_s = n_samples / sample_rate_hz
    if end > 50 * duration_s:
        raise LabelError(
            f"expected times in seconds in {path}, found an end at {end:g} for a recording of {duration_s:.3f} s "
            f"({n_samples} samples); these look like samples or milliseconds: convert them to seconds"
        )


def _table(intervals: list[tuple[float, float, str]], tier: str, n_samples: int, sample_rate_hz: int) -> pd.DataFrame:
    times = np.rint(np.array([times[:2] for times in intervals]).reshape(-1, 2) * sample_rate_hz).astype(np.int64)
    table = pd.DataFrame({"onset": times[:, 0], "offset": times[:, 1], "label": [label for *_, label in intervals]})
    table = cut_at_end(table, n_samples, sample_rate_hz)
    # A pause after the end of the recording is dropped; a label there is an error, left for check_segments to report.
    dropped = table["label"].isin(_PAUSES) & ((tier == "word") | (table["onset"] >= n_samples))
    return table[~dropped].assign(tier=tier, parent=-1).reset_index(drop=True)


def _relate(words: pd.DataFrame, phones: pd.DataFrame) -> pd.DataFrame:
    labels, stress = split_stress(phones["label"])
    phones = phones.assign(
        parent=enclosing_words(words, phones),
        phone_class=phones["label"].map(phone_class),
        stress=stress,
        label=labels.where(~labels.isin(_PAUSES), "sil"),
    )
    return pd.concat([table.assign(index=range(len(table))) for table in (words, phones)], ignore_index=True)


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
