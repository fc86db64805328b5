"""French homophones in read sentences (Mohebbi et al., 2023): Parquet tables with recordings and annotated cues.

The reader was written from the code that made the dataset and a notebook that uses it, not from the files. Columns
known with certainty (audio, alignment, cue and target words) are required; the others (transcript, number and indices)
are read if they exist.
"""

import logging
from collections.abc import Iterator, Mapping
from hashlib import sha256
from pathlib import Path, PurePosixPath
from typing import Any

import numpy as np
import pandas as pd
import pyarrow
import pyarrow.parquet

from auscult.corpora.audio import audio_length, check_waveform, write_audio
from auscult.corpora.faults import Faults
from auscult.corpora.walk import list_files
from auscult.errors import CorpusError, LabelError
from auscult.tables import check_segments, check_utterances

__all__ = ["read_homophones"]

_log = logging.getLogger(__name__)
_REQUIRED = ("audio", "alignment", "cue_word", "target_word")
_TEXTS = ("transcription", "text", "sentence")
_DETERMINERS = ("le", "la", "les", "un", "une", "des")
_ENDINGS = (".mp3", ".wav", ".flac", ".ogg")
_ROWS_AT_ONCE = 16
# MP3 decoders differ in delay and padding (up to 1105 and 1152 samples, at 32 kHz or more).
_MAX_EXCESS_S = 0.1
_MAX_TAIL_S = 1.0


