"""Reliability of the attributions of one model: faithfulness, pointing game, sanity check and retest.

Four questions are asked per method, input and unit. Agreement between seeds, methods and inputs needs several models
(:mod:`auscult.analyses.reliability.tasks`). This module combines the questions about single models: faithfulness
compared with random orders (:mod:`auscult.analyses.reliability.perturbation`), randomisation and retest
(:mod:`auscult.analyses.reliability.sanity`), and the pointing game (:mod:`auscult.analyses.reliability.pointing`). The
published finding under test: attributions of speech classifiers agree little between seeds, except for word-level
perturbation in word-based tasks (Shen and others, 2025).
"""

import logging
from collections.abc import Mapping
from functools import partial
from time import perf_counter
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from auscult.analyses.reliability.agreement import score_vectors, with_duration
from auscult.analyses.reliability.items import require_methods
from auscult.analyses.reliability.perturbation import measure_faithfulness, plan_faithfulness
from auscult.analyses.reliability.pointing import known_words, mispredicted, pointing_items
from auscult.analyses.reliability.sanity import (
    SAMPLED,
    Explain,
    default_stages,
    derived_seed,
    retest_items,
    sanity_items,
)
from auscult.analyses.reliability.settings import ReliabilitySettings

if TYPE_CHECKING:
    from auscult.corpora.corpus import Corpus
    from auscult.models.predictor import Predictor

__all__ = ["choose_utterances", "measure_run"]

_log = logging.getLogger(__name__)


def choose_utterances(scores: pd.DataFrame, n_utterances: int, seed: int) -> list[str]:
    """Draw at most ``n_utterances`` explained utterances, the same ones for all models explained on the same sample."""
    names = np.sort(scores["utterance"].unique())
    return sorted(np.random.default_rng(seed).permutation(names)[:n_utterances])


def measure_run(
    predictor: "Predictor",
    corpus: "Corpus",
    scores: pd.DataFrame,
    settings: ReliabilitySettings = ReliabilitySettings(),
    *,
    model: str = "",
    explain: Explain | None = None,
    randomised: bool = True,
    only_right: bool = True,
    seed: int = 0,
) -> pd.DataFrame:
    """Measure the reliability of one model's attributions: observations, one per utterance.

    The time, randomised models included, is estimated and logged first; the time taken is logged at the end.

    Parameters
    ----------
    predictor : the explained model
    scores : its attribution table, columns :data:`auscult.analyses.attribution.analysis.ATTRIBUTION_COLUMNS`
    model : its name, which together with ``seed`` determines the fresh weights
    explain : explains other models in the same way, see :func:`auscult.analyses.reliability.sanity.explain_again`;
        without it there is neither randomisation nor retest
    randomised : whether randomised copies are explained, too
    only_right : leave utterances that the model mispredicts out of the pointing game, and count them; False for an
        untrained model, whose predictions are right by chance
    seed : of the choice of utterances, of random orders and of fresh weights

    Returns
    -------
    items : columns :data:`auscult.analyses.reliability.items.ITEM_COLUMNS`

    Raises
    ------
    AnalysisError
        A method has no scores, an explained output or layer does not exist, or a share is not in (0, 1].
    """
    require_methods(scores["method"].unique(), settings.methods, "the attribution table")
    scores = scores[scores["method"].isin(settings.methods)] if settings.methods else scores
    vectors = score_vectors(scores, "the attribution table")
    everything, start = with_duration(vectors), perf_counter()
    utterances = choose_utterances(scores, settings.n_utterances, seed)
    plan = plan_faithfulness(predictor, corpus, everything, utterances, settings, seed=seed)
    again = None
    if explain is not None and settings.n_randomised:
        chosen = scores[scores["utterance"].isin(choose_utterances(scores, settings.n_randomised, seed))]
        forms = dict(zip(chosen["utterance"], chosen["form"]))
        again = _Retest(predictor, explain, forms, derived_seed("retest", seed, model))
    n_times = (
        settings.n_draws * len(settings.randomise or default_stages(predictor.model)) if again and randomised else 0
    )
    predicted_s = plan.seconds + (again.seconds * (n_times + 1) if again else 0)
    _log.info(
        "%s; %d utterances explained %d times again; altogether about %.0f s",
        plan,
        len(again.forms) if again else 0,
        n_times + bool(again),
        predicted_s,
    )
    tables = [
        pointing_items(everything, known_words(scores), mispredicted(scores) if only_right else ()),
        measure_faithfulness(predictor, corpus, plan, settings),
    ]
    if again and randomised:
        copies = partial(again.copy_table, settings=settings)
        tables.append(sanity_items(vectors, predictor, copies, settings, seed=seed, name=model))
    if again:
        tables.append(retest_items(vectors, again.table(), top_share=settings.top_share))
    _log.info("reliability: predicted about %.0f s, took %.0f s", predicted_s, perf_counter() - start)
    return pd.concat([table for table in tables if len(table)], ignore_index=True)


class _Retest:
    """The same utterances explained again; the first one at once, from which the time for all is estimated."""

    def __init__(self, predictor: "Predictor", explain: Explain, forms: Mapping[str, str], seed: int):
        self.forms, start = forms, perf_counter()
        self._predictor, self._explain, self._seed = predictor, explain, seed
        first, *self._others = forms
        self._first = explain(predictor, {first: forms[first]}, seed=seed, methods=SAMPLED)
        self.seconds = (perf_counter() - start) * len(forms)

    def table(self) -> pd.DataFrame:
        """Return the attribution table of all utterances for the same model."""
        rest = {name: self.forms[name] for name in self._others}
        if not rest:
            return self._first
        return pd.concat(
            [self._first, self._explain(self._predictor, rest, seed=self._seed, methods=SAMPLED)], ignore_index=True
        )

    def copy_table(self, copy: "Predictor", settings: ReliabilitySettings) -> pd.DataFrame:
        """Return the attribution table of all utterances for a randomised copy."""
        if settings.randomised_units:
            return self._explain(copy, self.forms, units=settings.randomised_units)
        return self._explain(copy, self.forms)
