"""Whether the highest score lies on the word that is known to decide (the pointing game: Zhang and others, 2018)."""

from collections.abc import Collection

import numpy as np
import pandas as pd

from auscult.analyses.reliability.agreement import Vectors
from auscult.analyses.reliability.items import describe_items
from auscult.analyses.reliability.measures import is_constant

__all__ = ["known_words", "mispredicted", "point", "pointing_items"]


def known_words(scores: pd.DataFrame) -> dict[tuple[str, str], tuple[float, float]]:
    """Return onset and offset of the word that decides, by utterance and target, where an attribution table marks it.

    Parameters
    ----------
    scores : columns of :data:`auscult.analyses.attribution.analysis.ATTRIBUTION_COLUMNS`; ``cue`` is True for the
        segments of that word
    """
    if "cue" not in scores:
        return {}
    words = scores[(scores["unit"] == "word") & scores["cue"]]
    words = words.drop_duplicates(["utterance", "form"])
    return {(row.utterance, row.form): (row.onset, row.offset) for row in words.itertuples()}


def mispredicted(scores: pd.DataFrame) -> set[tuple[str, str]]:
    """Return the (utterance, form) of which the model predicts something else than what is explained.

    Why it should have said what it did not say has no known answer. A word explained against another spelling counts as
    predicted where it is the more probable of the two.

    Parameters
    ----------
    scores : columns of :data:`auscult.analyses.attribution.analysis.ATTRIBUTION_COLUMNS`
    """
    if "prediction" not in scores:
        return set()
    each = scores.drop_duplicates(["utterance", "form"])
    against_other = each["form"].str.contains(r"\[.+\|.*\]")
    differs = each["prediction"].str.lower() != each["form"].str.lower()
    wrong = each[np.where(against_other, each["probability"] <= 0.5, differs)]
    return set(zip(wrong["utterance"], wrong["form"]))


def point(segments: np.ndarray, word: tuple[float, float]) -> tuple[float, float, float]:
    """Play one round: does the segment of the highest score lie in the known word?

    A segment lies in a word if its centre does. Segments of equal highest score share the hit.

    Parameters
    ----------
    segments : onset, offset and score [shape=(3, n_segments)]
    word : its onset and offset

    Returns
    -------
    value : 0 to 1, higher is better; NaN, as the others, if no segment lies in the word
    chance : share of the segments that do: 1 / n_words where segments are words
    chance_by_duration : their share of the time: what is hit by pointing at a random moment
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
    """Play the game with every method, input and unit, on the utterances whose deciding word is known.

    Parameters
    ----------
    vectors : as of :func:`auscult.analyses.reliability.agreement.score_vectors`
    words : as of :func:`known_words`
    wrong : as of :func:`mispredicted`; these are no rounds, and are counted

    Returns
    -------
    items : question ``pointing``, metric ``pointing``, each round twice: ``against`` says which chance stands beside
        it, ``any segment`` or ``duration``. A constant vector is counted and scores what chance does
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
