"""Sanity check and retest: attributions of models with randomised layers, and of the same model explained again.

Cascading randomisation (Adebayo and others, 2018, section 3.1): from the head down, layer after layer receives the
weights of a fresh initialisation. Scores that stay the same explain the input or the architecture, not the model, so
that a low correlation is good. In the retest the same model is explained again with other coalitions and another noise;
its correlation shows the sampling noise of a method, which also limits the agreement between seeds.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from copy import deepcopy
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Protocol
from zlib import crc32

import numpy as np
import pandas as pd
import torch

from auscult.analyses.attribution.analysis import attribute_corpus
from auscult.analyses.attribution.settings import AttributionSettings
from auscult.analyses.reliability.agreement import Vectors, compare, score_vectors
from auscult.analyses.reliability.items import COUNTS, ITEM_COLUMNS, describe_items
from auscult.analyses.reliability.settings import ReliabilitySettings
from auscult.corpora.cues import cues, has_cues
from auscult.errors import AnalysisError

if TYPE_CHECKING:
    from torch import Tensor
    from transformers import PreTrainedModel

    from auscult.corpora.corpus import Corpus
    from auscult.models.predictor import Predictor

__all__ = [
    "SAMPLED",
    "Explain",
    "cascade",
    "default_stages",
    "derived_seed",
    "randomise",
    "sanity_items",
    "retest_items",
    "against_randomised",
    "explain_again",
]


# Methods that draw random numbers; all others give the same scores again.
SAMPLED = ("integrated_gradients_noise", "lime", "kernel_shap")


class Explain(Protocol):
    """A function that attributes given outputs of a model."""

    def __call__(
        self,
        predictor: "Predictor",
        forms: Mapping[str, str],
        *,
        seed: int | None = None,
        units: Sequence[str] = (),
        methods: Sequence[str] = (),
    ) -> pd.DataFrame:
        """Return the attribution table of a predictor.

        Parameters
        ----------
        forms : form of the explained output of each utterance
            (:func:`auscult.analyses.attribution.explained_outputs.parse_output`)
        seed : of coalitions and noise; by default the seed of the first explanation
        units, methods : by default those of the first explanation; of methods, those among them
        """


def cascade(model: "PreTrainedModel") -> dict[str, list[str]]:
    """Return the names of the weights of each layer, from the head down: ``head, TL … T1, embed, cnn``."""
    base, n_blocks = f"{model.base_model_prefix}.", _n_blocks(model)
    blocks = {f"{base}encoder.layers.{i}.": f"T{i + 1}" for i in range(n_blocks)}
    layers: dict[str, list[str]] = {
        name: [] for name in ("head", *(f"T{i}" for i in range(n_blocks, 0, -1)), "embed", "cnn")
    }
    for key in model.state_dict():
        block = next((name for start, name in blocks.items() if key.startswith(start)), None)
        front = "cnn" if key.startswith(f"{base}feature_extractor.") else "embed"
        layers[block or (front if key.startswith(base) else "head")].append(key)
    return layers


def default_stages(model: "PreTrainedModel") -> tuple[str, ...]:
    """Return the default stages of randomisation: the head, also the upper half of the blocks, and all layers."""
    return ("head", f"T{_n_blocks(model) // 2 + 1}", "cnn")


def derived_seed(purpose: str, seed: int, *about: str | int) -> int:
    """Return a seed for one purpose, from which no other code draws.

    Models are initialised from the study's own seed. Fresh weights drawn from the same seed would equal the weights of
    the untrained model, from which the trained one started.
    """
    words = [crc32(str(word).encode()) for word in (purpose, *about)]
    return int(np.random.SeedSequence([seed, *words]).generate_state(1)[0])


def randomise(
    predictor: "Predictor", *, stages: Sequence[str] = (), seed: int = 0, name: str = "", draw: int = 0
) -> "Iterator[tuple[str, Predictor]]":
    """Yield (stage, predictor), a copy with fresh weights from the head down to each stage.

    Parameters
    ----------
    stages : names from :func:`cascade`; by default :func:`default_stages`
    seed, name, draw : the study's seed, the model's name and the number of the draw, which together determine the fresh
        weights; deeper stages of a draw include the fresh weights of shallower ones

    Raises
    ------
    AnalysisError
        The model has no such layer.
    """
    layers = cascade(predictor.model)
    stages = stages or default_stages(predictor.model)
    for stage in stages:
        if stage not in layers:
            raise AnalysisError(
                f"expected layers to randomise among {', '.join(layers)}, found {stage!r}; "
                "correct analyses: reliability: randomise"
            )
    fresh = _fresh_weights(predictor.model, derived_seed("randomise", seed, name, draw))
    state = predictor.model.state_dict()
    for layer, keys in layers.items():
        state = state | {key: fresh[key].to(state[key].device) for key in keys}
        if layer in stages:
            yield layer, _with_weights(predictor, state)


def sanity_items(
    trained: Vectors,
    predictor: "Predictor",
    explain: "Callable[[Predictor], pd.DataFrame]",
    settings: ReliabilitySettings = ReliabilitySettings(),
    *,
    seed: int = 0,
    name: str = "",
) -> pd.DataFrame:
    """Correlate the scores of the trained model with the scores of its randomised copies.

    Parameters
    ----------
    trained : scores of the trained model, for at least the utterances that ``explain`` explains
    explain : returns the attribution table of a predictor, with the settings of the trained model's table
    settings : ``randomise``, ``n_draws`` (averaged within each utterance) and ``top_share`` are used
    seed, name : see :func:`randomise`

    Returns
    -------
    items : question ``randomisation``, ``layer`` the deepest randomised layer, ``against`` ``randomised``; low is good
    """
    tables, top_share = [], settings.top_share
    for draw in range(settings.n_draws):
        for stage, copy in randomise(predictor, stages=settings.randomise, seed=seed, name=name, draw=draw):
            scores = score_vectors(explain(copy), f"the attributions of the model randomised down to {stage}")
            kept = _of_the_same(trained, scores)
            tables.append(against_randomised(kept, scores, layer=stage, against="randomised", top_share=top_share))
    keys = [key for key in ITEM_COLUMNS if key not in ("value", "chance", "n_segments", *COUNTS)]
    groups = pd.concat(tables, ignore_index=True).groupby(keys, sort=False, as_index=False, dropna=False)
    means = groups.agg(dict.fromkeys(("value", "chance", "n_segments"), "mean") | dict.fromkeys(COUNTS, "max"))
    return describe_items(means.to_dict("records"))


def retest_items(
    trained: Vectors, again: pd.DataFrame, *, top_share: float = ReliabilitySettings.top_share
) -> pd.DataFrame:
    """Correlate the scores of a model with scores of the same model from other coalitions and another noise.

    Deterministic methods agree fully and need not be explained again. The sampling noise of the others limits the
    agreement between seeds: with draws of their own, two models agree in expectation at most as the geometric mean of
    their retests, and so all pairs on average at most as the mean retest of all models.

    Parameters
    ----------
    trained : scores of at least the utterances in ``again``
    again : attribution table of the same model and utterances with another seed, of at least the methods
        :data:`SAMPLED` among those of the model

    Returns
    -------
    items : question ``retest``, ``against`` ``the same model``
    """
    scores = score_vectors(again, "the attributions of the same model explained again")
    known = {key for explained in scores.values() for key in explained}
    for condition, explained in trained.items():
        if condition not in scores and condition[0] not in SAMPLED:
            scores[condition] = {key: values for key, values in explained.items() if key in known}
    items = against_randomised(_of_the_same(trained, scores), scores, against="the same model", top_share=top_share)
    return items.assign(question="retest", layer="output")


def against_randomised(
    trained: Vectors,
    other: Vectors,
    *,
    layer: str = "untrained",
    against: str = "untrained",
    top_share: float = ReliabilitySettings.top_share,
) -> pd.DataFrame:
    """Correlate the scores of a trained model with the scores of one without training, such as its step 0."""
    return describe_items(
        item
        for method, kind, unit in trained
        if (method, kind, unit) in other
        for item in compare(
            [trained[method, kind, unit], other[method, kind, unit]],
            {
                "question": "randomisation",
                "layer": layer,
                "against": against,
                "method": method,
                "input": kind,
                "unit": unit,
            },
            top_share,
            f"the attributions of the trained and the {against} model ({method}, {kind}, {unit})",
        )
    )


def explain_again(speech: "Corpus", settings: AttributionSettings, *, seed: int = 0) -> Explain:
    """Return a function that attributes the same outputs for the same utterances of a corpus, for another model.

    Parameters
    ----------
    settings, seed : of the attribution table with which the new scores are compared
    """
    known = cues(speech.segments, speech.utterances) if has_cues(speech.segments) else None
    first_seed = seed

    def explain(
        predictor: "Predictor",
        forms: Mapping[str, str],
        *,
        seed: int | None = None,
        units: Sequence[str] = (),
        methods: Sequence[str] = (),
    ) -> pd.DataFrame:
        kept = tuple(name for name in settings.methods if name in methods) or settings.methods
        return attribute_corpus(
            predictor,
            speech,
            replace(settings, units=tuple(units) or settings.units, methods=kept, n_resamples=100),
            corpus=speech.name,
            model="randomised",
            step="0",
            cues=known,
            forms=forms,
            estimated=False,
            seed=first_seed if seed is None else seed,
        )[0]

    return explain


def _n_blocks(model: Any) -> int:
    return len(model.base_model.encoder.layers)


def _of_the_same(trained: Vectors, scores: Vectors) -> Vectors:
    """Return the scores of the trained model for the conditions and utterances of the new scores."""
    return {
        condition: {key: values for key, values in trained.get(condition, {}).items() if key in scores[condition]}
        for condition in scores
    }


def _fresh_weights(model: "PreTrainedModel", seed: int) -> "Mapping[str, Tensor]":
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        return type(model)(deepcopy(model.config)).state_dict()


def _with_weights(predictor: "Predictor", state: "Mapping[str, Tensor]") -> "Predictor":
    copy = deepcopy(predictor)
    copy.model.load_state_dict(state)
    return copy
