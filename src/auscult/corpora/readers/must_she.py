"""MuST-SHE (Bentivogli et al., 2020): English talks with translations whose words depend on a person's gender.

The reader was written from the published evaluation script (columns ``CATEGORY`` and ``GENDERTERMS``) and descriptions
of the corpus, not from its files: recordings are found by the names in column ``ID``.
"""

import logging
from pathlib import Path
from typing import Any

import pandas as pd

from auscult.corpora.audio import audio_length
from auscult.corpora.corpus import split_speakers
from auscult.corpora.faults import Faults
from auscult.corpora.speaker_tables import read_columns
from auscult.corpora.walk import list_files
from auscult.errors import CorpusError
from auscult.tables import check_utterances, no_segments

__all__ = ["read_must_she"]

_log = logging.getLogger(__name__)
_COLUMNS = ("ID", "LANG", "SRC", "REF", "WRONG-REF", "SPEAKER", "GENDER", "CATEGORY", "GENDERTERMS")
_GENDERS = {"she": "female", "f": "female", "female": "female", "he": "male", "m": "male", "male": "male"}
_LANGUAGES = {"es": "spanish", "fr": "french", "it": "italian"}
_ENDINGS = (".wav", ".flac")


def read_must_she(
    folder: str | Path, *, categories: str = "1F 1M", divide: bool = True, language: str = "english"
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Read the utterances table of MuST-SHE; audio is not decoded.

    Reads every ``.tsv`` file below ``folder`` and finds the recording named like the ``ID`` of each row. Rows of other
    categories are left out and counted in the log. In 1F and 1M the gendered words refer to the speaker, so that only
    the voice marks the gender; in the other categories the content of the sentence does.

    Parameters
    ----------
    folder : folder into which the corpus was unpacked
    categories : categories to read, separated by spaces
    divide : whether speakers are divided into train, valid and test (2 : 1 : 1), so that a probe can be trained
    language : entered for every utterance

    Returns
    -------
    utterances, with columns ``target_language, reference, wrong_reference, terms`` (see
    :mod:`auscult.corpora.translations`) and ``category``, and no segments; paths relative to ``folder``

    Raises
    ------
    CorpusError
        There are no tables, or they cannot be read; a column or a recording is missing, a gender or a language is
        unknown, or no row has one of the categories.
    """
    folder = Path(folder)
    files = list_files(folder)
    tables = [_read(path) for path in files.ending_in(".tsv")]
    if not tables:
        raise CorpusError(
            f"expected tables of MuST-SHE (.tsv) below {folder}, found none; give the folder that the "
            "corpus was unpacked into"
        )
    rows = pd.concat(tables, ignore_index=True)
    kept = rows[rows["CATEGORY"].str.upper().isin(categories.upper().split())]
    if kept.empty:
        found = ", ".join(sorted(set(rows["CATEGORY"]))) or "none"
        raise CorpusError(
            f"expected rows of categories {categories} in MuST-SHE, found {found}; correct the option 'categories'"
        )
    recordings = {path.stem: path for path in files.ending_in(*_ENDINGS)}
    if len(recordings) < len(files.ending_in(*_ENDINGS)):
        repeated = [path for path in files.ending_in(*_ENDINGS) if recordings[path.stem] != path]
        raise CorpusError(
            f"expected each recording of MuST-SHE once, found {repeated[0]} and {recordings[repeated[0].stem]} "
            f"({len(repeated)} such pairs); keep one of each"
        )
    read = Faults("rows").each(lambda row: _utterance(row, recordings, folder, language), kept.to_dict("records"))
    utterances = pd.DataFrame(read)
    utterances["split"] = split_speakers(utterances, divide)
    _log.info(
        "MuST-SHE: %d of %d rows are of categories %s, by %d speakers",
        len(kept),
        len(rows),
        categories,
        utterances["speaker"].nunique(),
    )
    return check_utterances(utterances), no_segments()


def _read(path: Path) -> pd.DataFrame:
    # Quotation marks belong to the sentence.
    table = read_columns(path, quoted=False, separator="\t")
    missing = [column for column in _COLUMNS if column not in table]
    if missing:
        raise CorpusError(
            f"expected columns {', '.join(_COLUMNS)} in {path}, found no {', '.join(missing)}; leave "
            "other tables out of the folder"
        )
    return table


def _utterance(row: dict[str, str], recordings: dict[str, Path], folder: Path, language: str) -> dict[str, Any]:
    name = row["ID"].strip()
    if name not in recordings:
        raise CorpusError(
            f"expected a recording {name}.wav of MuST-SHE below {folder}, found none; unpack its audio there as well"
        )
    sample_rate_hz, n_samples = audio_length(recordings[name])
    return {
        "utterance": name,
        "corpus": "must-she",
        "path": recordings[name].relative_to(folder).as_posix(),
        "sample_rate_hz": sample_rate_hz,
        "n_samples": n_samples,
        "speaker": row["SPEAKER"].strip(),
        "gender": _known(row, "GENDER", _GENDERS),
        "language": language,
        "text": row["SRC"],
        "target_language": _known(row, "LANG", _LANGUAGES),
        "reference": row["REF"],
        "wrong_reference": row["WRONG-REF"],
        "terms": row["GENDERTERMS"].strip().strip(";"),
        "category": row["CATEGORY"],
    }


def _known(row: dict[str, str], column: str, names: dict[str, str]) -> str:
    value = row[column].strip().lower()
    if value not in names:
        raise CorpusError(
            f"expected {column} of MuST-SHE among {', '.join(names)}, found {row[column]!r} in row "
            f"{row['ID']!r}; correct it or leave the row out"
        )
    return names[value]
