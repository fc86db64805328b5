"""How far attributions can be trusted: do they agree, are they faithful, need the model and find the truth?

Four questions, each answered per method, input and unit: agreement between seeds, methods and inputs
(:mod:`auscult.analyses.reliability.tasks`), faithfulness against random orders
(:mod:`auscult.analyses.reliability.perturbation`), randomisation of the model and repetition
(:mod:`auscult.analyses.reliability.sanity`), and the pointing game (:mod:`auscult.analyses.reliability.pointing`). The
published finding that they put to the test: between seeds, attributions of speech classifiers agree little, those of
word-level perturbations on word-based tasks excepted (Shen and others, 2025).
"""

import logging
from collections.abc import Callable, Mapping, Sequence
from time import perf_counter
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from auscult.analyses.reliability.agreement import score_vectors, with_duration
from auscult.analyses.reliability.faithfulness import SHARES
from auscult.analyses.reliability.items import require_methods
from auscult.analyses.reliability.measures import TOP_SHARE
from auscult.analyses.reliability.perturbation import PERTURBED, measure_faithfulness, plan_faithfulness
from auscult.analyses.reliability.pointing import known_words, mispredicted, pointing_items
from auscult.analyses.reliability.sanity import default_stages, derived_seed, retest_items, sanity_items

if TYPE_CHECKING:
    from auscult.corpora.corpus import Corpus
    from auscult.models.predictor import Predictor

__all__ = ["choose_utterances", "measure_run"]

_log = logging.getLogger(__name__)


def choose_utterances(scores: pd.DataFrame, n_utterances: int, seed: int) -> list[str]:
    """Return at most so many explained utterances, by chance, the same ones for every model that explains the same."""
    names = np.sort(scores["utterance"].unique())
    return sorted(np.random.default_rng(seed).permutation(names)[:n_utterances])


def measure_run(
    predictor: "Predictor",
    corpus: "Corpus",
    scores: pd.DataFrame,
    *,
    model: str = "",
    explain: "Callable[..., pd.DataFrame] | None" = None,
    methods: Sequence[str] = (),
    inputs: Sequence[str] = (),
    units: Sequence[str] = PERTURBED,
    stages: Sequence[str] = (),
    shares: Sequence[float] = SHARES,
    n_utterances: int = 40,
    n_randomised: int = 10,
    n_draws: int = 3,
    randomised_units: Sequence[str] = (),
    n_random: int = 10,
    n_points: int = 10,
    top_share: float = TOP_SHARE,
    batch_s: float = 30.0,
    only_right: bool = True,
    seed: int = 0,
) -> pd.DataFrame:
    """Ask of one model's attributions whatever needs the model, or the truth: observations, one per utterance.

    What it will take, explanations of randomised models included, is estimated first and logged, as is what it took.

    Parameters
    ----------
    predictor : the model explained
    corpus : whose utterances
    scores : its attribution table, columns :data:`auscult.analyses.attribution.analysis.ATTRIBUTION_COLUMNS`
    model : its name, from which, with ``seed``, fresh weights are drawn
    explain : as of :func:`auscult.analyses.reliability.sanity.explain_again`; without it, no layer is randomised and
        nothing explained again (an untrained model needs neither)
    methods : by default all
    inputs, units : those that are perturbed, by default all
    stages, n_draws : layers down to which the model is randomised, and how often, see
        :mod:`auscult.analyses.reliability.sanity`
    randomised_units : units by which randomised models are explained, by default all
    shares, n_random, n_points : see :mod:`auscult.analyses.reliability.faithfulness`
    n_utterances, n_randomised : utterances that are perturbed, and that are explained again by each randomised model
        and once more by the same
    top_share, batch_s, seed : of overlaps, of batches, of the choice of utterances, orders and fresh weights
    only_right : leave utterances that the model mispredicts out of the pointing game, and count them; an untrained
        model, right by chance at best, plays them all

    Returns
    -------
    items : columns :data:`auscult.analyses.reliability.items.ITEM_COLUMNS`

    Raises
    ------
    AnalysisError
        A method has no scores, a target or layer does not exist, or a share is not in (0, 1].
    """
    require_methods(scores["method"].unique(), methods, "the attribution table")
    scores = scores[scores["method"].isin(methods)] if methods else scores
    vectors = score_vectors(scores, "the attribution table")
    everything, start = with_duration(vectors), perf_counter()
    options = {"shares": shares, "n_points": n_points, "batch_s": batch_s}
    plan = plan_faithfulness(
        predictor,
        corpus,
        everything,
        choose_utterances(scores, n_utterances, seed),
        inputs=inputs,
        units=units,
        n_random=n_random,
        seed=seed,
        **options,
    )
    again = None
    if explain is not None and n_randomised:
        chosen = scores[scores["utterance"].isin(choose_utterances(scores, n_randomised, seed))]
        again = _Again(
            predictor, explain, dict(zip(chosen["utterance"], chosen["form"])), derived_seed("retest", seed, model)
        )
    n_times = n_draws * len(stages or default_stages(predictor.model)) if again else 0
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
        measure_faithfulness(predictor, corpus, plan, **options),
    ]
    if again:
        options = {"units": randomised_units} if randomised_units else {}
        fresh = sanity_items(
            vectors,
            predictor,
            lambda copy: explain(copy, again.forms, **options),
            stages=stages,
            n_draws=n_draws,
            top_share=top_share,
            seed=seed,
            name=model,
        )
        tables += [retest_items(vectors, again.table(), top_share=top_share), fresh]
    _log.info("reliability: predicted about %.0f s, took %.0f s", predicted_s, perf_counter() - start)
    return pd.concat([table for table in tables if len(table)], ignore_index=True)


class _Again:
    """The same model explained again: the first utterance at once, which tells what all of them take."""

    def __init__(self, predictor: "Predictor", explain: Callable, forms: Mapping[str, str], seed: int):
        self.forms, start = forms, perf_counter()
        self._explain = lambda some: explain(predictor, some, seed=seed)
        first, *self._others = forms
        self._first = self._explain({first: forms[first]})
        self.seconds = (perf_counter() - start) * len(forms)

    def table(self) -> pd.DataFrame:
        """Return the attribution table of all utterances."""
        rest = {name: self.forms[name] for name in self._others}
        return pd.concat([self._first, self._explain(rest)], ignore_index=True) if rest else self._first
