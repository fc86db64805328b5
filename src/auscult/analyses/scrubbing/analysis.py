"""Scrub gender out of a recogniser: what probes still find of it layer by layer, and what the recogniser loses by it.

After Krishnan, Abdullah and Klakow (2024), figure 1 (a) and table 2. We differ: their eraser is not stated, ours is
LEACE (Belrose et al., 2023) beside others and controls; erasers, probes, choices and tests have speakers of their own;
changes of error rates come in pairs with intervals over speakers.
"""

import logging
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict
from typing import Any

import numpy as np
import pandas as pd
from tqdm import tqdm

from auscult.analyses.scrubbing.conditions import Condition, fit_conditions, plan_conditions
from auscult.analyses.scrubbing.items import JoinedCorpora, ScrubbingItems, choose_items
from auscult.analyses.scrubbing.probes import PROBES, probe_gender
from auscult.analyses.scrubbing.rates import count_edits, score
from auscult.analyses.scrubbing.runs import POSITIONS, AcousticRuns, ModelRuns
from auscult.corpora.corpus import Corpus
from auscult.erasure.erasers import Eraser
from auscult.models.predictor import Predictor
from auscult.tables import RESULT_COLUMNS, check_results

__all__ = ["SCRUBBING_COLUMNS", "scrub_gender"]

SCRUBBING_COLUMNS = (
    *RESULT_COLUMNS,
    "method",
    "fitted_on",
    "erased_at",
    "probe",
    "position",
    "gender",
    "chance",
    "valid_value",
    "penalty",
    "p_value",
    "rank",
    "n_fit",
    "n_train",
    "resampling_unit",
)
_log = logging.getLogger(__name__)


def scrub_gender(
    source: Corpus,
    model: Any,
    *,
    names: Mapping[str, str],
    splits: Mapping[str, str],
    methods: Sequence[str],
    fit_source: Corpus | None = None,
    settings: Mapping[str, Mapping[str, Any]] | None = None,
    single_layers: bool = True,
    n_utterances: int | None = None,
    n_test: int | None = None,
    edge_ms: float = 100.0,
    n_resamples: int = 2000,
    n_permutations: int = 10000,
    seed: int = 0,
) -> tuple[pd.DataFrame, dict[str, Eraser]]:
    """Erase gender at single layers and at all; probe every layer before and after, and count the errors.

    Parameters
    ----------
    source : corpus with genders and transcripts
    model : a :class:`~auscult.models.predictor.Predictor` with a CTC head, or an
        :class:`~auscult.models.acoustic.AcousticModel`, a baseline that writes nothing
    names : ``corpus``, ``model`` and ``step`` in the table
    fit_source : corpus of the splits ``fit`` and ``choose`` where it is not ``source``
    splits : that of ``fit``, ``choose`` and ``test``, see :func:`~auscult.analyses.scrubbing.items.choose_items`
    methods, single_layers : see :func:`~auscult.analyses.scrubbing.conditions.plan_conditions`
    settings : of each method's fitter
    n_utterances, n_test : of each role, see :func:`~auscult.analyses.scrubbing.items.choose_items`
    edge_ms : length of the beginning, the middle and the end of an utterance
    n_resamples, n_permutations : of intervals over speakers, and of the paired test
    seed : of every draw

    Returns
    -------
    results : columns :data:`SCRUBBING_COLUMNS`. Of target ``gender``: ``accuracy`` of ``probe`` on the mean over the
        frames at ``position``, at ``layer``, when ``method`` has erased at ``erased_at``, with its ``chance``. Of
        target ``transcript``, layer ``output``: ``word_error_rate`` and ``character_error_rate``, of all voices and by
        ``gender``. ``…_change`` is the difference from ``method`` none on the same utterances, with the p of
        :func:`~auscult.analyses.scrubbing.rates.paired_test`. Layers in front of the erased one hold what they did, and
        are left out. ``n_fit`` counts the vectors of the eraser, ``n_train`` the utterances of the probe
    erasers : by ``method/fitted_on/erased_at/layer``

    Raises
    ------
    AnalysisError
        See :func:`~auscult.analyses.scrubbing.items.choose_items` and
        :func:`~auscult.analyses.scrubbing.conditions.plan_conditions`.
    """
    recordings = source if fit_source is None else JoinedCorpora(fit_source, source)
    items = choose_items(recordings, splits=splits, n_utterances=n_utterances, n_test=n_test, seed=seed)
    kind = ModelRuns if isinstance(model, Predictor) else AcousticRuns
    runs = kind(model, recordings, edge_ms=edge_ms)
    conditions = plan_conditions(runs.layers, methods, single_layers=single_layers)
    erasers = fit_conditions(runs, items, conditions, settings=settings or {}, seed=seed)
    _log.info("%s", items.table.groupby(["role", "gender"])["speaker"].agg(["size", "nunique"]).to_string())
    measures = _Measures(items, n_resamples, n_permutations, seed)
    rows: list[dict] = []
    for condition in tqdm(conditions, desc=f"{names['model']} {names['step']}", disable=None):
        vectors, transcripts = runs.run(measures.names, erasers[condition])
        about = asdict(condition) | _describe(erasers[condition])
        rows += [about | row for row in measures.probes(vectors, condition)]
        if transcripts is not None:
            rows += [about | row for row in measures.rates(transcripts)]
    table = pd.DataFrame(rows).assign(**names, resampling_unit="speaker")
    saved = {
        f"{each.method}/{each.fitted_on}/{each.erased_at}/{layer}": eraser
        for each, found in erasers.items()
        for layer, eraser in found.items()
    }
    return check_results(table.reindex(columns=list(SCRUBBING_COLUMNS))), saved


