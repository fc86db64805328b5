"""ABX: whether items of one category are nearer to each other than to another's, without training anything.

A triple has A and X of one category and B of another; it is won if d(a, x) < d(b, x), a tie is half won (Schatz and
others, 2013). Scores are averaged over triples within cells, cells within speakers of A and B, speakers within
contrasts (ordered pairs of categories), and contrasts: each contrast counts alike, however frequent, as in Libri-Light
(Kahn and others, 2020). The tables give accuracy; the ABX error is one minus it.
"""

from collections.abc import Mapping, Sequence
from itertools import product
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
from tqdm import tqdm

from auscult.abx_distances import Distance, Store, Vectors
from auscult.abx_frames import collect_sequences
from auscult.abx_scores import MAX_PAIRS, score_cells
from auscult.abx_tasks import AbxTask, add_neighbours, make_abx_task
from auscult.errors import AnalysisError
from auscult.stats import bootstrap_statistic
from auscult.tables import RESULT_COLUMNS, check_results

if TYPE_CHECKING:
    from auscult.corpora.corpus import Corpus
    from auscult.frames import FrameTiming
    from auscult.models.interface import FrameModel

__all__ = ["ABX_COLUMNS", "CONTRAST_COLUMNS", "METRIC", "abx_activations", "abx_frames", "summarise_abx"]

METRIC = "abx_accuracy"
_CONDITION = ("tier", "context", "speaker", "distance")
ABX_COLUMNS = (
    *RESULT_COLUMNS, *_CONDITION, "chance", "resampling_unit", "n_contrasts", "n_cells", "n_possible_cells",
    "n_triples",
)  # fmt: skip
CONTRAST_COLUMNS = (
    "corpus", "model", "step", "layer", "target", "metric", *_CONDITION, "label", "other", "value", "n_cells",
    "n_triples",
)  # fmt: skip
_NEIGHBOURS = ("previous", "next")


