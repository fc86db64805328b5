"""Reference translations of first-person sentences, whose gendered words agree with the gender of the speaker.

Each reference comes with a wrong reference, in which every word that refers to the speaker has the other gender, and
with the pairs of these words, as in MuST-SHE (Bentivogli et al., 2020). Source sentences are translated part by part
from ``lexicons/translations/{language}.tsv``, where ``cansad[o-a]`` stands for a masculine and a feminine form.
"""

import csv
import re
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import pandas as pd

from auscult.corpora.synthesis.lexicon_files import TRANSLATIONS, has_translations
from auscult.errors import ConfigError, CorpusError
from auscult.tables import read_table

__all__ = [
    "REFERENCES",
    "REFERENCE_COLUMNS",
    "TARGET_LANGUAGES",
    "Translation",
    "translate",
    "reference_table",
    "read_references",
    "term_pairs",
]

REFERENCES = "references.parquet"
REFERENCE_COLUMNS = ("utterance", "target_language", "reference", "wrong_reference", "terms")
TARGET_LANGUAGES = ("spanish", "french", "italian")
_GENDERED = re.compile(r"(\S*)\[(\S*?)-(\S*?)\]")
_OTHER = {"male": "female", "female": "male"}


@dataclass(frozen=True)
class Translation:
    """The translations of a sentence for a male and for a female speaker.

    Parameters
    ----------
    male, female : the sentence with masculine and with feminine forms
    terms : pairs (masculine, feminine) of the words that differ
    """

    male: str
    female: str
    terms: tuple[tuple[str, str], ...]


def translate(text: str, language: str, target_language: str, folder: Path = TRANSLATIONS) -> Translation:
    """Translate a sentence part by part: frame (``I was``), degree, quality, ending.

    Spanish has two verbs for *to be*: qualities listed as traits take ``ser``, those listed as states ``estar``.

    Raises
    ------
    ConfigError
        A part of the sentence is not in the table of translations.
    """
    parts = _parts(language, folder)
    match = _pattern(language, folder).fullmatch(text.lower())
    if match is None:
        raise ConfigError(
            f"expected a sentence of frame, degree, quality and ending as in {language}.tsv, found {text!r}; add its "
            "words to that table"
        )
    of_traits = match["quality"] in parts["trait"]
    quality = parts["trait" if of_traits else "state"][match["quality"]]
    rows = [
        parts["frame"][match["frame"]],
        parts["degree"].get(match["degree"]),
        quality,
        parts["ending"].get(match["ending"]),
    ]
    marked = " ".join(_cell(row, target_language, of_traits) for row in rows if row)
    pairs = tuple((stem + man, stem + woman) for stem, man, woman in _GENDERED.findall(marked))
    return Translation(_GENDERED.sub(r"\1\2", marked), _GENDERED.sub(r"\1\3", marked), pairs)


def reference_table(utterances: pd.DataFrame, folder: Path = TRANSLATIONS) -> pd.DataFrame:
    """Return the references of all utterances in a language with translations, by the gender of their speaker.

    Training utterances have a reference in each target language. Other utterances have one in a single target language,
    assigned in rotation to the utterances of a speaker, so that target languages have disjoint test sentences, as in
    MuST-SHE.

    Parameters
    ----------
    utterances : table with columns ``utterance, speaker, gender, language, text, split``

    Returns
    -------
    table with columns :data:`REFERENCE_COLUMNS`; ``terms`` are pairs ``right wrong``, joined by ``;``
    """
    turn = utterances.groupby("speaker", sort=False).cumcount() % len(TARGET_LANGUAGES)
    rows = []
    for row, place in zip(utterances.itertuples(), turn):
        if not has_translations(row.language, folder):
            continue
        for target in TARGET_LANGUAGES if row.split == "train" else (TARGET_LANGUAGES[place],):
            found = translate(row.text, row.language, target, folder)
            pairs = found.terms if row.gender == "male" else tuple(pair[::-1] for pair in found.terms)
            terms = ";".join(" ".join(pair) for pair in pairs)
            wrong = getattr(found, _OTHER[row.gender])
            rows.append((row.utterance, target, getattr(found, row.gender), wrong, terms))
    return pd.DataFrame(rows, columns=list(REFERENCE_COLUMNS))


