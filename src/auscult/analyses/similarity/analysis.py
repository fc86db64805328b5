"""Similarity: how alike two spaces are — the layers of one model, of two models, and of a model and a reference.

Zero-shot measures (CKA, RSA) take distances as they are, optimised ones (CCA and its kin, Procrustes, R²) first look
for the best alignment and are measured on held-out speakers. What lies in directions of little variance is found by
CCA and R² only; the two may therefore disagree, and both are shown.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from itertools import combinations, combinations_with_replacement, product
from typing import Any

import numpy as np
import pandas as pd
from tqdm import tqdm

from auscult.analyses.similarity.comparisons import Chance, Space, compare_spaces
from auscult.analyses.similarity.items import METRICS, Items, Measures
from auscult.analyses.similarity.reference_spaces import match_items, reference_space, sample_items
from auscult.errors import AnalysisError
from auscult.tables import RESULT_COLUMNS, check_results

__all__ = ["METRICS", "SIMILARITY_COLUMNS", "Measures", "compare_activations", "compare_models"]

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


def compare_activations(
    activations: Any,
    *,
    corpus: str,
    model: str,
    step: str,
    references: Mapping[str, Mapping[str, Any]],
    others: Mapping[str, Any] | None = None,
    sentences: Iterable[str] = (),
    tier: str = "phone",
    measures: Measures | None = None,
    layer_metrics: Sequence[str] = ("cka",),
    n_items: int = 3000,
) -> pd.DataFrame:
    """Compare every layer of a model with every other and with reference spaces, on items all models share.

    Parameters
    ----------
    activations : has ``layers``, ``index`` (one row per segment) and ``load(layer, rows)``
    corpus, model, step : copied into the table
    references : by name, each with ``tier`` and ``space``: ``activations`` of another ``model``, ``identity`` of the
        values of a ``column``, ``articulatory`` features of phones, ``cooccurrence`` vectors of words in the
        sentences, or ``vectors`` of words in the file ``path``
    others : activations of the models that references name
    sentences : texts of the corpus
    tier : of the items on which layers are compared with each other
    measures : what is measured between layers and references
    layer_metrics, n_items : metrics that are taken between layers; random sample of each tier

    Returns
    -------
    results : columns :data:`SIMILARITY_COLUMNS`; one row per layer, partner and metric defined for them (see
        :func:`~auscult.analyses.similarity.comparisons.compare_spaces`). ``target`` is ``layers`` or a reference;
        ``chance`` the metric after shuffling the reference's items; ``ceiling_low`` to ``ceiling_high`` what a perfect
        account of the layer would reach (RSA); ``held_out`` what fitted metrics are measured on; ``n_dropped`` counts
        items the reference does not know. Values are at most 1, higher is more alike.

    Raises
    ------
    AnalysisError
        A metric, reference, tier or column does not exist; there are too few items or speakers; features are constant
        or not finite; models do not share their items; a reference knows no item.
    """
    measures = measures or Measures()
    names = {"model": model, "step": str(step)}
    rows = _compare_layers(activations, tier, n_items, replace(measures, metrics=tuple(layer_metrics)), **names)
    # A baseline that serves as reference is not compared with itself.
    named = {name: reference for name, reference in references.items() if reference.get("model") != model}
    for name, reference in tqdm(named.items(), desc=f"{model} {step} references", disable=None):
        rows += _compare_reference(activations, name, reference, others or {}, sentences, n_items, measures)
    return _table(rows, corpus=corpus, **names)


def compare_models(
    runs: Mapping[tuple[str, str], Any],
    *,
    corpus: str,
    tier: str = "phone",
    measures: Measures | None = None,
    n_items: int = 3000,
) -> pd.DataFrame:
    """Compare every layer of one model with every layer of another, on the same items.

    Each two models are compared at their last step, and each model with its own first step.

    Parameters
    ----------
    runs : activations by model and step, the steps of a model in order
    corpus, tier, measures, n_items : as in :func:`compare_activations`

    Returns
    -------
    results : columns :data:`SIMILARITY_COLUMNS`, ``target`` is ``models``; empty if there is only one run

    Raises
    ------
    AnalysisError
        As :func:`compare_activations`.
    """
    measures = measures or Measures(metrics=("cka",))
    rows = []
    for one, other in _model_pairs(list(runs)):
        index = runs[one].index
        items = Items.of(index, sample_items(index, tier, n_items, measures.seed), measures)
        theirs = replace(items, rows=match_items(index, items.rows, runs[other].index, "/".join(other)))
        ys = [Space.of(runs[other], layer, theirs) for layer in runs[other].layers]
        for layer, y in product(runs[one].layers, ys):
            if y is ys[0]:
                x = Space.of(runs[one], layer, items)
            about = {"layer": layer, "target": "models", "other_layer": y.name}
            names = {"model": one[0], "step": one[1], "other_model": other[0], "other_step": other[1]}
            rows += [{**names, **about, **row} for row in compare_spaces(x, y, measures)]
    return _table(rows, corpus=corpus)


def _compare_layers(activations, tier, n_items, measures, model, step) -> list[dict]:
    items = Items.of(activations.index, sample_items(activations.index, tier, n_items, measures.seed), measures)
    layers, rows = [Space.of(activations, layer, items) for layer in activations.layers], []
    for x, y in tqdm(list(combinations_with_replacement(layers, 2)), desc=f"{model} {step} layers", disable=None):
        about = {"layer": x.name, "target": "layers", "other_model": model, "other_step": step, "other_layer": y.name}
        rows += [{**about, **row} for row in compare_spaces(x, y, measures)]
    return rows


def _compare_reference(activations, name, reference, others, sentences, n_items, measures) -> Iterator[dict]:
    index, tier = activations.index, reference.get("tier", "phone")
    rows = sample_items(index, tier, n_items, measures.seed)
    vectors = reference_space(index, rows, name, reference, others, sentences)
    known = ~np.isnan(vectors).all(axis=1)
    if not known.any():
        raise AnalysisError(
            f"reference {name!r}: expected vectors of some items, found none for {len(rows)} items of tier {tier}; "
            "choose another column or tier"
        )
    items = Items.of(index, rows[known], measures)
    y = Space.around(vectors[known], f"reference {name!r}", name, items)
    chance = Chance(y, measures)
    about = {
        "target": name,
        "reference": reference["space"],
        "other_model": reference.get("model", ""),
        "n_dropped": int((~known).sum()),
    }
    for layer in activations.layers:
        x = Space.of(activations, layer, items)
        found = list(compare_spaces(x, y, measures))
        for row, by_chance in zip(found, chance.values(x, found)):
            yield {"layer": layer, **about, "chance": by_chance, **row}


def _model_pairs(runs: Sequence[tuple[str, str]]) -> list[tuple[tuple[str, str], tuple[str, str]]]:
    first, last = {}, {}
    for model, step in runs:
        first.setdefault(model, (model, step))
        last[model] = (model, step)
    own = [(last[model], first[model]) for model in last if first[model] != last[model]]
    return [*own, *combinations(last.values(), 2)]


def _table(rows: Sequence[Mapping[str, Any]], **names: str) -> pd.DataFrame:
    table = pd.DataFrame(rows).assign(**names).reindex(columns=SIMILARITY_COLUMNS)
    words = ["tier", "reference", "other_model", "other_step", "other_layer", "distance", "correlation", "held_out"]
    table[words] = table[words].astype("string").fillna("").astype(object)
    return check_results(table)