class _Measures:
    """Scores each condition, in pairs with the first, in which nothing is erased."""

    def __init__(self, items: ScrubbingItems, n_resamples: int, n_permutations: int, seed: int):
        self.items, self.rows = items, items.rows("probe", "choose", "test")
        self.names = items["utterance"][self.rows].tolist()
        self.tested = items["role"][self.rows] == "test"
        self.speakers, self.genders = (items[column][self.rows][self.tested] for column in ("speaker", "gender"))
        self.references = items["text"][self.rows][self.tested].tolist()
        self.settings = {"n_resamples": n_resamples, "n_permutations": n_permutations, "seed": seed}
        self._before: dict[tuple, np.ndarray] = {}

    def probes(self, vectors: Mapping[str, np.ndarray], condition: Condition) -> Iterator[dict]:
        """Yield the accuracies of every layer behind the eraser, of the network on whole utterances alone."""
        layers = list(vectors)
        first = layers.index((condition.layers(layers) or layers)[0])
        n_train = int(np.sum(self.items["role"] == "probe"))
        for layer in layers[first:]:
            for place, position in enumerate(POSITIONS):
                probes = PROBES if position == "all" else PROBES[:1]
                x = vectors[layer][:, place]
                for answers in probe_gender(x, self.items, self.rows, probes=probes, seed=self.settings["seed"]):
                    about = {
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
                        yield about | found | {"metric": f"accuracy{ending}"}

    def rates(self, transcripts: Sequence[str]) -> Iterator[dict]:
        """Yield error rates of the tested utterances, of all voices and of each gender."""
        written = [text for text, tested in zip(transcripts, self.tested) if tested]
        for unit, (edits, lengths) in count_edits(self.references, written).items():
            for gender in ("all", *np.unique(self.genders)):
                mine = np.ones(len(edits), dtype=bool) if gender == "all" else self.genders == gender
                about = {"layer": "output", "target": "transcript", "gender": gender}
                key = ("transcript", unit, gender)
                for ending, found in self._scores(key, edits[mine], lengths[mine], self.speakers[mine]):
                    yield about | found | {"metric": f"{unit}_error_rate{ending}"}

    def _scores(self, key: tuple, numerators: np.ndarray, denominators: np.ndarray, speakers: np.ndarray):
        before = self._before.get(key)
        self._before.setdefault(key, numerators)
        return score(numerators, denominators, speakers, before, **self.settings)


def _describe(erasers: Mapping[str, Eraser]) -> dict[str, Any]:
    """Return what a table says of a condition's erasers: the largest rank, since layers may differ, and n."""
    return {
        "rank": max((eraser.rank for eraser in erasers.values()), default=0),
        "n_fit": max((eraser.n_fit for eraser in erasers.values()), default=0),
    }
