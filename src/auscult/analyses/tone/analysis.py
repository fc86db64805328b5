"""Tone and consonant probing: accuracy of ridge classifiers on Mandarin syllables at each checkpoint of a model.

After Shen, Watkins, Alishahi, Bisazza and Chrupała (2024, NAACL), Figure 6. The string of a syllable is, for tones, the
syllable without its tone and, for consonants, its rime; strings are held out. We differ from the paper in three ways:
voices are held out as well; layer and penalty are chosen on validation items; and vectors at several moments of the
rime may be concatenated, since the mean over a syllable keeps no contour.
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
from tqdm import tqdm

from auscult.activations.interface import Activations
from auscult.activations.joined import join_activations
from auscult.activations.layer_vectors import LayerVectors
from auscult.analyses.tone.columns import CONTOUR, ITEM_COLUMNS, PUBLISHED, SELECTED, TONE_COLUMNS
from auscult.analyses.tone.contours import contours
from auscult.analyses.tone.items import Contrast, ContrastItems, contrast_items
from auscult.analyses.tone.probes import CellOutcome, choose_layer, majority, probe_cells
from auscult.analyses.tone.settings import ToneSettings
from auscult.errors import AnalysisError
from auscult.statistics.intervals import bootstrap_statistic, cluster_bootstrap
from auscult.tables import check_results

if TYPE_CHECKING:
    from auscult.corpora.corpus import Corpus

__all__ = ["tone_activations", "tone_contours"]

_KEYS = ["utterance", "index"]
Tables = tuple[pd.DataFrame, pd.DataFrame]


def tone_activations(
    sweep: Mapping[str, Activations],
    *,
    corpus: str,
    model: str,
    training: tuple[str, Mapping[str, Activations]] | None = None,
    settings: ToneSettings = ToneSettings(),
    seed: int = 0,
) -> Tables:
    """Probe every layer of every checkpoint for every contrast.

    Parameters
    ----------
    sweep : activations of each step, all of the same segments
    corpus, model : names, copied into the tables
    training : name of another corpus and the activations of each step on it. Its syllables train the probes, and those
        of ``corpus`` are all tested
    settings : contrasts, poolings, folds and resampling
    seed : of folds and resampling

    Returns
    -------
    results : columns :data:`~auscult.analyses.tone.columns.TONE_COLUMNS`, one row per step, layer, contrast and
        pooling. ``metric`` is ``accuracy`` or, at the selected layer only, ``balanced_accuracy``, the mean recall over
        classes, and ``published_accuracy``, the accuracy in the mode of Shen et al. (2024), which holds out strings
        only and takes the best layer and penalty on test items; all 0 to 1, higher is better. ``chance`` is the
        accuracy of predicting the most frequent class of the training data
    items : columns :data:`~auscult.analyses.tone.columns.ITEM_COLUMNS`, the prediction for each syllable at the
        selected layer

    Raises
    ------
    AnalysisError
        A pooling is not defined; a tier is missing or has not exactly one segment per syllable; steps differ in their
        segments; see also :func:`~auscult.analyses.tone.items.contrast_items`.
    """
    poolings = settings.poolings
    _check_poolings(settings)
    conditions: list[tuple[Contrast, str]] = [
        (contrast, pooling) for contrast, names in settings.contrasts.items() for pooling in names
    ]
    train = training[0] if training else ""
    sweep = _with_training(sweep, corpus, training) if training else sweep
    first = next(iter(sweep.values())).index
    syllables = first.iloc[_rows(first, poolings[conditions[0][1]][0])]
    given: dict[str, Any] = {"n_folds": settings.n_folds, "seed": seed, "train": train}
    tasks = {name: contrast_items(syllables, name, **given) for name in settings.contrasts}
    tables, predictions = [], []
    for step, activations in tqdm(sweep.items(), desc=model, unit="checkpoint", disable=None):
        tiers = {tier for _, pooling in conditions for tier in poolings[pooling]}
        rows = {tier: _rows(activations.index, tier, syllables) for tier in tiers}
        outcomes: dict[tuple[Contrast, str], dict[str, CellOutcome]] = {condition: {} for condition in conditions}
        for layer in activations.layers:
            vectors = LayerVectors(activations, layer)
            for (contrast, pooling), found in outcomes.items():
                items = tasks[contrast]
                parts = [vectors.take(rows[tier][items.rows], contrast) for tier in poolings[pooling]]
                found[layer] = probe_cells(np.concatenate(parts, axis=1), items, layer)
        for (contrast, pooling), found in outcomes.items():
            found[SELECTED] = choose_layer(tasks[contrast], found)
            shared = {"corpus": corpus, "model": model, "step": str(step), "pooling": pooling}
            tables += [row | shared for row in _result_rows(tasks[contrast], found, settings.n_resamples, seed)]
            predictions.append(_item_table(tasks[contrast], found[SELECTED], syllables).assign(**shared))
    return _stack(tables, predictions)


def tone_contours(
    corpus: "Corpus",
    *,
    features: Mapping[str, str],
    splits: Sequence[str],
    training: "Corpus | None" = None,
    settings: ToneSettings = ToneSettings(),
    seed: int = 0,
) -> Tables:
    """Probe acoustic contours in the same way as a layer in :func:`tone_activations`, with the same items and folds.

    Parameters
    ----------
    corpus : with the recordings and labelled syllables
    features : ``f0`` or ``mfcc``, by the name of the baseline
    splits : splits of the utterances, as in the extraction of activations
    training : another corpus, whose syllables train
    settings : contrasts, folds and resampling
    seed : of folds and resampling

    Returns
    -------
    results, items : as returned by :func:`tone_activations`, with the one layer ``input``, step ``final`` and pooling
        :data:`~auscult.analyses.tone.columns.CONTOUR`
    """
    corpora = [corpus, *([training] if training is not None else [])]
    parts = [_syllables(one, splits) for one in corpora]
    table = parts[0] if training is None else pd.concat(map(_named, parts, (one.name for one in corpora)))
    tables, predictions = [], []
    given: dict[str, Any] = {"n_folds": settings.n_folds, "seed": seed, "train": training.name if training else ""}
    tasks = [contrast_items(table, name, **given) for name in settings.contrasts]
    for name, kind in features.items():
        x = np.concatenate([contours(one, part, kind) for one, part in zip(corpora, parts)])
        for items in tasks:
            outcome = probe_cells(x[items.rows], items)
            found = {"input": outcome, SELECTED: outcome}
            shared = {"corpus": corpus.name, "model": name, "step": "final", "pooling": CONTOUR}
            tables += [row | shared for row in _result_rows(items, found, settings.n_resamples, seed)]
            predictions.append(_item_table(items, outcome, table).assign(**shared))
    return _stack(tables, predictions)


def _syllables(corpus: "Corpus", splits: Sequence[str]) -> pd.DataFrame:
    """Return the syllables of a corpus in the order of the activations' index, on which folds of strings depend."""
    utterances = corpus.utterances.set_index("utterance")[["speaker", "gender", "split"]]
    utterances = utterances[utterances["split"].isin(splits)]
    order = pd.Series(np.arange(len(utterances)), index=utterances.index)
    segments = corpus.segments
    table = segments[(segments["tier"] == "syllable") & segments["utterance"].isin(utterances.index)]
    keys = pd.DataFrame({"place": table["utterance"].map(order), "index": table["index"]})
    return table.loc[keys.sort_values(["place", "index"], kind="stable").index].join(utterances, on="utterance")


