"""Which utterances are shown: by a rule that is stated on the page, never by taste.

Some are drawn at random; the hardest are those with the lowest score, such as the mean probability that a probe gives
to the true phones. Both come from the utterances of one split that are not too long.
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass

import numpy as np
import pandas as pd

from auscult.corpora.corpus import Corpus
from auscult.errors import AnalysisError
from auscult.listening.settings import ListenSettings

__all__ = ["TONES", "Pool", "Shown", "find_pool", "choose", "toned_syllables"]

TONES = ("1", "2", "3", "4")  # the neutral tone has no contour of its own


@dataclass(frozen=True)
class Pool:
    """Utterances that can be shown, in a random order.

    Parameters
    ----------
    utterances : rows of the corpus, shuffled
    described : what they are, for the stated rule, such as "480 utterances of english (test)"
    """

    utterances: pd.DataFrame
    described: str

    @property
    def names(self) -> list[str]:
        """Names of the utterances, in the random order."""
        return [str(name) for name in self.utterances["utterance"]]


@dataclass(frozen=True)
class Shown:
    """A shown utterance, the rule that chose it (``drawn`` or ``hardest``) and its score, if it has one."""

    utterance: str
    rule: str
    score: float | None


def find_pool(
    corpus: Corpus, settings: ListenSettings, *, only: Collection[str] | None = None, kind: str = "", seed: int = 0
) -> Pool:
    """Return the utterances of the split that are not too long, in a random order.

    Those without words and phones are left out, unless the split has none with any.

    Parameters
    ----------
    only : names of utterances to which the pool is limited
    kind : what these have in common, for the stated rule, such as "with a known cue"
    seed : of the order

    Raises
    ------
    AnalysisError
        There is no such utterance.
    """
    rows = corpus.utterances[corpus.utterances["split"] == settings.split]
    labelled = corpus.segments.loc[corpus.segments["tier"].isin(("phone", "word")), "utterance"]
    rows = rows[rows["utterance"].isin(labelled)] if rows["utterance"].isin(labelled).any() else rows
    if only is not None:
        rows = rows[rows["utterance"].isin(only)]
    short = rows[rows["n_samples"] <= settings.longest_s * rows["sample_rate_hz"]]
    limited = f"of at most {settings.longest_s:g} s" if len(short) < len(rows) else ""
    what = " ".join(part for part in ("utterances of", corpus.name, f"({settings.split})", kind, limited) if part)
    if short.empty:
        raise AnalysisError(
            f"expected {what} to listen to, found none of {len(corpus.utterances)} utterances; change split or "
            "longest_s in the study's section listen, or the corpus"
        )
    order = np.random.default_rng(seed).permutation(len(short))
    return Pool(short.iloc[order], f"{len(short)} {what}")


def choose(
    drawn: Pool, scores: Mapping[str, float], settings: ListenSettings, *, measure: str, considered: str
) -> tuple[list[Shown], dict[str, str]]:
    """Return the shown utterances and the sentence that states each rule.

    An utterance drawn at random is not shown a second time among the hardest.

    Parameters
    ----------
    drawn : utterances of which the first are shown
    scores : score of each utterance of which the lowest are shown
    measure : what the scores measure, for the stated rule
    considered : what the scored utterances are, for the stated rule
    """
    names = drawn.names[: settings.drawn]
    rest = {name: score for name, score in scores.items() if name not in names and np.isfinite(score)}
    hardest = sorted(rest, key=lambda name: (rest[name], name))[: settings.hardest]
    shown = [
        *(Shown(name, "drawn", scores.get(name)) for name in names),
        *(Shown(name, "hardest", rest[name]) for name in hardest),
    ]
    rules = {"drawn": f"{len(names)} drawn at random from {drawn.described}"}
    if hardest:
        rules["hardest"] = f"{len(hardest)} other{'s' * (len(hardest) > 1)} with the lowest {measure}, of {considered}"
    return shown, rules


def toned_syllables(segments: pd.DataFrame) -> pd.DataFrame:
    """Return the syllables with one of :data:`TONES`, as spoken, in the order of their utterances."""
    if "tone" not in segments:
        return segments.iloc[:0]
    toned = segments[(segments["tier"] == "syllable") & segments["tone"].astype(str).isin(TONES)]
    return toned.sort_values(["utterance", "index"], kind="stable")
