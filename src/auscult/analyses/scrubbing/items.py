"""Items of a scrubbing analysis: the utterances that fit erasers, train probes, choose hyperparameters and are tested.

No speaker has two roles. A probe trained on the vectors that fitted an eraser finds nothing by construction, so erasers
and probes have separate speakers. Hyperparameters are chosen on a third group, and results are reported on a fourth.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from auscult.analyses.scrubbing.settings import ScrubbingSplits
from auscult.corpora.corpus import Corpus
from auscult.erasure.labels import class_codes, require_unseen
from auscult.errors import AnalysisError
from auscult.models.training.vocabulary import plain_text
from auscult.statistics.folds import speaker_folds

__all__ = ["ROLES", "JoinedCorpora", "ScrubbingItems", "choose_items"]

ROLES = ("erase", "probe", "choose", "test")


class JoinedCorpora:
    """Corpora of different speakers read as one, such as subsets of a corpus that are published separately.

    Raises
    ------
    AnalysisError
        An utterance occurs in more than one of them.
    """

    def __init__(self, *corpora: Corpus):
        self.name = ", ".join(corpus.name for corpus in corpora)
        self.utterances = pd.concat([corpus.utterances for corpus in corpora], ignore_index=True)
        self._owners = {name: corpus for corpus in corpora for name in corpus.utterances["utterance"]}
        twice = self.utterances.loc[self.utterances["utterance"].duplicated(), "utterance"]
        if len(twice):
            raise AnalysisError(
                f"expected corpora without a common utterance, found {twice.iloc[0]!r} in several of "
                f"{self.name}; fit on another corpus"
            )

    def waveform(self, utterance: str) -> np.ndarray:
        """Return the waveform of an utterance from its corpus."""
        return self._owners[utterance].waveform(utterance)


@dataclass(frozen=True)
class ScrubbingItems:
    """The utterances of a scrubbing analysis with their roles.

    Parameters
    ----------
    table : columns ``utterance, speaker, gender, code`` (of the gender, from 0), ``role`` (one of :data:`ROLES`) and
        ``text`` (lower case; never empty for role ``test``); all arrays follow its order
    """

    table: pd.DataFrame

    def rows(self, *roles: str) -> np.ndarray:
        """Return the positions of the utterances with one of these roles."""
        return np.flatnonzero(self.table["role"].isin(roles))

    def __getitem__(self, column: str) -> np.ndarray:
        values: np.ndarray = self.table[column].to_numpy()
        return values


def choose_items(
    corpus: Corpus | JoinedCorpora,
    *,
    splits: ScrubbingSplits,
    n_utterances: int | None,
    n_test: int | None,
    seed: int,
) -> ScrubbingItems:
    """Assign roles to utterances: the speakers of split ``fit`` are divided between erasers and probes by gender.

    Parameters
    ----------
    corpus : with genders and, in the tested split, transcripts
    splits : splits for ``fit``, ``choose`` and ``test``; if ``choose`` is the split of ``fit``, its speakers are
        divided among all three roles
    n_utterances : maximum number of utterances for each of ``erase``, ``probe`` and ``choose``, spread evenly over
        their speakers; None for all
    n_test : the same for ``test``
    seed : of the division of speakers and of the sample

    Raises
    ------
    AnalysisError
        A split has no utterance; a gender is missing or unknown, or a role has only one; there are too few speakers; a
        test speaker also occurs in another split; or the transcript of a test utterance is empty.
    """
    utterances = corpus.utterances.sort_values("utterance", kind="stable")
    fit, choose, test = (
        _select_split(utterances, split, corpus.name) for split in (splits.fit, splits.choose, splits.test)
    )
    shared = splits.choose == splits.fit
    require_unseen(test["speaker"], pd.concat([fit, choose])["speaker"], "erasers and probes")
    divided = ("erase", "probe", "choose") if shared else ("erase", "probe")
    by_role = _divide_speakers(fit, divided, seed, f"split {splits.fit!r} of corpus {corpus.name!r}")
    if not shared:
        require_unseen(choose["speaker"], fit["speaker"], "erasers")
        by_role["choose"] = choose
    chosen = [_spread(rows, n_utterances, seed).assign(role=role) for role, rows in by_role.items()]
    chosen.append(_spread(test, n_test, seed).assign(role="test"))
    codes = [
        class_codes(rows["gender"], rows["speaker"], where=f"role {rows['role'].iloc[0]} of corpus {corpus.name!r}")
        for rows in chosen
    ]
    table = pd.concat(chosen, ignore_index=True).assign(code=np.concatenate(codes))
    table["text"] = [plain_text(text or "") for text in table["text"]]
    _require_transcripts(table[table["role"] == "test"], corpus.name)
    return ScrubbingItems(table[["utterance", "speaker", "gender", "code", "role", "text"]])


def _select_split(utterances: pd.DataFrame, split: str, corpus: str) -> pd.DataFrame:
    rows = utterances[utterances["split"] == split]
    if rows.empty:
        found = ", ".join(sorted(utterances["split"].unique()))
        raise AnalysisError(
            f"expected utterances of split {split!r} in corpus {corpus!r} to erase gender, found only {found}; name "
            "another split in analyses: scrubbing: splits"
        )
    return rows


def _divide_speakers(rows: pd.DataFrame, roles: Sequence[str], seed: int, where: str) -> dict[str, pd.DataFrame]:
    """Return the utterances of each role; every speaker has one role."""
    # Check before assigning roles, so that the error names the split.
    class_codes(rows["gender"], rows["speaker"], where=where)
    folds = speaker_folds(
        rows["speaker"].to_numpy(),
        len(roles),
        seed,
        rows["gender"].to_numpy(),
        where=where,
        advice="use a split with more {unit}",
    )
    return {role: rows[folds == place] for place, role in enumerate(roles)}


def _spread(rows: pd.DataFrame, n: int | None, seed: int) -> pd.DataFrame:
    """Return at most ``n`` utterances: one of every speaker, then a second, and so on, in random order."""
    if n is None or n >= len(rows):
        return rows
    order = np.random.default_rng(seed).permutation(len(rows))
    shuffled = rows.iloc[order]
    turn = shuffled.groupby("speaker").cumcount().to_numpy()
    return rows.iloc[np.sort(order[np.argsort(turn, kind="stable")[:n]])]


def _require_transcripts(rows: pd.DataFrame, corpus: str) -> None:
    empty = rows.loc[rows["text"] == "", "utterance"]
    if len(empty):
        raise AnalysisError(
            f"expected a transcript of every test utterance of corpus {corpus!r}, found an empty one for "
            f"{empty.iloc[0]!r} ({len(empty)} in all); add it, or leave the utterance out of the corpus"
        )
