"""Who hears what when gender is erased: voices that erasers are fitted on, that probes learn from, that are tested.

No speaker has two parts. A probe that learns on the vectors an eraser was fitted on finds nothing by construction, so
that erasers and probes have speakers of their own; what is chosen is chosen on a third group, and reported on a fourth.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from auscult.corpora.corpus import Corpus
from auscult.erasure.labels import class_codes, require_unseen
from auscult.errors import AnalysisError
from auscult.models.training.vocabulary import plain_text
from auscult.statistics.folds import speaker_folds

__all__ = ["ROLES", "JoinedCorpora", "ScrubbingItems", "choose_items"]

ROLES = ("erase", "probe", "choose", "test")


class JoinedCorpora:
    """Corpora of different speakers read as one, such as the parts of a corpus that are published apart.

    Raises
    ------
    AnalysisError
        An utterance is in several of them.
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
        """Return the recording of an utterance, as its corpus does."""
        return self._owners[utterance].waveform(utterance)


@dataclass(frozen=True)
class ScrubbingItems:
    """The utterances of an erasure and what is known of each.

    Parameters
    ----------
    table : columns ``utterance, speaker, gender, code`` (of the gender, from 0), ``role`` (one of :data:`ROLES`) and
        ``text`` (lower case; of ``test`` never empty); its order is the order of every array
    """

    table: pd.DataFrame

    def rows(self, *roles: str) -> np.ndarray:
        """Return the positions of the utterances with one of these roles."""
        return np.flatnonzero(self.table["role"].isin(roles))

    def __getitem__(self, column: str) -> np.ndarray:
        return self.table[column].to_numpy()


def choose_items(
    corpus: Corpus | JoinedCorpora,
    *,
    splits: Mapping[str, str],
    n_utterances: int | None,
    n_test: int | None = None,
    seed: int,
) -> ScrubbingItems:
    """Give utterances their roles: speakers of split ``fit`` are dealt to erasers and probes, each gender evenly.

    Parameters
    ----------
    corpus : with genders and, in the tested split, transcripts
    splits : the split of ``fit``, ``choose`` and ``test``; where ``choose`` is ``fit``, its speakers are dealt to all
        three roles
    n_utterances : of ``erase``, of ``probe`` and of ``choose``, as evenly over their speakers as can be; None for all
    n_test : of ``test``, likewise
    seed : of the dealing and of the choice

    Raises
    ------
    AnalysisError
        A split has no utterance, a gender is missing, unknown or alone in a role, there are too few speakers, a test
        speaker is also in another split, or the transcript of a tested utterance is empty.
    """
    utterances = corpus.utterances.sort_values("utterance", kind="stable")
    parts = {name: _of_split(utterances, split, corpus.name) for name, split in splits.items()}
    learning = pd.concat([parts["fit"]] + ([parts["choose"]] if splits["choose"] != splits["fit"] else []))
    require_unseen(parts["test"]["speaker"], learning["speaker"], "erasers and probes")
    roles = ("erase", "probe", "choose") if splits["choose"] == splits["fit"] else ("erase", "probe")
    dealt = _deal(parts["fit"], roles, seed, f"split {splits['fit']!r} of corpus {corpus.name!r}")
    if "choose" not in dealt:
        require_unseen(parts["choose"]["speaker"], parts["fit"]["speaker"], "erasers")
        dealt["choose"] = parts["choose"]
    chosen = [_spread(dealt[role], n_utterances, seed).assign(role=role) for role in roles]
    if "choose" not in roles:
        chosen.append(_spread(dealt["choose"], n_utterances, seed).assign(role="choose"))
    chosen.append(_spread(parts["test"], n_test, seed).assign(role="test"))
    codes = [
        class_codes(rows["gender"], rows["speaker"], where=f"the utterances to {rows['role'].iloc[0]} of {corpus.name}")
        for rows in chosen
    ]
    table = pd.concat(chosen, ignore_index=True).assign(code=np.concatenate(codes))
    table["text"] = [plain_text(text or "") for text in table["text"]]
    _require_transcripts(table[table["role"] == "test"], corpus.name)
    return ScrubbingItems(table[["utterance", "speaker", "gender", "code", "role", "text"]])


def _of_split(utterances: pd.DataFrame, split: str, corpus: str) -> pd.DataFrame:
    rows = utterances[utterances["split"] == split]
    if rows.empty:
        found = ", ".join(sorted(utterances["split"].unique()))
        raise AnalysisError(
            f"expected utterances of split {split!r} in corpus {corpus!r} to erase gender, found only {found}; name "
            "another split"
        )
    return rows


def _deal(rows: pd.DataFrame, roles: Sequence[str], seed: int, where: str) -> dict[str, pd.DataFrame]:
    """Return the utterances of each role, every speaker in one of them."""
    # Before dealing, so that what is wrong of the split is not told of a role.
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
    """Return ``n`` utterances, first one of every speaker, then a second, in an order drawn from the seed."""
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
            f"expected a transcript of every tested utterance of corpus {corpus!r}, found an empty one for "
            f"{empty.iloc[0]!r} ({len(empty)} in all); add it, or leave the utterance out of the corpus"
        )
