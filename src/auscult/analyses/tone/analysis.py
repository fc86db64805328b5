"""Tone and consonants of Mandarin while a model learns: what a ridge classifier reads of them at each checkpoint.

After Shen, Watkins, Alishahi, Bisazza and Chrupała (2024, NAACL), Figure 6: onsets and tones of syllables whose voice
and whose string (of a tone the syllable without it, of a consonant the rime) the probe has not met. Where we differ:
layer and penalty are chosen on validation items; voices are held out, too; beside the mean over a syllable, which
keeps no contour, vectors at several moments of its rime may be read together.
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
from tqdm import tqdm

from auscult.activations.layer_vectors import LayerVectors
from auscult.analyses.tone.contours import contours
from auscult.analyses.tone.items import Contrast, ContrastItems, contrast_items
from auscult.analyses.tone.probes import CellOutcome, choose_layer, majority, probe_cells
from auscult.errors import AnalysisError
from auscult.statistics.intervals import bootstrap_statistic, cluster_bootstrap
from auscult.tables import RESULT_COLUMNS, check_results

if TYPE_CHECKING:
    from auscult.corpora.corpus import Corpus

__all__ = ["SELECTED", "CONTOUR", "TONE_COLUMNS", "ITEM_COLUMNS", "tone_activations", "tone_contours"]

SELECTED = "selected"
# Of baselines; no pooling of a study can be called so, for names have no spaces.
CONTOUR = "21 frames"
TONE_COLUMNS = (
    *RESULT_COLUMNS,
    "pooling",
    "chance",
    "n_classes",
    "n_strings",
    "held_out",
    "speaker_overlap",
    "string_overlap",
    "resampling_unit",
    "n_folds",
    "valid_value",
    "penalty",
    "selected_layer",
    "n_dropped",
)
ITEM_COLUMNS = (
    "corpus",
    "model",
    "step",
    "target",
    "pooling",
    "utterance",
    "index",
    "speaker",
    "string",
    "label",
    "citation",
    "predicted",
    "chance",
)
_KEYS = ["utterance", "index"]
Tables = tuple[pd.DataFrame, pd.DataFrame]


def tone_activations(
    sweep: Mapping[str, Any],
    *,
    contrasts: Mapping[Contrast, Sequence[str]],
    poolings: Mapping[str, Sequence[str]],
    corpus: str,
    model: str,
    n_folds: int = 5,
    n_resamples: int = 2000,
    seed: int = 0,
) -> Tables:
    """Probe every layer of every checkpoint for every contrast.

    Parameters
    ----------
    sweep : activations of each step, all of the same segments; each has ``layers``, ``index`` and ``load``
    contrasts : ``tone``, ``consonant``, and by which poolings each is read
    poolings : tiers whose vectors are read side by side, such as ``[syllable]`` or ``[rime_20, rime_50, rime_80]``
    corpus, model : copied into the tables
    n_folds : of voices, and of strings, see :mod:`auscult.analyses.tone.probes`
    n_resamples : bootstrap samples of voices
    seed : of folds and resampling

    Returns
    -------
    results : columns :data:`TONE_COLUMNS`, one row per step, layer, contrast and pooling. ``metric`` is ``accuracy``
        or, at the selected layer, ``balanced_accuracy``, the mean over classes of the share that is found; both 0 to
        1, higher is better. ``chance`` is the accuracy of always saying the training side's most frequent class
    items : columns :data:`ITEM_COLUMNS`, what each probe said of each syllable at the selected layer

    Raises
    ------
    AnalysisError
        A pooling is not defined; a tier is not among the activations, or has not one segment a syllable; steps differ
        in their segments; see also :func:`~auscult.analyses.tone.items.contrast_items`.
    """
    _check_poolings(contrasts, poolings)
    conditions = [(contrast, pooling) for contrast, names in contrasts.items() for pooling in names]
    first = next(iter(sweep.values())).index
    syllables = first.iloc[_rows(first, poolings[conditions[0][1]][0])]
    tasks = {name: contrast_items(syllables, name, n_folds=n_folds, seed=seed) for name in contrasts}
    tables, said = [], []
    for step, activations in tqdm(sweep.items(), desc=model, unit="checkpoint", disable=None):
        tiers = {tier for _, pooling in conditions for tier in poolings[pooling]}
        rows = {tier: _rows(activations.index, tier, syllables) for tier in tiers}
        outcomes: dict[tuple[str, str], dict[str, CellOutcome]] = {condition: {} for condition in conditions}
        for layer in activations.layers:
            vectors = LayerVectors(activations, layer)
            for (contrast, pooling), found in outcomes.items():
                items = tasks[contrast]
                parts = [vectors.take(rows[tier][items.rows], contrast) for tier in poolings[pooling]]
                found[layer] = probe_cells(np.concatenate(parts, axis=1), items, layer)
        for (contrast, pooling), found in outcomes.items():
            found[SELECTED] = choose_layer(tasks[contrast], found)
            shared = {"corpus": corpus, "model": model, "step": str(step), "pooling": pooling}
            tables += [row | shared for row in _rows_of(tasks[contrast], found, n_resamples, seed)]
            said.append(_items_of(tasks[contrast], found[SELECTED], syllables).assign(**shared))
    return _tables(tables, said)


def tone_contours(
    corpus: "Corpus",
    *,
    features: Mapping[str, str],
    contrasts: Sequence[Contrast],
    splits: Sequence[str],
    n_folds: int = 5,
    n_resamples: int = 2000,
    seed: int = 0,
) -> Tables:
    """Probe acoustic contours as :func:`tone_activations` does a layer, on the same syllables and folds.

    Parameters
    ----------
    features : of each baseline, ``f0`` or ``mfcc``, by its name
    splits : of the utterances, as in the extraction of activations

    Returns
    -------
    results, items : as of :func:`tone_activations`, with the one layer ``input``, step ``final`` and pooling
        :data:`CONTOUR`
    """
    about = corpus.utterances.set_index("utterance")[["speaker", "gender", "split"]]
    about = about[about["split"].isin(splits)]
    order = pd.Series(np.arange(len(about)), index=about.index)
    table = corpus.segments[(corpus.segments["tier"] == "syllable") & corpus.segments["utterance"].isin(about.index)]
    # In the order of the activations' index: folds depend on it where labels of types are those of their first item.
    keys = pd.DataFrame({"place": table["utterance"].map(order), "index": table["index"]})
    table = table.loc[keys.sort_values(["place", "index"], kind="stable").index].join(about, on="utterance")
    tables, said = [], []
    tasks = [contrast_items(table, contrast, n_folds=n_folds, seed=seed) for contrast in contrasts]
    for name, kind in features.items():
        x = contours(corpus, table, kind)
        for items in tasks:
            outcome = probe_cells(x[items.rows], items)
            found = {"input": outcome, SELECTED: outcome}
            shared = {"corpus": corpus.name, "model": name, "step": "final", "pooling": CONTOUR}
            tables += [row | shared for row in _rows_of(items, found, n_resamples, seed)]
            said.append(_items_of(items, outcome, table).assign(**shared))
    return _tables(tables, said)


def _check_poolings(contrasts: Mapping[str, Sequence[str]], poolings: Mapping[str, Sequence[str]]) -> None:
    unknown = [name for names in contrasts.values() for name in names if name not in poolings]
    if unknown:
        raise AnalysisError(f"expected poolings among {', '.join(poolings)}, found {unknown[0]!r}; define it")


def _rows(index: pd.DataFrame, tier: str, syllables: pd.DataFrame | None = None) -> np.ndarray:
    """Return the rows of a tier, one a syllable, in the order of the syllables."""
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


def _rows_of(items: ContrastItems, outcomes: Mapping[str, CellOutcome], n_resamples: int, seed: int) -> Iterator[dict]:
    guess, settings = majority(items), {"n_resamples": n_resamples, "seed": seed}
    described = {
        "target": items.contrast,
        "n": len(items.labels),
        "n_groups": len(np.unique(items.speakers)),
        "n_classes": len(items.classes),
        "n_strings": len(np.unique(items.strings)),
        "held_out": "speaker+string",
        "speaker_overlap": items.speaker_overlap,
        "string_overlap": items.string_overlap,
        "resampling_unit": "speaker",
        "n_folds": items.n_folds,
        "n_dropped": items.n_dropped,
    }
    for layer, outcome in outcomes.items():
        hits = (outcome.predicted == items.labels).astype(float)
        names, counts = np.unique(outcome.layer.astype(str), return_counts=True)
        low, high = cluster_bootstrap(hits, np.ones_like(hits), items.speakers, **settings)
        row = described | {
            "layer": layer,
            "metric": "accuracy",
            "value": hits.mean(),
            "ci_low": low,
            "ci_high": high,
            "chance": (guess == items.labels).mean(),
            "valid_value": outcome.valid.mean(),
            "penalty": np.median(outcome.penalty),
            "selected_layer": str(names[counts.argmax()]),
        }
        yield row
        if layer == SELECTED:
            value, low, high = _balanced_accuracy(items.labels, outcome.predicted, items.speakers, **settings)
            balanced = {"metric": "balanced_accuracy", "value": value, "ci_low": low, "ci_high": high}
            yield row | balanced | {"chance": 1 / len(items.classes)}


def _balanced_accuracy(
    truth: np.ndarray, predicted: np.ndarray, speakers: np.ndarray, *, n_resamples: int, seed: int
) -> tuple[float, float, float]:
    """Return the mean over classes of the share of their items that is found, and its interval over speakers."""
    _, codes = np.unique(speakers, return_inverse=True)
    shape = (codes.max() + 1, truth.max() + 1)
    cell = codes * shape[1] + truth
    sums = [
        np.bincount(cell, part, minlength=shape[0] * shape[1]).reshape(shape) for part in (predicted == truth, None)
    ]
    sums = np.stack(sums, axis=1)

    def mean_recall(totals: np.ndarray) -> np.ndarray:
        found, there = totals[..., 0, :], totals[..., 1, :]
        share = np.divide(found, there, out=np.full(found.shape, np.nan), where=there > 0)
        return np.nanmean(share, axis=-1)

    return float(mean_recall(sums.sum(axis=0))), *bootstrap_statistic(
        sums, mean_recall, n_resamples=n_resamples, seed=seed
    )


def _items_of(items: ContrastItems, outcome: CellOutcome, syllables: pd.DataFrame) -> pd.DataFrame:
    classes = np.array([*items.classes, ""])
    columns = {
        "target": items.contrast,
        "speaker": items.speakers,
        "string": items.strings,
        "label": classes[items.labels],
        "citation": classes[items.citation],
        "predicted": classes[outcome.predicted],
        "chance": classes[majority(items)],
    }
    return syllables.iloc[items.rows][_KEYS].reset_index(drop=True).assign(**columns)


def _tables(rows: list[dict], said: list[pd.DataFrame]) -> Tables:
    results = check_results(pd.DataFrame(rows).reindex(columns=list(TONE_COLUMNS)))
    return results, pd.concat(said, ignore_index=True)[list(ITEM_COLUMNS)]
