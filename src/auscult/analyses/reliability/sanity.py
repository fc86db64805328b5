"""Whether attributions depend on what a model has learnt, and on chance: destroy it layer by layer, and explain again.

Cascading randomisation (Adebayo and others, 2018, section 3.1): from the head down, layer after layer gets the weights
of a fresh initialisation. Scores that stay as they were explain the input or the architecture, not the model: here a
low correlation is the good one. Explained again as it is, with other coalitions and another noise, a model shows how
far a method agrees with itself (retest): other seeds cannot agree better than that.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from copy import deepcopy
from typing import TYPE_CHECKING
from zlib import crc32

import numpy as np
import pandas as pd
import torch

from auscult.analyses.attribution.analysis import Settings, attribute_corpus
from auscult.analyses.reliability.agreement import Vectors, compare, score_vectors
from auscult.analyses.reliability.items import COUNTS, ITEM_COLUMNS, describe_items
from auscult.analyses.reliability.measures import TOP_SHARE
from auscult.corpora.cues import cues
from auscult.errors import AnalysisError

if TYPE_CHECKING:
    from torch import Tensor
    from transformers import PreTrainedModel

    from auscult.corpora.corpus import Corpus
    from auscult.models.predictor import Predictor

__all__ = [
    "cascade",
    "default_stages",
    "derived_seed",
    "randomise",
    "sanity_items",
    "retest_items",
    "against_randomised",
    "explain_again",
]


def cascade(model: "PreTrainedModel") -> dict[str, list[str]]:
    """Return the weights of each layer of a model with a head, from the head down: ``head, TL … T1, embed, cnn``."""
    base = f"{model.base_model_prefix}."
    n_blocks = len(model.base_model.encoder.layers)
    blocks = {f"{base}encoder.layers.{i}.": f"T{i + 1}" for i in range(n_blocks)}
    layers = {name: [] for name in ("head", *(f"T{i}" for i in range(n_blocks, 0, -1)), "embed", "cnn")}
    for key in model.state_dict():
        block = next((name for start, name in blocks.items() if key.startswith(start)), None)
        front = "cnn" if key.startswith(f"{base}feature_extractor.") else "embed"
        layers[block or (front if key.startswith(base) else "head")].append(key)
    return layers


def default_stages(model: "PreTrainedModel") -> tuple[str, ...]:
    """Return where to stop and explain again: after the head, after the upper half of the blocks, after everything."""
    n_blocks = len(model.base_model.encoder.layers)
    return ("head", f"T{n_blocks // 2 + 1}", "cnn")


def derived_seed(purpose: str, seed: int, *about: str | int) -> int:
    """Return a seed for one purpose that no other code draws from: weights drawn from it are nobody's initialisation.

    Models are built from the study's own seed; fresh weights drawn from it, too, would be the weights that the
    untrained model has, and that the trained one started from.
    """
    words = [crc32(str(word).encode()) for word in (purpose, *about)]
    return int(np.random.SeedSequence([seed, *words]).generate_state(1)[0])


def randomise(
    predictor: "Predictor", *, stages: Sequence[str] = (), seed: int = 0, name: str = "", draw: int = 0
) -> "Iterator[tuple[str, Predictor]]":
    """Yield (stage, predictor) with fresh weights from the head down to each stage; the predictor given stays as it is.

    Parameters
    ----------
    stages : names of :func:`cascade`; by default :func:`default_stages`
    seed, name, draw : study's seed, the model's name and the number of the draw, which together decide the fresh
        weights; deeper stages of a draw share those of shallower ones

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
    *,
    stages: Sequence[str] = (),
    n_draws: int = 3,
    top_share: float = TOP_SHARE,
    seed: int = 0,
    name: str = "",
) -> pd.DataFrame:
    """Correlate the scores of the trained model with those of its randomised copies.

    Parameters
    ----------
    trained : scores of the trained model, of the utterances that ``explain`` explains or more
    explain : returns the attribution table of a predictor, made as that of the trained model was
    n_draws : sets of fresh weights, over which each utterance is averaged
    seed, name : see :func:`randomise`

    Returns
    -------
    items : question ``randomisation``, ``layer`` the last one randomised, ``against`` ``randomised``; low is good
    """
    tables = []
    for draw in range(n_draws):
        for stage, copy in randomise(predictor, stages=stages, seed=seed, name=name, draw=draw):
            scores = score_vectors(explain(copy), f"the attributions of the model randomised down to {stage}")
            kept = _of_the_same(trained, scores)
            tables.append(against_randomised(kept, scores, layer=stage, against="randomised", top_share=top_share))
    keys = [key for key in ITEM_COLUMNS if key not in ("value", "chance", "n_segments", *COUNTS)]
    groups = pd.concat(tables, ignore_index=True).groupby(keys, sort=False, as_index=False, dropna=False)
    means = groups.agg(dict.fromkeys(("value", "chance", "n_segments"), "mean") | dict.fromkeys(COUNTS, "max"))
    return describe_items(means.to_dict("records"))


def retest_items(trained: Vectors, again: pd.DataFrame, *, top_share: float = TOP_SHARE) -> pd.DataFrame:
    """Correlate the scores of a model with its own, explained again with other coalitions and another noise.

    Methods that draw nothing agree fully. How far those that sample fall short of it limits how well seeds can agree.

    Parameters
    ----------
    trained : scores of the utterances in ``again``, or more
    again : attribution table of the same model and utterances, made with another seed

    Returns
    -------
    items : question ``retest``, ``against`` ``the same model``
    """
    scores = score_vectors(again, "the attributions of the same model explained again")
    items = against_randomised(_of_the_same(trained, scores), scores, against="the same model", top_share=top_share)
    return items.assign(question="retest", layer="output")


def against_randomised(
    trained: Vectors, other: Vectors, *, layer: str = "untrained", against: str = "untrained", top_share=TOP_SHARE
) -> pd.DataFrame:
    """Correlate the scores of a trained model with those of one that has not learnt, such as its step 0."""
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


def explain_again(
    speech: "Corpus", *, target: str, scale: str = "log_probability", max_s: float = 30.0, seed: int = 0, **settings
) -> "Callable[..., pd.DataFrame]":
    """Return a function that attributes the same targets of the same utterances of a corpus for another model.

    Parameters
    ----------
    target, scale, max_s : as of :func:`auscult.analyses.attribution.analysis.attribute_corpus`
    seed, settings : of :class:`auscult.analyses.attribution.analysis.Settings`, those of the table that it is compared
        with

    Returns
    -------
    explain : maps a predictor, the form of the target of each utterance and, where coalitions shall differ, ``seed`` to
        its attribution table; ``units``, where not all of those of the settings are wanted
    """
    known = cues(speech.segments, speech.utterances) if target == "word" else None
    about = {"target": target, "scale": scale, "max_s": max_s, "cues": known, "n_resamples": 1, "estimated": False}
    names = {"corpus": speech.name, "model": "randomised", "step": "0"}

    def explain(
        predictor: "Predictor", forms: "Mapping[str, str]", seed: int = seed, units: Sequence[str] = ()
    ) -> pd.DataFrame:
        chosen = Settings(**settings | ({"units": units} if units else {}), seed=seed)
        return attribute_corpus(predictor, speech, chosen, fixed=forms, **names, **about)[0]

    return explain


def _of_the_same(trained: Vectors, scores: Vectors) -> Vectors:
    """Return the trained model's scores of the conditions and utterances that were explained again."""
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
