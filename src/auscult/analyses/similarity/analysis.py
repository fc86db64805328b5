"""Similarity of spaces: the layers of one model, of two models, and of a model and a reference space.

Zero-shot measures (CKA, RSA) take distances as they are. Fitted measures (CCA and its variants, Procrustes, R²) search
the best alignment on some speakers and are measured on others. Only CCA and R² find directions of little variance, so
the two kinds may disagree; both are reported.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from itertools import combinations, combinations_with_replacement, product
from typing import Any

import numpy as np
import pandas as pd
from tqdm import tqdm

from auscult.activations.interface import Activations
from auscult.analyses.similarity.comparisons import Chance, Space, compare_spaces
from auscult.analyses.similarity.items import Items
from auscult.analyses.similarity.reference_spaces import match_items, reference_space, sample_items
from auscult.analyses.similarity.settings import METRICS, Measures, SimilaritySettings
from auscult.errors import AnalysisError
from auscult.tables import RESULT_COLUMNS, check_results

__all__ = ["METRICS", "SIMILARITY_COLUMNS", "Measures", "SimilaritySettings", "compare_activations", "compare_models"]

SIMILARITY_COLUMNS = (
    *RESULT_COLUMNS,
    "tier",
    "reference",
    "other_model",
    "other_step",
    "other_layer",
    "distance",
    "correlation",
    "chance",
    "ceiling_low",
    "ceiling_high",
    "resampling_unit",
    "held_out",
    "n_conditions",
    "n_dropped",
)
_TEXT_COLUMNS = [
    "tier",
    "reference",
    "other_model",
    "other_step",
    "other_layer",
    "distance",
    "correlation",
    "held_out",
]
Run = tuple[str, str]


def compare_activations(
    activations: Activations,
    *,
    corpus: str,
    model: str,
    step: str,
    references: Mapping[str, Mapping[str, Any]],
    others: Mapping[str, Activations] | None = None,
    sentences: Iterable[str] = (),
    settings: SimilaritySettings = SimilaritySettings(),
    seed: int = 0,
) -> pd.DataFrame:
    """Compare every layer of a model with every other layer and with reference spaces, on items all models share.

    Parameters
    ----------
    activations : of the model
    corpus, model, step : copied into the table
    references : by name, each with ``tier`` and ``space``: ``activations`` of another ``model``, ``identity`` (one-hot
        values of a ``column``), ``articulatory`` features of phones, ``cooccurrence`` vectors of words in the
        sentences, or ``vectors`` of words in the file ``path``
    others : activations of the models named by references
    sentences : texts of the corpus
    settings : metrics, tier and number of items
    seed : of sample, folds, shuffles and resamples

    Returns
    -------
    results : columns :data:`SIMILARITY_COLUMNS`; one row per layer, partner and metric defined for them (see
        :func:`~auscult.analyses.similarity.comparisons.compare_spaces`). ``target`` is ``layers`` or a reference;
        ``chance`` is the metric after shuffling the reference's items; ``ceiling_low`` and ``ceiling_high`` bound what
        a perfect model of the layer's distances would reach (RSA); ``held_out`` names the units on which fitted
        metrics are measured; ``n_dropped`` counts items without a vector in the reference. Values are at most 1;
        higher is more similar.

    Raises
    ------
    AnalysisError
        A metric, reference, tier or column does not exist; there are too few items or speakers; features are constant
        or not finite; models do not share their items; a reference has no vector for any item.
    """
    names = {"model": model, "step": str(step)}
    rows = _compare_layers(activations, settings, seed, names)
    # An acoustic baseline that serves as reference is not compared with itself.
    wanted = {name: reference for name, reference in references.items() if reference.get("model") != model}
    for name, reference in tqdm(wanted.items(), desc=f"{model} {step} references", disable=None):
        vectors = _reference_vectors(activations, name, reference, others or {}, sentences, settings, seed)
        rows += _compare_reference(activations, name, reference, *vectors, settings.measures, seed)
    return _table(rows, corpus=corpus, **names)


def compare_models(
    runs: Mapping[Run, Activations],
    *,
    corpus: str,
    settings: SimilaritySettings = SimilaritySettings(),
    seed: int = 0,
) -> pd.DataFrame:
    """Compare every layer of one model with every layer of another, on the same items.

    Every two models are compared at their last step, and each model with its own first step. The metrics are
    ``layer_metrics``.

    Parameters
    ----------
    runs : activations by model and step, the steps of a model in order
    corpus, settings, seed : as in :func:`compare_activations`

    Returns
    -------
    results : columns :data:`SIMILARITY_COLUMNS`, ``target`` is ``models``; empty if there is only one run

    Raises
    ------
    AnalysisError
        As in :func:`compare_activations`.
    """
    measures = replace(settings.measures, metrics=tuple(settings.layer_metrics))
    rows: list[dict[str, Any]] = []
    for one, other in _model_pairs(list(runs)):
        index = runs[one].index
        items = Items.of(index, sample_items(index, settings.tier, settings.n_items, seed), measures, seed)
        matched = replace(items, rows=match_items(index, items.rows, runs[other].index, "/".join(other)))
        ys = [Space.of(runs[other], layer, matched) for layer in runs[other].layers]
        for layer, y in product(runs[one].layers, ys):
            if y is ys[0]:
                x = Space.of(runs[one], layer, items)
            partner = {"layer": layer, "target": "models", "other_layer": y.name}
            names = {"model": one[0], "step": one[1], "other_model": other[0], "other_step": other[1]}
            rows += [{**names, **partner, **row} for row in compare_spaces(x, y, measures)]
    return _table(rows, corpus=corpus)


def _compare_layers(
    activations: Activations, settings: SimilaritySettings, seed: int, names: Mapping[str, str]
) -> list[dict[str, Any]]:
    measures = replace(settings.measures, metrics=tuple(settings.layer_metrics))
    index = activations.index
    items = Items.of(index, sample_items(index, settings.tier, settings.n_items, seed), measures, seed)
    layers = [Space.of(activations, layer, items) for layer in activations.layers]
    run = {"other_model": names["model"], "other_step": names["step"]}
    pairs = list(combinations_with_replacement(layers, 2))
    rows: list[dict[str, Any]] = []
    for x, y in tqdm(pairs, desc=f"{names['model']} {names['step']} layers", disable=None):
        partner = {"layer": x.name, "target": "layers", **run, "other_layer": y.name}
        rows += [{**partner, **row} for row in compare_spaces(x, y, measures)]
    return rows


def _reference_vectors(
    activations: Activations,
    name: str,
    reference: Mapping[str, Any],
    others: Mapping[str, Activations],
    sentences: Iterable[str],
    settings: SimilaritySettings,
    seed: int,
) -> tuple[np.ndarray, np.ndarray]:
    """Return the sampled rows of the index and their vectors in a reference space, NaN where there is none."""
    tier = reference.get("tier", "phone")
    rows = sample_items(activations.index, tier, settings.n_items, seed)
    vectors = reference_space(activations.index, rows, name, reference, others, sentences)
    if np.isnan(vectors).all():
        raise AnalysisError(
            f"reference {name!r}: expected vectors of some items, found none for {len(rows)} items of tier {tier}; "
            "choose another column or tier"
        )
    return rows, vectors


def _compare_reference(
    activations: Activations,
    name: str,
    reference: Mapping[str, Any],
    rows: np.ndarray,
    vectors: np.ndarray,
    measures: Measures,
    seed: int,
) -> Iterator[dict[str, Any]]:
    known = ~np.isnan(vectors).all(axis=1)
    items = Items.of(activations.index, rows[known], measures, seed)
    measured, one_hot = (reference["space"] == space for space in ("activations", "identity"))
    y = Space.around(vectors[known], f"reference {name!r}", name, items, measured=measured, one_hot=one_hot)
    chance = Chance(y, measures)
    partner = {
        "target": name,
        "reference": reference["space"],
        "other_model": reference.get("model", ""),
        "n_dropped": int((~known).sum()),
    }
    for layer in activations.layers:
        x = Space.of(activations, layer, items)
        found = list(compare_spaces(x, y, measures))
        for row, by_chance in zip(found, chance.values(x, found)):
            yield {"layer": layer, **partner, "chance": by_chance, **row}


def _model_pairs(runs: Sequence[Run]) -> list[tuple[Run, Run]]:
    first: dict[str, Run] = {}
    last: dict[str, Run] = {}
    for model, step in runs:
        first.setdefault(model, (model, step))
        last[model] = (model, step)
    own = [(last[model], first[model]) for model in last if first[model] != last[model]]
    return [*own, *combinations(last.values(), 2)]


def _table(rows: Sequence[Mapping[str, Any]], **names: str) -> pd.DataFrame:
    table = pd.DataFrame(rows).assign(**names).reindex(columns=list(SIMILARITY_COLUMNS))
    table[_TEXT_COLUMNS] = table[_TEXT_COLUMNS].astype("string").fillna("").astype(object)
    return check_results(table)
