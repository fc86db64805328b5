"""Erase gender inside a recogniser, probe every layer before and after, and measure the recogniser's errors.

After Krishnan, Abdullah and Klakow (2024), figure 1 (a) and table 2. Differences: they do not state their eraser, ours
is LEACE (Belrose et al., 2023) beside other erasers and controls; erasers, probes and tests have separate speakers and,
where voices have measured properties, separate kinds of voices; a dose curve erases a share of gender at the front end;
changes are paired and have intervals over speakers.
"""

import logging
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from itertools import product
from typing import Any

import numpy as np
import pandas as pd
from tqdm import tqdm

from auscult.analyses.scrubbing.columns import ALL, KIND, SCRUBBING_COLUMNS, SPEAKER
from auscult.analyses.scrubbing.conditions import Condition, Runs, fit_conditions, plan_conditions
from auscult.analyses.scrubbing.items import JoinedCorpora, ScrubbingItems, choose_items, leave_kinds_out
from auscult.analyses.scrubbing.probes import PROBES, Answers, choose_validation, probe_gender
from auscult.analyses.scrubbing.rates import score
from auscult.analyses.scrubbing.runs import POSITIONS, AcousticRuns, ModelRuns, WhisperRuns
from auscult.analyses.scrubbing.settings import ScrubbingSettings
from auscult.corpora.corpus import Corpus
from auscult.erasure.erasers import Eraser
from auscult.models.acoustic import AcousticModel
from auscult.models.error_rates import count_edits
from auscult.models.predictor import Predictor
from auscult.models.transcriber import Transcriber
from auscult.tables import check_results

__all__ = ["SCRUBBING_COLUMNS", "scrub_gender"]

_log = logging.getLogger(__name__)


def scrub_gender(
    source: Corpus,
    model: Predictor | Transcriber | AcousticModel,
    *,
    names: Mapping[str, str],
    fit_source: Corpus | None = None,
    settings: ScrubbingSettings = ScrubbingSettings(),
    seed: int = 0,
) -> tuple[pd.DataFrame, dict[str, Eraser]]:
    """Erase gender at single layers and at all layers; probe every layer and count the errors before and after.

    Parameters
    ----------
    source : corpus with genders and transcripts
    model : recogniser with a CTC head, Whisper with its decoder, or an acoustic baseline, which has no transcripts
    names : ``corpus``, ``model`` and ``step`` of the table
    fit_source : corpus that provides the split ``fit``, if it is not ``source``
    settings : see :class:`~auscult.analyses.scrubbing.settings.ScrubbingSettings`
    seed : of all random draws

    Returns
    -------
    results : columns :data:`SCRUBBING_COLUMNS`. Rows of target ``gender``: ``accuracy`` of ``probe`` on the mean over
        frames at ``position`` of ``layer``, after ``method`` has erased a share ``dose`` at ``erased_at``, with its
        ``chance``. Rows of target ``transcript``, layer ``output``: ``word_error_rate`` and ``character_error_rate``,
        for all speakers and by ``gender``. ``…_change`` is the difference from method ``none`` on the same utterances,
        with the p of :func:`~auscult.analyses.scrubbing.rates.paired_test`. Layers before the erased one are unchanged
        and left out. ``disjoint_in`` says what roles do not share: with ``settings.kinds``, all conditions have
        ``kind``, and nothing erased and the first method at all layers also have ``speaker``, where an eraser has met
        the kinds of the tests. ``chosen_over`` says what was left out to choose penalties. ``n_fit`` counts the vectors
        that fitted the eraser, ``n_train`` the utterances that trained the probe, the most in any fold; ``penalty`` and
        ``valid_value`` are medians over folds
    erasers : by ``disjoint_in/fold/method/fitted_on/erased_at/layer``, for doses of 1

    Raises
    ------
    AnalysisError
        See :func:`~auscult.analyses.scrubbing.items.leave_kinds_out` and
        :func:`~auscult.analyses.scrubbing.conditions.plan_conditions`.
    """
    recordings = source if fit_source is None else JoinedCorpora(fit_source, source)
    roles: dict[str, Any] = {
        "splits": settings.splits,
        "n_utterances": settings.n_utterances,
        "n_test": settings.n_test,
        "seed": seed,
    }
    runs: Runs
    if isinstance(model, Predictor):
        runs = ModelRuns(model, recordings, edge_ms=settings.edge_ms)
    elif isinstance(model, Transcriber):
        runs = WhisperRuns(model, recordings, edge_ms=settings.edge_ms)
    else:
        runs = AcousticRuns(model, recordings, edge_ms=settings.edge_ms)
    conditions = plan_conditions(
        runs.layers, settings.methods, single_layers=settings.single_layers, doses=settings.doses
    )
    designs = [_Design(SPEAKER, [choose_items(recordings, **roles)], conditions)]
    if settings.kinds:
        # Whether the eraser has met the kinds of the tests is compared for the first method at all layers.
        few = plan_conditions(runs.layers, settings.methods[:1], single_layers=False)
        folds = leave_kinds_out(recordings, settings.kinds, **roles)
        designs = [_Design(KIND, folds, conditions), replace(designs[0], conditions=few)]
    rows: list[dict[str, Any]] = []
    saved: dict[str, Eraser] = {}
    for design in designs:
        found, erasers = _scrub(runs, design, settings, seed, f"{names['model']} {names['step']}")
        rows += found
        saved |= erasers
    table = pd.DataFrame(rows).assign(**names, resampling_unit="speaker")
    return check_results(table.reindex(columns=list(SCRUBBING_COLUMNS))), saved