def read_homophones(
    folder: str | Path, *, recordings: str | Path, language: str = "french"
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Read the tables of the homophone dataset, and write their recordings as files.

    Each row is a sentence of Common Voice with a target, a word that sounds alike in singular and plural, and its cue,
    the word that marks the number: the determiner of a noun, the pronoun of a verb, or, if a row has a second target
    (determiner, noun, verb), the determiner for both noun and verb. The authors count noun and determiner together as
    cues of such a verb; here each target has one cue, so the share of the cue is smaller. Rows with the same recording
    become one utterance with several targets. The cue is its last occurrence before the target, as in the authors'
    code.

    All utterances are of split ``test``, because the dataset is only analysed, not trained on. Without a column
    ``client_id`` speakers are unknown, and each recording counts as a separate speaker. Offsets up to 0.1 s past a
    recording are cut at its end. Targets without a preceding cue are left out, as are recordings that continue after
    the last word for more than 1 s and more than half of their length; all are counted in the log.

    Parameters
    ----------
    folder : folder of the dataset, with Parquet files at any depth
    recordings : existing folder to write the recordings to, named like the utterances: ``homophone-0762`` is row 762
    language : entered for every utterance

    Returns
    -------
    utterances, with absolute paths to the files written, and segments of tier ``word`` with columns ``pos`` and
    ``number`` (of targets; empty otherwise) and ``cue``, the index of a target's cue, -1 for other words

    Raises
    ------
    CorpusError
        There are no tables, or they cannot be read, lack a column or hold no recordings.
    LabelError
        A row has no words, or its times or positions do not fit its recording.
    """
    folder, recordings = Path(folder), Path(recordings)
    paths = list_files(folder).ending_in(".parquet")
    if not paths:
        raise CorpusError(
            f"expected the dataset's tables (data/train-….parquet) below {folder}, found no .parquet file; download it "
            "by hf download --repo-type dataset <its name> --local-dir <folder>"
        )
    found: dict[str, dict[str, Any]] = {}
    counts = {"rows": 0, "merged": 0, "without cue": 0, "long tails": 0, "cut": 0}
    faults = Faults("rows")
    for number, row in enumerate(_rows(paths)):
        with faults.check():
            _add_row(found, number, row, folder, recordings.absolute(), language, counts)
    faults.complain()
    utterances = [entry["row"] for entry in found.values()]
    words = [word for entry in found.values() for word in entry["words"]]
    _log.info(
        "homophones: %(rows)d rows, %(merged)d of them of a recording already read; left out: %(without cue)d targets "
        "without a cue before them, %(long tails)d rows with long silence at the end; %(cut)d words cut at the end",
        counts,
    )
    if not any(word["cue"] >= 0 for word in words):
        raise CorpusError(f"expected sentences with a target and its cue in the tables below {folder}, found none")
    utterances = check_utterances(pd.DataFrame(utterances))
    return utterances, check_segments(pd.DataFrame(words), utterances)


def _rows(paths: list[Path]) -> Iterator[dict[str, Any]]:
    for path in paths:
        try:
            with pyarrow.parquet.ParquetFile(path) as file:
                columns = file.schema_arrow.names
                missing = [column for column in _REQUIRED if column not in columns]
                if missing or not set(_TEXTS) & set(columns):
                    raise CorpusError(
                        f"expected columns {', '.join(_REQUIRED)} and one of {', '.join(_TEXTS)} in {path}, found "
                        f"{', '.join(columns)}; this is another dataset"
                    )
                for batch in file.iter_batches(batch_size=_ROWS_AT_ONCE):
                    batch.validate(full=True)  # values of a damaged file would be read from outside of it
                    yield from batch.to_pylist()
        except (pyarrow.ArrowException, OSError, ValueError, OverflowError) as error:
            raise CorpusError(f"expected a Parquet table in {path}, found: {error}; download it again") from None


def _add_row(
    found: dict[str, dict[str, Any]],
    number: int,
    row: Mapping[str, Any],
    folder: Path,
    recordings: Path,
    language: str,
    counts: dict[str, int],
) -> None:
    counts["rows"] += 1
    _check_row(row, number)
    content, suffix = _recording(row["audio"], folder, number)
    key = sha256(content).hexdigest()
    if key not in found:
        name = f"homophone-{number:04d}"
        shown = _shown(row["audio"], folder, number)
        path = _write(content, recordings / f"{name}{suffix}", row["audio"], shown)
        sample_rate_hz, n_samples = audio_length(path, name=shown)
        utterance = {
            "utterance": name,
            "corpus": "homophones",
            "path": str(path),
            "sample_rate_hz": sample_rate_hz,
            "n_samples": n_samples,
            "speaker": row.get("client_id") or name,
            "gender": "",
            "language": language,
            "text": str(next(row[column] for column in _TEXTS if column in row)).strip(),
            "split": "test",
        }
        words = _words(row, utterance, number, counts)
        tail = n_samples - words[-1]["offset"]
        if tail > _MAX_TAIL_S * sample_rate_hz and tail > n_samples / 2:
            counts["long tails"] += 1
            return
        found[key] = {"row": utterance, "words": words}
    else:
        counts["merged"] += 1
    _mark(found[key]["words"], row, number, counts)


def _check_row(row: Mapping[str, Any], number: int) -> None:
    """Refuse cells of other kinds than those of the dataset; a table may have any."""
    audio, alignment = row["audio"], row["alignment"]
    wrong = [
        column
        for column, fits in {
            "audio": audio is None or (isinstance(audio, Mapping) and isinstance(audio.get("path") or "", str)),
            "alignment": alignment is None or isinstance(alignment, Mapping),
            "cue_word": isinstance(row["cue_word"], str),
            "target_word": isinstance(row["target_word"], str),
            "target_word_2": isinstance(row.get("target_word_2") or "", str),
            "client_id": isinstance(row.get("client_id") or "", str),
        }.items()
        if not fits
    ]
    if wrong:
        raise CorpusError(
            f"expected a recording, an alignment and words in row {number}, found another kind of value in "
            f"{', '.join(wrong)}; this is another dataset, or it is damaged: download it again"
        )


def _recording(audio: Any, folder: Path, number: int) -> tuple[bytes, str]:
    """Return the content that identifies a recording, its bytes or its samples, and the ending of its file."""
    audio = audio if isinstance(audio, Mapping) else {}
    name = PurePosixPath(audio.get("path") or "")
    if isinstance(audio.get("bytes"), bytes) and audio["bytes"]:
        return audio["bytes"], name.suffix.lower() if name.suffix.lower() in _ENDINGS else ".wav"
    if audio.get("array"):
        try:
            return np.asarray(audio["array"], dtype=np.float32).reshape(-1).tobytes(), ".flac"
        except (ValueError, TypeError) as error:
            raise CorpusError(
                f"expected the samples of the recording of row {number} as numbers, found: {error}; download it again"
            ) from None
    raise CorpusError(
        f"expected the recording of row {number} inside the tables below {folder}, found "
        f"{'only its path ' + repr(str(name)) if name.name else 'none'}; save the dataset with its audio embedded"
    )


def _shown(audio: Mapping[str, Any], folder: Path, number: int) -> str:
    """Return what messages call a recording, whose file the user never sees."""
    name = PurePosixPath(audio.get("path") or "").name
    return f"the recording {name or ''} of row {number} in the tables below {folder}".replace("  ", " ")


def _write(content: bytes, path: Path, audio: Mapping[str, Any], shown: str) -> Path:
    if isinstance(audio.get("bytes"), bytes) and audio["bytes"]:
        path.write_bytes(content)
    else:
        rate_hz = audio.get("sampling_rate")
        if not isinstance(rate_hz, int) or not 1000 <= rate_hz <= 400_000:
            raise CorpusError(f"expected the sampling_rate of {shown} in Hz, found {rate_hz!r}; download it again")
        waveform = check_waveform(np.frombuffer(content, dtype=np.float32), shown)
        write_audio(waveform, path, rate_hz)
    return path


def _words(
    row: Mapping[str, Any], utterance: Mapping[str, Any], number: int, counts: dict[str, int]
) -> list[dict[str, Any]]:
    """Return the words of a sentence as segments; targets and cues are marked later."""
    intervals = (row["alignment"] or {}).get("intervals") or []
    if isinstance(intervals, Mapping) and all(isinstance(values, list) for values in intervals.values()):
        # Parquet may store a sequence of records as a record of sequences.
        intervals = [dict(zip(intervals, values)) for values in zip(*intervals.values())]
    if not intervals or not isinstance(intervals, list):
        raise LabelError(
            f"expected words with their times in column alignment of row {number}, found none; "
            "download the dataset again"
        )
    rate, n_samples, words = utterance["sample_rate_hz"], utterance["n_samples"], []
    for index, interval in enumerate(intervals):
        onset, offset = (round(_time_s(interval, side, number) * rate) for side in ("start", "end"))
        if 0 < offset - n_samples <= _MAX_EXCESS_S * rate:
            offset, counts["cut"] = n_samples, counts["cut"] + 1
        words.append(
            {
                "utterance": utterance["utterance"],
                "tier": "word",
                "index": index,
                "label": str(interval["word"]),
                "onset": onset,
                "offset": offset,
                "parent": -1,
                "pos": "",
                "number": "",
                "cue": -1,
            }
        )
    return words


def _time_s(interval: Any, side: str, number: int) -> float:
    value = interval.get(side) if isinstance(interval, Mapping) and isinstance(interval.get("word"), str) else None
    if isinstance(value, bool) or not isinstance(value, int | float) or not abs(value) < 1e6:
        raise LabelError(
            f"expected words with start and end in seconds in column alignment of row {number}, found {interval!r}; "
            "download the dataset again"
        )
    return float(value)


def _mark(words: list[dict[str, Any]], row: Mapping[str, Any], number: int, counts: dict[str, int]) -> None:
    """Mark the targets of a row and their cue among the words of its recording."""
    second = row.get("target_word_2")
    cue_pos = "DET" if second or str(row["cue_word"]).lower() in _DETERMINERS else "PRON"
    kinds = {"target_word": "NOUN" if cue_pos == "DET" else "VERB"} | ({"target_word_2": "VERB"} if second else {})
    cues = _positions(words, row, "cue_indices", "cue_word", number)
    for column, pos in kinds.items():
        targets = _positions(words, row, column.replace("word", "indices"), column, number)
        before = [cue for cue in cues if any(cue < target for target in targets)]
        if not before:
            counts["without cue"] += 1
            continue
        cue = max(before)
        target = words[min(target for target in targets if target > cue)]
        target |= {"pos": pos, "number": _number(row.get("label_number")), "cue": cue}
        words[cue]["pos"] = cue_pos


def _positions(words: list[dict[str, Any]], row: Mapping[str, Any], indices: str, word: str, number: int) -> list[int]:
    """Return the positions of a word that a row states, or else those where it occurs."""
    stated = row.get(indices)
    stated = stated.get("enc") if isinstance(stated, Mapping) else stated
    if not stated:
        wanted = str(row[word]).lower()
        return [position for position, found in enumerate(words) if found["label"].lower() == wanted]
    stated = stated if isinstance(stated, list) else [stated]
    wrong = [position for position in stated if not isinstance(position, int) or not 0 <= position < len(words)]
    if wrong:
        raise LabelError(
            f"expected positions among the {len(words)} words of row {number} in column {indices}, found "
            f"{wrong[0]}; the row is damaged: download the dataset again"
        )
    return list(stated)


def _number(label: Any) -> str:
    """Return ``singular``, ``plural`` or "" for ``Number_sing``, ``Number_plur`` or a list of one of them."""
    text = str(label).lower()
    return next((number for part, number in (("sing", "singular"), ("plur", "plural")) if part in text), "")
