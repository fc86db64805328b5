"""Items of a scrubbing analysis: the utterances that fit erasers, train probes and are tested.

No speaker has two roles. A probe trained on the vectors that fitted an eraser finds nothing by construction, so erasers
and probes have separate speakers, and results are of others still. An eraser may also remove only what it has met:
where voices have measured properties, roles can differ in kinds of voices too, each kind being tested in turn.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from auscult.analyses.scrubbing.settings import ScrubbingSplits
from auscult.corpora.corpus import Corpus
from auscult.corpora.sampling import spread_over_speakers
from auscult.erasure.labels import class_codes, require_unseen
from auscult.errors import AnalysisError
from auscult.models.training.vocabulary import plain_text
from auscult.statistics.folds import speaker_folds

__all__ = ["ROLES", "JoinedCorpora", "ScrubbingItems", "choose_items", "leave_kinds_out", "voice_bands"]

ROLES = ("erase", "probe", "test")
# Bands of each property within a gender; as many folds of kinds, in which each band has each of the three roles once.
N_BANDS = len(ROLES)


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
    table : columns ``utterance, speaker, gender, code`` (of the gender, from 0), ``role`` (one of :data:`ROLES`),
        ``kind`` (of voice; empty where none is defined) and ``text`` (lower case; never empty for role ``test``); all
        arrays follow its order
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
    splits : splits for ``fit`` and ``test``
    n_utterances : maximum number of utterances for each of ``erase`` and ``probe``, spread evenly over their speakers;
        None for all
    n_test : the same for ``test``
    seed : of the division of speakers and of the sample

    Raises
    ------
    AnalysisError
        A split has no utterance; a gender is missing or unknown, or a role has only one; there are too few speakers; a
        test speaker also occurs in another split; or the transcript of a test utterance is empty.
    """
    fit, test = _read_splits(corpus, splits)
    where = f"split {splits.fit!r} of corpus {corpus.name!r}"
    # Check before assigning roles, so that the error names the split.
    class_codes(fit["gender"], fit["speaker"], where=where)
    folds = speaker_folds(
        fit["speaker"].to_numpy(),
        2,
        seed,
        fit["gender"].to_numpy(),
        where=where,
        advice="use a split with more {unit}",
    )
    chosen = {
        role: spread_over_speakers(fit[folds == place], n_utterances, seed) for place, role in enumerate(ROLES[:2])
    }
    return _assemble(chosen | {"test": spread_over_speakers(test, n_test, seed)}, corpus.name)


def leave_kinds_out(
    corpus: Corpus | JoinedCorpora,
    columns: Sequence[str],
    *,
    splits: ScrubbingSplits,
    n_utterances: int | None,
    n_test: int | None,
    seed: int,
) -> list[ScrubbingItems]:
    """Assign roles in folds such that no kind of voice has two roles in a fold; every test voice is tested once.

    A kind is a combination of bands (:func:`voice_bands`). Kinds are divided into groups as in a Latin square, by the
    sum of their bands modulo 3: each group has every band of every property, but no combination of another group. With
    one property, groups are its bands, so erasers must extrapolate. The groups take turns as erasers', probes' and
    tests'.

    Parameters
    ----------
    corpus, splits, n_test, seed : as for :func:`choose_items`
    columns : columns of the utterances with properties of the voice, one number per speaker
    n_utterances : maximum number of utterances for each of ``erase`` and ``probe`` in each fold

    Returns
    -------
    items of each fold

    Raises
    ------
    AnalysisError
        As by :func:`choose_items` and :func:`voice_bands`.
    """
    fit, test = _read_splits(corpus, splits)
    class_codes(fit["gender"], fit["speaker"], where=f"split {splits.fit!r} of corpus {corpus.name!r}")
    test = spread_over_speakers(test, n_test, seed)
    (fit, fit_groups), (test, test_groups) = (
        _with_kinds(rows, voice_bands(fit, rows, columns, corpus.name)) for rows in (fit, test)
    )
    by_group = [spread_over_speakers(fit[fit_groups == group], n_utterances, seed) for group in range(N_BANDS)]
    return [
        _assemble(
            {
                "erase": by_group[(fold + 1) % N_BANDS],
                "probe": by_group[(fold + 2) % N_BANDS],
                "test": test[test_groups == fold],
            },
            corpus.name,
        )
        for fold in range(N_BANDS)
    ]