@dataclass(frozen=True)
class _Design:
    """What roles do not share (``kind`` or ``speaker``), the items of each fold, and the conditions."""

    disjoint_in: str
    folds: list[ScrubbingItems]
    conditions: list[Condition]


def _scrub(
    runs: Runs, design: _Design, settings: ScrubbingSettings, seed: int, title: str
) -> tuple[list[dict[str, Any]], dict[str, Eraser]]:
    """Return the rows of a design's results, and its erasers by name."""
    erasers = []
    for items in design.folds:
        _log.info("%s", items.table.groupby(["role", "gender"])["speaker"].agg(["size", "nunique"]).to_string())
        erasers.append(fit_conditions(runs, items, design.conditions, fitters=settings.fitters, seed=seed))
    measures = _Measures(design.folds, settings.n_resamples, settings.n_permutations, seed)
    rows: list[dict[str, Any]] = []
    for condition in tqdm(design.conditions, desc=f"{title}, {design.disjoint_in}", disable=None):
        found = [runs.run(fold.names, by[condition]) for fold, by in zip(measures.folds, erasers)]
        described = asdict(condition) | _describe([by[condition] for by in erasers])
        described |= {"disjoint_in": design.disjoint_in}
        rows += [described | row for row in measures.probes([vectors for vectors, _ in found], condition)]
        written = [text for fold, (_, texts) in zip(measures.folds, found) for text in fold.tested_of(texts)]
        if written:
            rows += [described | row for row in measures.rates(written)]
    saved = {
        f"{design.disjoint_in}/{fold}/{condition.method}/{condition.fitted_on}/{condition.erased_at}/{layer}": eraser
        for fold, by in enumerate(erasers)
        for condition, by_layer in by.items()
        for layer, eraser in by_layer.items()
        if condition.dose == 1
    }
    return rows, saved


class _Fold:
    """The utterances of a fold that are run: those of its probe and those tested."""

    def __init__(self, items: ScrubbingItems, seed: int):
        self.items, self.rows = items, items.rows("probe", "test")
        self.names: list[str] = items["utterance"][self.rows].tolist()
        self.tested = items["role"][self.rows] == "test"
        self.validation = choose_validation(items, seed)
        self.n_train = int(np.sum(~self.tested))

    def of_tests(self, column: str) -> np.ndarray:
        """Return a column of the tested utterances."""
        return self.items[column][self.rows][self.tested]

    def tested_of(self, texts: Sequence[str] | None) -> list[str]:
        """Return the transcripts of the tested utterances; none of a model without transcripts."""
        return [text for text, tested in zip(texts or [], self.tested) if tested]


