"""Pointing game: does the highest score lie on the deciding word (Zhang and others, 2018)?"""

from collections.abc import Collection

import numpy as np
import pandas as pd

from auscult.analyses.reliability.agreement import Vectors
from auscult.analyses.reliability.items import describe_items
from auscult.analyses.reliability.measures import is_constant

__all__ = ["known_words", "mispredicted", "point", "pointing_items"]


def known_words(scores: pd.DataFrame) -> dict[tuple[str, str], tuple[float, float]]:
    """Return onset and offset of the deciding word by (utterance, form), where the attribution table marks it.

    Parameters
    ----------
    scores : columns :data:`auscult.analyses.attribution.analysis.ATTRIBUTION_COLUMNS`; ``cue`` is True for the segments
        of the deciding word
    """
    if "cue" not in scores:
        return {}
    words = scores[(scores["unit"] == "word") & scores["cue"]]
    words = words.drop_duplicates(["utterance", "form"])
    keys = zip(words["utterance"], words["form"])
    return dict(zip(keys, zip(words["onset"], words["offset"])))


def mispredicted(scores: pd.DataFrame) -> set[tuple[str, str]]:
    """Return the (utterance, form) for which the model does not predict the explained output.

    For an output that the model did not produce, no word is known to decide. A word explained against another spelling
    counts as predicted if it is the more probable of the two.

    Parameters
    ----------
    scores : columns :data:`auscult.analyses.attribution.analysis.ATTRIBUTION_COLUMNS`
    """
    if "prediction" not in scores:
        return set()
    each = scores.drop_duplicates(["utterance", "form"])
    against_other = each["form"].str.contains(r"\[.+\|.*\]")
    differs = each["prediction"].str.lower() != each["form"].str.lower()
    wrong = each[np.where(against_other, each["probability"] <= 0.5, differs)]
    return set(zip(wrong["utterance"], wrong["form"]))


def point(segments: np.ndarray, word: tuple[float, float]) -> tuple[float, float, float]:
    """Return whether the segment with the highest score lies in the deciding word, and two chance levels.

    A segment lies in a word if its centre does. Segments with equal highest scores share the hit. All three values are
    NaN if no segment lies in the word.

    Parameters
    ----------
    segments : onset, offset and score [shape=(3, n_segments)]
    word : onset and offset of the deciding word

    Returns
    -------
    value : 0 to 1, higher is better
    chance : share of segments in the word, 1 / n_words if segments are words
    chance_by_duration : their share of the duration, the chance of a random moment
    """
    centres, durations = (segments[0] + segments[1]) / 2, segments[1] - segments[0]
    inside = (centres >= word[0]) & (centres < word[1])
    if not inside.any():
        return np.nan, np.nan, np.nan
    highest = segments[2] == segments[2].max()
    return float(inside[highest].mean()), float(inside.mean()), float(durations[inside].sum() / durations.sum())


def pointing_items(
    vectors: Vectors,
    words: dict[tuple[str, str], tuple[float, float]],
    wrong: Collection[tuple[str, str]] = (),
) -> pd.DataFrame:
    """Play the pointing game with every method, input and unit, on the utterances whose deciding word is known.

    Parameters
    ----------
    vectors : as returned by :func:`auscult.analyses.reliability.agreement.score_vectors`
    words : as returned by :func:`known_words`
    wrong : as returned by :func:`mispredicted`; these have no value and are counted

    Returns
    -------
    items : question ``pointing``, metric ``pointing``, each round twice, once per chance level: ``against`` is ``any
        segment`` or ``duration``. A constant vector is counted and scores at chance
    """
    items = []
    for (method, kind, unit), explained in vectors.items():
        about = {"question": "pointing", "metric": "pointing", "method": method, "input": kind, "unit": unit}
        for key, segments in explained.items():
            if key not in words:
                continue
            played = about | {"utterance": key[0], "n_segments": segments.shape[1]}
            value, *chances = point(segments, words[key])
            constant = int(is_constant(segments[2:])[0])
            played |= {"n_mispredicted": 1} if key in wrong else {"value": value, "n_constant": constant}
            items += [
                played | {"against": against, "chance": np.nan if key in wrong else chance}
                for against, chance in zip(("any segment", "duration"), chances)
            ]
    return describe_items(items)