def _named(table: pd.DataFrame, corpus: str) -> pd.DataFrame:
    """Return syllables with names of utterances and speakers as :func:`join_activations` gives them."""
    prefixed = {column: f"{corpus}:" + table[column].astype(str) for column in ("utterance", "speaker")}
    return table.assign(**prefixed, corpus=corpus)


def _with_training(
    sweep: Mapping[str, Activations], corpus: str, training: tuple[str, Mapping[str, Activations]]
) -> dict[str, Activations]:
    """Return the activations of each step with those on the other corpus behind them."""
    name, others = training
    missing = [step for step in sweep if step not in others]
    if missing:
        raise AnalysisError(
            f"expected activations of every step on corpus {name!r}, which trains, found none of {missing[0]}; extract "
            "them"
        )
    return {
        step: join_activations({corpus: one, name: others[step]}, {corpus: one.index, name: others[step].index})
        for step, one in sweep.items()
    }


def _check_poolings(settings: ToneSettings) -> None:
    poolings = settings.poolings
    unknown = [name for names in settings.contrasts.values() for name in names if name not in poolings]
    if unknown:
        raise AnalysisError(f"expected poolings among {', '.join(poolings)}, found {unknown[0]!r}; define it")


def _rows(index: pd.DataFrame, tier: str, syllables: pd.DataFrame | None = None) -> np.ndarray:
    """Return the rows of a tier, one per syllable, in the order of the syllables."""
    rows = np.flatnonzero(index["tier"] == tier)
    if not len(rows):
        raise AnalysisError(
            f"expected tier {tier!r} among the activations, found {', '.join(index['tier'].unique())}; "
            "add it to activations: tiers and extract again"
        )
    if syllables is not None and not index.iloc[rows][_KEYS].reset_index(drop=True).equals(
        syllables[_KEYS].reset_index(drop=True)
    ):
        raise AnalysisError(
            f"expected the {len(syllables)} syllables of tier {syllables['tier'].iloc[0]!r} in tier {tier!r} of every "
            f"step, found {len(rows)} other segments; extract all checkpoints with the same tiers and splits"
        )
    return rows