class _Measures:
    """Scores of each condition over the tests of all folds, paired with the first condition (nothing erased)."""

    def __init__(self, folds: Sequence[ScrubbingItems], n_resamples: int, n_permutations: int, seed: int):
        self.folds = [_Fold(items, seed) for items in folds]
        self.speakers, self.genders, texts = (
            np.concatenate([fold.of_tests(column) for fold in self.folds]) for column in ("speaker", "gender", "text")
        )
        self.references = texts.tolist()
        self.n_resamples, self.n_permutations, self.seed = n_resamples, n_permutations, seed
        self._before: dict[tuple[str, ...], np.ndarray] = {}

    def probes(self, vectors: Sequence[Mapping[str, np.ndarray]], condition: Condition) -> Iterator[dict[str, Any]]:
        """Yield accuracies at every layer from the erased one on.

        The network, which takes longest, is trained only on means of whole utterances, with nothing erased or with
        erasure at all layers.
        """
        layers = list(vectors[0])
        first = layers.index((condition.layers(layers) or layers)[0])
        for layer, (place, position) in product(layers[first:], enumerate(POSITIONS)):
            networks = position == "all" and condition.erased_at in ("", ALL)
            probes = PROBES if networks else PROBES[:1]
            by_fold = [
                list(self._answers(fold, found[layer][:, place], probes)) for fold, found in zip(self.folds, vectors)
            ]
            for answers in zip(*by_fold):
                hits = np.concatenate([each.hits for each in answers])
                described = {
                    "layer": layer,
                    "target": "gender",
                    "probe": answers[0].probe,
                    "position": position,
                    "gender": "all",
                    "chance": float(np.concatenate([each.constant_hits for each in answers]).mean()),
                    "valid_value": float(np.median([each.valid_value for each in answers])),
                    "penalty": float(np.median([each.penalty for each in answers])),
                    "chosen_over": ", ".join(sorted({fold.validation.over for fold in self.folds})),
                    "n_train": max(fold.n_train for fold in self.folds),
                }
                key = ("gender", layer, position, answers[0].probe)
                for ending, scores in self._scores(key, hits, np.ones(len(hits)), self.speakers):
                    yield described | scores | {"metric": f"accuracy{ending}"}

    def _answers(self, fold: _Fold, x: np.ndarray, probes: Sequence[str]) -> Iterator[Answers]:
        return probe_gender(x, fold.items, fold.rows, probes=probes, validation=fold.validation, seed=self.seed)

    def rates(self, transcripts: Sequence[str]) -> Iterator[dict[str, Any]]:
        """Yield error rates on the test utterances, for all speakers and for each gender."""
        for unit, (edits, lengths) in count_edits(self.references, transcripts).items():
            for gender in ("all", *np.unique(self.genders)):
                mine = np.ones(len(edits), dtype=bool) if gender == "all" else self.genders == gender
                described = {"layer": "output", "target": "transcript", "gender": gender}
                key = ("transcript", unit, gender)
                for ending, found in self._scores(key, edits[mine], lengths[mine], self.speakers[mine]):
                    yield described | found | {"metric": f"{unit}_error_rate{ending}"}

    def _scores(
        self, key: tuple[str, ...], numerators: np.ndarray, denominators: np.ndarray, speakers: np.ndarray
    ) -> Iterator[tuple[str, dict[str, Any]]]:
        before = self._before.get(key)
        self._before.setdefault(key, numerators)
        return score(
            numerators,
            denominators,
            speakers,
            before,
            n_resamples=self.n_resamples,
            n_permutations=self.n_permutations,
            seed=self.seed,
        )


def _describe(by_fold: Sequence[Mapping[str, Eraser]]) -> dict[str, Any]:
    """Return the rank and the number of fitted vectors of a condition's erasers; the largest where they differ."""
    erasers = [eraser for by_layer in by_fold for eraser in by_layer.values()]
    return {
        "rank": max((eraser.rank for eraser in erasers), default=0),
        "n_fit": max((eraser.n_fit for eraser in erasers), default=0),
    }