def abx_activations(
    activations: Any,
    *,
    targets: Sequence[Mapping[str, Any]],
    corpus: str,
    model: str,
    step: str,
    contexts: Sequence[str] = ("in", "any"),
    speakers: Sequence[str] = ("within", "across"),
    distance: Distance = "cosine",
    max_items_per_bin: int | None = None,
    max_cells: int | None = None,
    max_pairs: int = MAX_PAIRS,
    n_resamples: int = 2000,
    seed: int = 0,
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Score every layer of pooled activations for every target and condition.

    Parameters
    ----------
    activations : has ``layers``, ``index`` (one row per segment) and ``load(layer, rows)``
    targets : each with ``name``, ``tier``, ``column`` of the index and, optionally, ``context``: the columns that items
        compared in context share, by default ``previous`` and ``next``, the labels of the neighbours in the tier; and
        its own ``contexts`` and ``speakers``
    corpus, model, step : copied into the tables
    contexts : ``in`` (A, B and X share the context) or ``any``
    speakers : ``within`` (A, B and X are one speaker's), ``across`` (A and B are one speaker's, X another's) or ``any``
    distance : see :class:`~auscult.abx_distances.Vectors`
    max_items_per_bin, max_cells : see :func:`~auscult.abx_tasks.make_abx_task`
    max_pairs : most distances held at once; see :func:`~auscult.abx_scores.score_cells`
    n_resamples : bootstrap samples of an interval
    seed : of subsampling and resampling

    Returns
    -------
    results : columns :data:`ABX_COLUMNS`, one row per target, condition and layer; ``value`` is 0 to 1, higher is
        better, 0.5 is chance; ``n`` counts the items used, ``n_groups`` their speakers
    contrasts : columns :data:`CONTRAST_COLUMNS`, one row per ordered pair ``label`` (A, X), ``other`` (B)

    Raises
    ------
    AnalysisError
        A tier, column, condition or distance does not exist; no cell can be formed; vectors are unusable.
    """
    results, contrasts = [], []
    for target in targets:
        rows = np.flatnonzero(activations.index["tier"] == target["tier"])
        if not len(rows):
            tiers = ", ".join(sorted(activations.index["tier"].unique()))
            raise AnalysisError(
                f"target {target['name']!r}: expected items of tier {target['tier']!r}, found only the tiers {tiers}"
            )
        items = add_neighbours(activations.index.iloc[rows].reset_index(drop=True))
        tasks = _tasks(items, target, contexts, speakers, max_items_per_bin, max_cells, seed)
        for condition, task in tqdm(tasks, desc=f"{model} {step} {target['name']}", disable=None):
            for layer in activations.layers:
                store = Vectors(activations.load(layer, rows[task.rows]), distance, f"layer {layer!r}")
                about = {"layer": layer, "target": target["name"], "tier": target["tier"], "distance": distance}
                _append(results, contrasts, task, store, about | condition, max_pairs, n_resamples, seed)
    return _tables(results, contrasts, corpus=corpus, model=model, step=str(step))


def abx_frames(
    model: "FrameModel",
    corpus: "Corpus",
    items: pd.DataFrame,
    *,
    layers: Sequence[str] | None = None,
    contexts: Sequence[str] = ("in",),
    speakers: Sequence[str] = ("within", "across"),
    distance: Distance = "angular",
    drop_last_frame: bool = False,
    timing: "FrameTiming | None" = None,
    name: str = "phone",
    step: str = "final",
    max_items_per_bin: int | None = None,
    max_cells: int | None = None,
    max_pairs: int = MAX_PAIRS,
    batch_s: float = 60.0,
    n_resamples: int = 2000,
    seed: int = 0,
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Score sequences of frames, compared by dynamic time warping, such as those of a Libri-Light item file.

    Parameters
    ----------
    model, corpus : whose frames, of which recordings
    items : columns ``utterance, onset, offset`` (samples), ``label, previous, next, speaker``, as
        :func:`auscult.abx_items.read_items` returns them
    layers : by default all; frames of the items are held in memory for these, in float32
    drop_last_frame : leave out each item's last frame, and items of one frame, as Libri-Light's evaluation does: its
        published scores are lower for it. Without, an item takes exactly the frames of :mod:`auscult.frames`
    timing : the frames' times, if other than the model's, such as frames that are centred in their hop
    name, step : of target and model in the tables
    batch_s : seconds of audio a batch

    Others, results and errors are those of :func:`abx_activations`; ``n`` counts items that have frames.
    """
    collected = collect_sequences(
        model, corpus, items, layers=layers, drop_last_frame=drop_last_frame, timing=timing, batch_s=batch_s
    )
    items = items.iloc[collected.items].reset_index(drop=True)
    target, results, contrasts = {"name": name, "tier": name, "column": "label"}, [], []
    tasks = _tasks(items, target, contexts, speakers, max_items_per_bin, max_cells, seed)
    for condition, task in tasks:
        for layer in collected.frames:
            store = collected.store(layer, task.rows, distance)
            about = {"layer": layer, "target": name, "tier": name, "distance": f"{distance}, dtw"}
            _append(results, contrasts, task, store, about | condition, max_pairs, n_resamples, seed)
    return _tables(results, contrasts, corpus=corpus.name, model=model.name, step=step)


def summarise_abx(
    task: AbxTask, scores: np.ndarray, *, n_resamples: int = 2000, seed: int = 0
) -> tuple[dict[str, Any], pd.DataFrame]:
    """Average the scores of cells over speakers and contrasts.

    The interval resamples the speakers of A and B; contrasts that a resample has lost are left out of its mean. It is
    missing below :data:`auscult.stats.MIN_GROUPS` speakers, and for tasks that mix speakers within a triple.

    Parameters
    ----------
    scores : as of :func:`~auscult.abx_scores.score_cells` [shape=(n_cells,)]

    Returns
    -------
    row : ``value, ci_low, ci_high, n, n_groups`` and the counts of :data:`ABX_COLUMNS`
    contrasts : one row per contrast, columns ``label, other, value, n_cells, n_triples``
    """
    pair = task.label[task.a] * len(task.labels) + task.label[task.b]
    pairs, contrast = np.unique(pair, return_inverse=True)
    speakers, speaker = np.unique(task.speaker, return_inverse=True)
    shape = (len(speakers), len(pairs))
    cells = np.bincount(speaker * shape[1] + contrast, minlength=shape[0] * shape[1]).reshape(shape)
    total = np.bincount(speaker * shape[1] + contrast, scores, minlength=shape[0] * shape[1]).reshape(shape)
    present = (cells > 0).astype(float)
    sums = np.stack([np.divide(total, cells, where=cells > 0, out=np.zeros(shape)), present], axis=1)
    low, high = bootstrap_statistic(sums, _mean_of_contrasts, n_resamples=n_resamples, seed=seed)
    row = {
        "value": float(_mean_of_contrasts(sums.sum(axis=0))), "ci_low": low, "ci_high": high,
        "n": len(task.rows), "n_groups": task.n_speakers, "chance": 0.5, "resampling_unit": "speaker",
        "n_contrasts": len(pairs), "n_cells": len(task.x), "n_possible_cells": task.n_possible,
        "n_triples": int(task.n_triples.sum()),
    }  # fmt: skip
    names = np.asarray(task.labels, dtype=object)
    table = {
        "label": names[pairs // len(names)], "other": names[pairs % len(names)],
        "value": sums[:, 0].sum(axis=0) / sums[:, 1].sum(axis=0), "n_cells": cells.sum(axis=0),
        "n_triples": np.bincount(contrast, task.n_triples).astype(np.int64),
    }  # fmt: skip
    return row, pd.DataFrame(table)


def _mean_of_contrasts(sums: np.ndarray) -> np.ndarray:
    """Return the mean over contrasts of sums of scores by numbers of speakers [shape=(..., 2, n_contrasts)]."""
    scores, counts = sums[..., 0, :], sums[..., 1, :]
    means = np.divide(scores, counts, where=counts > 0, out=np.zeros_like(scores))
    return means.sum(axis=-1) / (counts > 0).sum(axis=-1)


def _tasks(
    items: pd.DataFrame, target: Mapping[str, Any], contexts, speakers, max_items_per_bin, max_cells, seed: int
) -> list[tuple[dict[str, str], AbxTask]]:
    shared = {"in": tuple(target.get("context") or _NEIGHBOURS), "any": ()}
    voices = {"within": (("speaker",), None), "across": ((), "speaker"), "any": ((), None)}
    contexts, speakers = target.get("contexts") or contexts, target.get("speakers") or speakers
    for asked, known, what in ((contexts, shared, "contexts"), (speakers, voices, "speakers")):
        unknown = [value for value in asked if value not in known]
        if unknown:
            raise AnalysisError(
                f"target {target['name']!r}: expected {what} of {', '.join(known)}, found {unknown[0]!r}"
            )
    tasks = []
    for context, speaker in product(contexts, speakers):
        voice, across = voices[speaker]
        task = make_abx_task(
            items, on=target["column"], by=(*shared[context], *voice), across=across,
            name=f"{target['name']}, {context} context, {speaker} speaker", max_items_per_bin=max_items_per_bin,
            max_cells=max_cells, seed=seed,
        )  # fmt: skip
        tasks.append(({"context": context, "speaker": speaker}, task))
    return tasks


def _append(
    results: list,
    contrasts: list,
    task: AbxTask,
    store: Store,
    about: dict,
    max_pairs: int,
    n_resamples: int,
    seed: int,
) -> None:
    scores = score_cells(task, store, max_pairs)
    row, by_contrast = summarise_abx(task, scores, n_resamples=n_resamples, seed=seed)
    results.append(about | row)
    contrasts.append(by_contrast.assign(**about))


def _tables(results: list[dict], contrasts: list[pd.DataFrame], **run: str) -> tuple[pd.DataFrame, pd.DataFrame]:
    scores = pd.DataFrame(results).assign(metric=METRIC, **run)
    by_contrast = pd.concat(contrasts, ignore_index=True).assign(metric=METRIC, **run)
    return check_results(scores[list(ABX_COLUMNS)]), by_contrast[list(CONTRAST_COLUMNS)]