def _result_rows(
    items: ContrastItems, outcomes: Mapping[str, CellOutcome], n_resamples: int, seed: int
) -> Iterator[dict[str, Any]]:
    """Yield the rows of each layer: accuracy and, at the selected layer, balanced accuracy and the published mode."""
    tested = items.tested
    guess, labels, speakers = majority(items)[tested], items.labels[tested], items.speakers[tested]
    described = {
        "target": items.contrast,
        "n": len(labels),
        "n_groups": len(np.unique(speakers)),
        "n_classes": len(items.classes),
        "n_strings": len(np.unique(items.strings[tested])),
        "held_out": "corpus+string" if items.train else "speaker+string",
        "speaker_overlap": items.speaker_overlap,
        "string_overlap": items.string_overlap,
        "resampling_unit": "speaker",
        "n_folds": 1 if items.train else items.n_folds,
        "n_dropped": items.n_dropped,
        "train": items.train,
    }
    for layer, outcome in outcomes.items():
        predicted = outcome.predicted[tested]
        hits, cells = (predicted == labels).astype(float), slice(0, 1) if items.train else slice(None)
        names, counts = np.unique(outcome.layer[cells].astype(str), return_counts=True)
        low, high = cluster_bootstrap(hits, np.ones_like(hits), speakers, n_resamples=n_resamples, seed=seed)
        row = described | {
            "layer": layer,
            "metric": "accuracy",
            "value": hits.mean(),
            "ci_low": low,
            "ci_high": high,
            "chance": (guess == labels).mean(),
            "valid_value": outcome.valid[cells].mean(),
            "penalty": np.median(outcome.penalty[cells]),
            "selected_layer": str(names[counts.argmax()]),
        }
        yield row
        if layer == SELECTED:
            value, low, high = _balanced_accuracy(labels, predicted, speakers, n_resamples=n_resamples, seed=seed)
            balanced = {"metric": "balanced_accuracy", "value": value, "ci_low": low, "ci_high": high}
            yield row | balanced | {"chance": 1 / len(items.classes)}
            if items.train:
                continue  # in the published mode, the voices of the tests are known
            published = {"metric": PUBLISHED, "value": outcome.published, "n": outcome.n_published}
            none = dict.fromkeys(("ci_low", "ci_high", "valid_value", "penalty"), float("nan"))
            yield row | published | none | {"held_out": "string", "n_folds": 1, "selected_layer": ""}


def _balanced_accuracy(
    truth: np.ndarray, predicted: np.ndarray, speakers: np.ndarray, *, n_resamples: int, seed: int
) -> tuple[float, float, float]:
    """Return the mean recall over classes and its 95 % interval over speakers."""
    _, codes = np.unique(speakers, return_inverse=True)
    shape = (codes.max() + 1, truth.max() + 1)
    cell = codes * shape[1] + truth
    counted = [
        np.bincount(cell, weights, minlength=shape[0] * shape[1]).reshape(shape)
        for weights in (predicted == truth, None)
    ]
    sums = np.stack(counted, axis=1)

    def mean_recall(totals: np.ndarray) -> np.ndarray:
        n_right, n_items = totals[..., 0, :], totals[..., 1, :]
        recall = np.divide(n_right, n_items, out=np.full(n_right.shape, np.nan), where=n_items > 0)
        return np.nanmean(recall, axis=-1)

    return float(mean_recall(sums.sum(axis=0))), *bootstrap_statistic(
        sums, mean_recall, n_resamples=n_resamples, seed=seed
    )


def _item_table(items: ContrastItems, outcome: CellOutcome, syllables: pd.DataFrame) -> pd.DataFrame:
    classes, tested = np.array([*items.classes, ""]), items.tested
    columns = {
        "target": items.contrast,
        "speaker": items.speakers[tested],
        "string": items.strings[tested],
        "label": classes[items.labels[tested]],
        "citation": classes[items.citation[tested]],
        "predicted": classes[outcome.predicted[tested]],
        "chance": classes[majority(items)[tested]],
    }
    return syllables.iloc[items.rows[tested]][_KEYS].reset_index(drop=True).assign(**columns)


def _stack(rows: list[dict[str, Any]], predictions: list[pd.DataFrame]) -> Tables:
    results = check_results(pd.DataFrame(rows).reindex(columns=list(TONE_COLUMNS)))
    return results, pd.concat(predictions, ignore_index=True)[list(ITEM_COLUMNS)]