def voice_bands(fit: pd.DataFrame, rows: pd.DataFrame, columns: Sequence[str], corpus: str) -> np.ndarray:
    """Return the band of each property, 0 to 2: below, between and above the terciles of the fitting speakers.

    Terciles are taken within each gender, over speakers, so that kinds do not differ in how many women they have.

    Parameters
    ----------
    fit : utterances whose speakers define the terciles, with ``speaker``, ``gender`` and the properties
    rows : utterances to place
    columns : names of the properties
    corpus : name of the corpus, for messages

    Returns
    -------
    bands [shape=(n_rows, n_columns)]

    Raises
    ------
    AnalysisError
        A property is missing, or not a number for every utterance.
    """
    bands = np.zeros((len(rows), len(columns)), dtype=np.int64)
    for place, column in enumerate(columns):
        for part in (fit, rows):
            if column not in part or not np.isfinite(pd.to_numeric(part[column], errors="coerce")).all():
                raise AnalysisError(
                    f"expected a number in column {column!r} for every utterance of corpus {corpus!r}, found none for "
                    "some or all; take it out of analyses: scrubbing: kinds"
                )
        voices = fit.drop_duplicates("speaker")
        for gender in rows["gender"].unique():
            own = voices.loc[voices["gender"] == gender, column].astype(float)
            mine = (rows["gender"] == gender).to_numpy()
            if mine.any() and len(own):
                edges = np.quantile(own, np.arange(1, N_BANDS) / N_BANDS)
                bands[mine, place] = np.searchsorted(edges, rows.loc[mine, column].astype(float), side="right")
    return bands


def _with_kinds(rows: pd.DataFrame, bands: np.ndarray) -> tuple[pd.DataFrame, np.ndarray]:
    kinds = ["-".join(map(str, combination)) for combination in bands.tolist()]
    return rows.assign(kind=kinds), bands.sum(axis=1) % N_BANDS


def _read_splits(corpus: Corpus | JoinedCorpora, splits: ScrubbingSplits) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Return the utterances for fitting and for testing, which share no speaker."""
    utterances = corpus.utterances.sort_values("utterance", kind="stable").assign(kind="")
    fit, test = (_select_split(utterances, split, corpus.name) for split in (splits.fit, splits.test))
    require_unseen(test["speaker"], fit["speaker"], "erasers and probes")
    return fit, test


def _assemble(by_role: Mapping[str, pd.DataFrame], corpus: str) -> ScrubbingItems:
    """Return the items of all roles, after checking their genders and transcripts."""
    chosen = [rows.assign(role=role) for role, rows in by_role.items()]
    codes = [
        class_codes(rows["gender"], rows["speaker"], where=f"role {role} of corpus {corpus!r}")
        for role, rows in zip(by_role, chosen)
    ]
    table = pd.concat(chosen, ignore_index=True).assign(code=np.concatenate(codes))
    table["text"] = [plain_text(text or "") for text in table["text"]]
    _require_transcripts(table[table["role"] == "test"], corpus)
    return ScrubbingItems(table[["utterance", "speaker", "gender", "code", "role", "kind", "text"]])


def _select_split(utterances: pd.DataFrame, split: str, corpus: str) -> pd.DataFrame:
    rows = utterances[utterances["split"] == split]
    if rows.empty:
        found = ", ".join(sorted(utterances["split"].unique()))
        raise AnalysisError(
            f"expected utterances of split {split!r} in corpus {corpus!r} to erase gender, found only {found}; name "
            "another split in analyses: scrubbing: splits"
        )
    return rows


def _require_transcripts(rows: pd.DataFrame, corpus: str) -> None:
    empty = rows.loc[rows["text"] == "", "utterance"]
    if len(empty):
        raise AnalysisError(
            f"expected a transcript of every test utterance of corpus {corpus!r}, found an empty one for "
            f"{empty.iloc[0]!r} ({len(empty)} in all); add it, or leave the utterance out of the corpus"
        )