def read_references(folder: str | Path, utterances: pd.DataFrame) -> pd.DataFrame:
    """Read the references of a corpus, each with speaker, gender, split, length and text of its utterance.

    References are a separate table, ``references.parquet``, or columns of the utterances table if each utterance has
    exactly one.

    Raises
    ------
    CorpusError
        The corpus has no references, or a column is missing; an utterance is unknown, has no transcript, or its gender
        is not ``female`` or ``male``; a reference is empty; a split has speakers of one gender only; or a speaker is in
        both the training and the test split.
    """
    path = Path(folder) / REFERENCES
    inside = set(REFERENCE_COLUMNS) <= set(utterances)
    if not path.is_file() and not inside:
        raise CorpusError(
            f"expected translations beside the utterances in {path}, found none; name a language that has them "
            f"({', '.join(sorted(file.stem for file in TRANSLATIONS.glob('*.tsv')))}) or a corpus of reader must-she"
        )
    references = utterances[list(REFERENCE_COLUMNS)] if inside else read_table(path)
    missing = [column for column in REFERENCE_COLUMNS if column not in references]
    if missing:
        raise CorpusError(f"expected columns {', '.join(REFERENCE_COLUMNS)} in {path}, found no {missing[0]}; add it")
    columns = ["utterance", "speaker", "gender", "split", "n_samples", "text"]
    table = references.merge(utterances[columns], on="utterance", how="left", validate="many_to_one")
    _check(table, path)
    return table


def term_pairs(terms: str) -> list[tuple[str, str]]:
    """Return the (right, wrong) forms written as ``right wrong;right wrong``.

    Raises
    ------
    CorpusError
        A pair does not have exactly two words.
    """
    pairs = [pair.split() for pair in str(terms).split(";") if pair.strip()]
    invalid = [pair for pair in pairs if len(pair) != 2]
    if invalid:
        raise CorpusError(
            f"expected gendered words as pairs 'right wrong' joined by ';', found "
            f"{' '.join(invalid[0])!r} in {terms!r}; correct the table of references"
        )
    return [(right, wrong) for right, wrong in pairs]


def _check(table: pd.DataFrame, path: Path) -> None:
    def refuse(wrong: pd.Series, expected: str, column: str, remedy: str) -> None:
        if wrong.any():
            row = table[wrong].iloc[0]
            raise CorpusError(
                f"expected {expected}, found {row[column]!r} for utterance {row['utterance']!r} "
                f"({int(wrong.sum())} of {len(table)} rows of {path.name}); {remedy}"
            )

    refuse(table["speaker"].isna(), "references of utterances of the corpus", "speaker", "remove the row")
    refuse(table["gender"].isin(["", None]), "the gender of every speaker", "gender", "complete the speaker list")
    refuse(~table["gender"].isin(list(_OTHER)), "gender female or male", "gender", "correct the speaker list")
    refuse(table["text"].fillna("").str.strip().eq(""), "a transcript", "text", "add it or remove the row")
    refuse(table["reference"].fillna("").str.strip().eq(""), "a translation", "reference", "add it or remove the row")
    for split, part in table.groupby("split"):
        if part["gender"].nunique() < 2:
            raise CorpusError(
                f"expected women and men in split {split!r} of {path.parent.name}, found only {part['gender'].iloc[0]} "
                f"speakers ({part['speaker'].nunique()}); gender accuracy and probes need both"
            )
    training = set(table.loc[table["split"] == "train", "speaker"])
    leaked = sorted(training & set(table.loc[table["split"] == "test", "speaker"]))
    if leaked:
        raise CorpusError(
            f"expected test speakers that are not in the training split, found {leaked[0]!r} in both splits "
            f"of {path.parent.name} ({len(leaked)} such speakers); divide by speaker"
        )


@cache
def _parts(language: str, folder: Path) -> dict[str, dict[str, dict[str, str]]]:
    parts: dict[str, dict[str, dict[str, str]]] = {}
    with open(folder / f"{language}.tsv", encoding="utf-8", newline="") as stream:
        for row in csv.DictReader(stream, delimiter="\t"):
            parts.setdefault(row["part"], {})[row["english"].lower()] = row
    return parts


@cache
def _pattern(language: str, folder: Path) -> re.Pattern:
    parts = _parts(language, folder)

    def any_of(*names: str) -> str:
        words = [word for name in names for word in parts[name]]
        # Longer phrases first, so that "I am not" does not match as "I am" with the quality "not".
        return "|".join(map(re.escape, sorted(words, key=len, reverse=True)))

    return re.compile(
        f"(?P<frame>{any_of('frame')})(?: (?P<degree>{any_of('degree')}))? (?P<quality>{any_of('state', 'trait')})"
        f"(?: (?P<ending>{any_of('ending')}))?"
    )


def _cell(row: dict[str, str], target_language: str, of_traits: bool) -> str:
    return (row.get(f"{target_language}_of_traits") if of_traits else "") or row[target_language]
