"""Erase gender inside a recogniser, probe every layer before and after, and measure the recogniser's errors.

After Krishnan, Abdullah and Klakow (2024), figure 1 (a) and table 2. Differences: they do not state their eraser, ours
is LEACE (Belrose et al., 2023) beside other erasers and controls; erasers, probes, hyperparameters and tests have
separate speakers; changes of error rates are paired and have intervals over speakers.
"""

import logging
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict
from typing import Any

import numpy as np
import pandas as pd
from tqdm import tqdm

from auscult.analyses.scrubbing.columns import SCRUBBING_COLUMNS
from auscult.analyses.scrubbing.conditions import Condition, Runs, fit_conditions, plan_conditions
from auscult.analyses.scrubbing.items import JoinedCorpora, ScrubbingItems, choose_items
from auscult.analyses.scrubbing.probes import PROBES, probe_gender
from auscult.analyses.scrubbing.rates import count_edits, score
from auscult.analyses.scrubbing.runs import POSITIONS, AcousticRuns, ModelRuns
from auscult.analyses.scrubbing.settings import ScrubbingSettings
from auscult.corpora.corpus import Corpus
from auscult.erasure.erasers import Eraser
from auscult.models.acoustic import AcousticModel
from auscult.models.predictor import Predictor
from auscult.tables import check_results

__all__ = ["SCRUBBING_COLUMNS", "scrub_gender"]

_log = logging.getLogger(__name__)


def scrub_gender(
    source: Corpus,
    model: Predictor | AcousticModel,
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
    model : recogniser with a CTC head, or an acoustic baseline, which has no transcripts
    names : ``corpus``, ``model`` and ``step`` of the table
    fit_source : corpus that provides the splits ``fit`` and ``choose``, if it is not ``source``
    settings : see :class:`~auscult.analyses.scrubbing.settings.ScrubbingSettings`
    seed : of all random draws

    Returns
    -------
    results : columns :data:`SCRUBBING_COLUMNS`. Rows of target ``gender``: ``accuracy`` of ``probe`` on the mean over
        frames at ``position`` of ``layer``, after ``method`` has erased at ``erased_at``, with its ``chance``. Rows of
        target ``transcript``, layer ``output``: ``word_error_rate`` and ``character_error_rate``, for all speakers and
        by ``gender``. ``…_change`` is the difference from method ``none`` on the same utterances, with the p of
        :func:`~auscult.analyses.scrubbing.rates.paired_test`. Layers before the erased one are unchanged and left out.
        ``n_fit`` counts the vectors that fitted the eraser, ``n_train`` the utterances that trained the probe
    erasers : by ``method/fitted_on/erased_at/layer``

    Raises
    ------
    AnalysisError
        See :func:`~auscult.analyses.scrubbing.items.choose_items` and
        :func:`~auscult.analyses.scrubbing.conditions.plan_conditions`.
    """
    recordings = source if fit_source is None else JoinedCorpora(fit_source, source)
    items = choose_items(
        recordings,
        splits=settings.splits,
        n_utterances=settings.n_utterances,
        n_test=settings.n_test,
        seed=seed,
    )
    runs: Runs
    if isinstance(model, Predictor):
        runs = ModelRuns(model, recordings, edge_ms=settings.edge_ms)
    else:
        runs = AcousticRuns(model, recordings, edge_ms=settings.edge_ms)
    conditions = plan_conditions(runs.layers, settings.methods, single_layers=settings.single_layers)
    erasers = fit_conditions(runs, items, conditions, fitters=settings.fitters, seed=seed)
    _log.info("%s", items.table.groupby(["role", "gender"])["speaker"].agg(["size", "nunique"]).to_string())
    measures = _Measures(items, settings.n_resamples, settings.n_permutations, seed)
    rows: list[dict[str, Any]] = []
    for condition in tqdm(conditions, desc=f"{names['model']} {names['step']}", disable=None):
        vectors, transcripts = runs.run(measures.names, erasers[condition])
        described = asdict(condition) | _describe(erasers[condition])
        rows += [described | row for row in measures.probes(vectors, condition)]
        if transcripts is not None:
            rows += [described | row for row in measures.rates(transcripts)]
    table = pd.DataFrame(rows).assign(**names, resampling_unit="speaker")
    saved = {
        f"{condition.method}/{condition.fitted_on}/{condition.erased_at}/{layer}": eraser
        for condition, by_layer in erasers.items()
        for layer, eraser in by_layer.items()
    }
    return check_results(table.reindex(columns=list(SCRUBBING_COLUMNS))), saved


class _Measures:
    """Scores of each condition, paired with the first condition, in which nothing is erased."""

    def __init__(self, items: ScrubbingItems, n_resamples: int, n_permutations: int, seed: int):
        self.items, self.rows = items, items.rows("probe", "choose", "test")
        self.names = items["utterance"][self.rows].tolist()
        self.tested = items["role"][self.rows] == "test"
        self.speakers, self.genders = (items[column][self.rows][self.tested] for column in ("speaker", "gender"))
        self.references = items["text"][self.rows][self.tested].tolist()
        self.n_resamples, self.n_permutations, self.seed = n_resamples, n_permutations, seed
        self._before: dict[tuple[str, ...], np.ndarray] = {}

    def probes(self, vectors: Mapping[str, np.ndarray], condition: Condition) -> Iterator[dict[str, Any]]:
        """Yield accuracies at every layer from the erased one on; the network only on means of whole utterances."""
        layers = list(vectors)
        first = layers.index((condition.layers(layers) or layers)[0])
        n_train = int(np.sum(self.items["role"] == "probe"))
        for layer in layers[first:]:
            for place, position in enumerate(POSITIONS):
                probes = PROBES if position == "all" else PROBES[:1]
                x = vectors[layer][:, place]
                for answers in probe_gender(x, self.items, self.rows, probes=probes, seed=self.seed):
                    described = {
                        "layer": layer,
                        "target": "gender",
                        "probe": answers.probe,
                        "position": position,
                        "gender": "all",
                        "chance": answers.chance,
                        "valid_value": answers.valid_value,
                        "penalty": answers.penalty,
                        "n_train": n_train,
                    }
                    key = ("gender", layer, position, answers.probe)
                    for ending, found in self._scores(key, answers.hits, np.ones(len(answers.hits)), self.speakers):
                        yield described | found | {"metric": f"accuracy{ending}"}

    def rates(self, transcripts: Sequence[str]) -> Iterator[dict[str, Any]]:
        """Yield error rates on the test utterances, for all speakers and for each gender."""
        written = [text for text, tested in zip(transcripts, self.tested) if tested]
        for unit, (edits, lengths) in count_edits(self.references, written).items():
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


def _describe(erasers: Mapping[str, Eraser]) -> dict[str, Any]:
    """Return the rank and the number of fitted vectors of a condition's erasers; the largest where layers differ."""
    return {
        "rank": max((eraser.rank for eraser in erasers.values()), default=0),
        "n_fit": max((eraser.n_fit for eraser in erasers.values()), default=0),
    }
