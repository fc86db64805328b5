"""Classes of utterances, for classifiers: the values of a column, or the keyword that an utterance contains."""

from collections.abc import Mapping, Sequence

import pandas as pd

from auscult.errors import ConfigError, CorpusError

__all__ = ["Target", "utterance_classes", "class_names"]

Target = Mapping[str, str | Sequence[str]]


def utterance_classes(utterances: pd.DataFrame, target: Target) -> pd.Series:
    """Return the class of each utterance that belongs to one, by utterance name.

    Parameters
    ----------
    utterances : utterances table of a corpus, see :data:`auscult.tables.UTTERANCE_COLUMNS`
    target : ``{"column": name}``, a column of that table (empty values are left out); or ``{"keyword": [word, …]}``
        (utterances with none or more than one of the words are left out; case is ignored)

    Raises
    ------
    ConfigError
        The target has neither form, or repeats a word.
    CorpusError
        The column does not exist, or fewer than two classes occur.
    """
    match dict(target):
        case {"column": str(column), **rest} if not rest:
            classes = _column(utterances, column)
        case {"keyword": [*words], **rest} if not rest:
            classes = _keywords(utterances, words)
        case _:
            raise ConfigError(
                f"expected a target of the form column: name or keyword: [word, …], found {dict(target)}; "
                "correct the model's entry"
            )
    found = sorted(set(classes))
    if len(found) < 2:
        raise CorpusError(
            f"expected utterances of at least two classes of {dict(target)}, found {len(found)} in "
            f"{len(utterances)} utterances; choose another column or words that occur"
        )
    return classes


def class_names(utterances: pd.DataFrame, target: Target) -> tuple[str, ...]:
    """Return the names of the classes: keywords in the order of the target, values of a column in alphabetical order.

    Raises
    ------
    CorpusError
        A keyword is the only one in none of the utterances.
    ConfigError, CorpusError
        As for :func:`utterance_classes`.
    """
    found = set(utterance_classes(utterances, target))
    names = target["keyword"] if "keyword" in target else sorted(found)
    missing = [name for name in names if name not in found]
    if missing:
        raise CorpusError(
            f"expected every keyword to be the only keyword of some utterance, found no such utterance for "
            f"{missing[0]!r} in {len(utterances)} utterances; leave it out or use a larger corpus"
        )
    return tuple(names)


def _column(utterances: pd.DataFrame, column: str) -> pd.Series:
    if column not in utterances.columns:
        raise CorpusError(
            f"expected a column of the utterances table ({', '.join(utterances.columns)}), found {column!r}; "
            "correct 'target' in the model's entry"
        )
    values = utterances.set_index("utterance")[column].astype(str)
    return values[values != ""]


def _keywords(utterances: pd.DataFrame, words: Sequence[str]) -> pd.Series:
    if len(set(words)) < max(2, len(words)):
        raise ConfigError(f"expected at least two different keywords, found {list(words)}; correct the model's entry")
    tokens = utterances.set_index("utterance")["text"].str.lower().str.split()
    found = tokens.map(lambda text: [word for word in words if word.lower() in text])
    return found[found.map(len) == 1].map(lambda only: only[0])
