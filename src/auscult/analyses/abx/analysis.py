"""ABX: whether items of one category are closer to each other than to items of another, without any training.

In a triple, A and X share a category and B has another; the triple is won if d(a, x) < d(b, x), and a tie counts half
(Schatz et al., 2013). Scores are averaged over triples within cells, cells within speakers of A and B, speakers within
contrasts (ordered pairs of categories), and contrasts. Every contrast has the same weight, whatever its frequency, as
in Libri-Light (Kahn et al., 2020). The tables hold accuracy; the ABX error is one minus it.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from functools import partial
from itertools import product
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
import pandas as pd
from tqdm import tqdm

from auscult.activations.interface import Activations
from auscult.analyses.abx.cells import MAX_PAIRS, score_cells
from auscult.analyses.abx.distances import Store, Vectors
from auscult.analyses.abx.frames import Limits, find_frames, read_frames
from auscult.analyses.abx.items import read_items
from auscult.analyses.abx.settings import AbxSettings, Distance, FrameComparison
from auscult.analyses.abx.summary import summarise_abx
from auscult.analyses.abx.tasks import AbxTask, add_neighbours, make_abx_task
from auscult.errors import AnalysisError
from auscult.settings import settings_from
from auscult.statistics.standardise import standardise_by_others
from auscult.tables import RESULT_COLUMNS, check_results

if TYPE_CHECKING:
    from auscult.corpora.corpus import Corpus
    from auscult.models.frames import FrameTiming
    from auscult.models.interface import FrameModel

__all__ = [
    "ABX_COLUMNS",
    "CONTRAST_COLUMNS",
    "METRIC",
    "AbxSettings",
    "FrameComparison",
    "abx_activations",
    "abx_frames",
    "abx_item_files",
    "summarise_abx",
]

METRIC = "abx_accuracy"
_CONDITION = ("tier", "context", "speaker", "distance")
ABX_COLUMNS = (
    *RESULT_COLUMNS,
    *_CONDITION,
    "chance",
    "resampling_unit",
    "n_contrasts",
    "n_cells",
    "n_possible_cells",
    "n_triples",
)
CONTRAST_COLUMNS = (
    "corpus",
    "model",
    "step",
    "layer",
    "target",
    "metric",
    *_CONDITION,
    "label",
    "other",
    "value",
    "n_cells",
    "n_triples",
)
_NEIGHBOURS = ("previous", "next")
# Of each speaker condition: columns that A, B and X share, and the column that X does not share with A and B.
_SPEAKER_COLUMNS: dict[str, tuple[tuple[str, ...], str | None]] = {
    "within": (("speaker",), None),
    "across": ((), "speaker"),
    "any": ((), None),
}

Tables = tuple[pd.DataFrame, pd.DataFrame]
# A condition (context and speaker) with its task.
Tasks = list[tuple[dict[str, str], AbxTask]]
# A layer with a function that returns a store of the items in some rows.
LayerStore = tuple[str, Callable[[npt.NDArray[Any]], Store]]
Scored = list[tuple[dict[str, Any], pd.DataFrame]]


def abx_activations(
    activations: Activations,
    *,
    targets: Sequence[Mapping[str, Any]],
    corpus: str,
    model: str,
    step: str,
    settings: AbxSettings = AbxSettings(),
    seed: int = 0,
) -> Tables:
    """Score every layer of pooled activations for every target and condition.

    Parameters
    ----------
    activations : of the model
    targets : each with ``name``, ``tier`` and ``column`` of the index, optionally with ``context`` (the columns shared
        by items that are compared in context; by default ``previous`` and ``next``, the labels of the neighbours in the
        tier) and its own ``contexts`` and ``speakers``
    corpus, model, step : copied into the tables
    settings : conditions, distance, maximum numbers and resamples
    seed : of samples and resamples

    Returns
    -------
    results : columns :data:`ABX_COLUMNS`, one row per target, condition and layer; ``value`` is 0 to 1, higher is
        better, 0.5 is chance; ``n`` counts the items used, ``n_groups`` their speakers
    contrasts : columns :data:`CONTRAST_COLUMNS`, one row per ordered pair ``label`` (A, X), ``other`` (B)

    Raises
    ------
    AnalysisError
        A tier, column, condition or distance does not exist; no cell can be formed; vectors are not finite or do not
        suit the distance; there is no target.
    """
    _require_targets(targets, corpus)
    scored: Scored = []
    for target in targets:
        own = settings.of(target)
        rows = np.flatnonzero(activations.index["tier"] == target["tier"])
        if not len(rows):
            tiers = ", ".join(sorted(activations.index["tier"].unique()))
            raise AnalysisError(
                f"target {target['name']!r}: expected items of tier {target['tier']!r}, found only the tiers {tiers}"
            )
        items = add_neighbours(activations.index.iloc[rows].reset_index(drop=True))
        tasks = _tasks(items, target, own, seed)
        speakers = _speakers(items, own.standardise, own.distance)
        stores = _layer_stores(activations, rows, speakers, own.distance, f"{model} {step} {target['name']}")
        columns = {"target": target["name"], "tier": target["tier"], "distance": _described(own.distance, speakers)}
        scored += _score(tasks, stores, columns, own.n_resamples, seed)
    return _tables(scored, corpus=corpus, model=model, step=str(step))


def abx_frames(
    model: "FrameModel",
    corpus: "Corpus",
    items: pd.DataFrame,
    *,
    target: str = "phone",
    run: tuple[str, str] | None = None,
    layers: Sequence[str] | None = None,
    frames: FrameComparison = FrameComparison(),
    timing: "FrameTiming | None" = None,
    settings: AbxSettings = AbxSettings(),
    limits: Limits = Limits(),
    seed: int = 0,
) -> Tables:
    """Score items by their frames, such as the items of a Libri-Light item file.

    Parameters
    ----------
    model, corpus : model and recordings of the frames
    items : columns ``utterance, onset, offset`` (samples), ``label, previous, next, speaker``, as returned by
        :func:`auscult.analyses.abx.items.read_items`
    target : its name in the tables
    run : (model, step) in the tables; by default the model's name and ``final``
    layers : by default all
    frames : how frames are compared, by which distance. Libri-Light's evaluation drops the last frame of every item,
        which lowers its published scores; without ``drop_last_frame``, an item has exactly the frames given by
        :mod:`auscult.models.frames`
    timing : the times of frames if they differ from the model's, such as frames centred in their hop
    settings : conditions, maximum numbers and resamples; the distance is taken from ``frames``
    limits : audio, frames and distances held at once
    seed : of samples and resamples

    Returns
    -------
    results, contrasts : as returned by :func:`abx_activations`; ``n`` counts items that have frames

    Raises
    ------
    AnalysisError
        As in :func:`abx_activations`, or a layer does not exist or does not fit into memory.
    CorpusError, AudioError
        A recording does not exist, has another sample rate than the model, or is shorter than a frame.
    """
    named = {"name": target, "column": "label"}
    own = settings.of(named)
    kept, where = find_frames(model, corpus, items, drop_last_frame=frames.drop_last_frame, timing=timing)
    tasks = _tasks(items.iloc[kept].reset_index(drop=True), named, own, seed)
    used = np.unique(np.concatenate([task.rows for _, task in tasks]))
    speakers = _speakers(items.iloc[kept[used]], own.standardise, frames.distance)
    found = read_frames(model, corpus, where.take(used), compared=frames.frames, layers=layers, limits=limits)
    stores = (
        (
            layer.layer,
            lambda rows, layer=layer: layer.store(np.searchsorted(used, rows), frames.frames, frames.distance),
        )
        for layer in (found if speakers is None else (layer.standardised(speakers) for layer in found))
    )
    columns = {
        "target": target,
        "tier": target,
        "distance": _described(f"{frames.distance}, {frames.frames}", speakers),
    }
    name, step = run or (model.name, "final")
    scored = _score(tasks, stores, columns, own.n_resamples, seed, limits.max_pairs)
    return _tables(scored, corpus=corpus.name, model=name, step=step)


def abx_item_files(
    model: "FrameModel",
    corpus: "Corpus",
    *,
    targets: Sequence[Mapping[str, Any]],
    run: tuple[str, str] | None = None,
    settings: AbxSettings = AbxSettings(),
    limits: Limits = Limits(),
    seed: int = 0,
) -> Tables:
    """Score the items of files, target by target.

    Parameters
    ----------
    model, corpus, run, settings, limits, seed : as in :func:`abx_frames`
    targets : each with ``name``, ``items`` (the path of its file, see :func:`auscult.analyses.abx.items.read_items`)
        and, optionally, settings of :class:`~auscult.analyses.abx.settings.FrameComparison` and its own ``contexts``
        and ``speakers``

    Returns
    -------
    results, contrasts : as returned by :func:`abx_activations`

    Raises
    ------
    AnalysisError, CorpusError, AudioError, LabelError
        As in :func:`abx_frames` and :func:`~auscult.analyses.abx.items.read_items`.
    """
    _require_targets(targets, corpus.name)
    tables = [
        abx_frames(
            model,
            corpus,
            read_items(target["items"], corpus.utterances),
            target=target["name"],
            run=run,
            frames=settings_from(FrameComparison, target),
            settings=settings.of(target),
            limits=limits,
            seed=seed,
        )
        for target in targets
    ]
    results, contrasts = zip(*tables)
    return pd.concat(results, ignore_index=True), pd.concat(contrasts, ignore_index=True)


def _require_targets(targets: Sequence[Mapping[str, Any]], corpus: str) -> None:
    if not targets:
        raise AnalysisError(f"expected at least one target for corpus {corpus!r}, found none; name one")


def _tasks(items: pd.DataFrame, target: Mapping[str, Any], settings: AbxSettings, seed: int) -> Tasks:
    shared = {"in": tuple(target.get("context") or _NEIGHBOURS), "any": ()}
    tasks = []
    for context, speaker in product(settings.contexts, settings.speakers):
        same, across = _SPEAKER_COLUMNS[speaker]
        task = make_abx_task(
            items,
            on=target["column"],
            by=(*shared[context], *same),
            across=across,
            name=f"{target['name']}, {context} context, {speaker} speaker",
            max_items_per_bin=settings.max_items_per_bin,
            max_cells=settings.max_cells,
            seed=seed,
        )
        tasks.append(({"context": context, "speaker": speaker}, task))
    return tasks


def _speakers(items: pd.DataFrame, standardise: bool, distance: Distance) -> npt.NDArray[Any] | None:
    """Return the code of each item's speaker from 0, or None if vectors are not standardised."""
    if not standardise or distance == "kl":
        return None
    return np.unique(items["speaker"].astype(str).to_numpy(), return_inverse=True)[1]


def _described(distance: str, speakers: npt.NDArray[Any] | None) -> str:
    return distance if speakers is None else f"{distance}, standardised"


def _layer_stores(
    activations: Activations,
    rows: npt.NDArray[Any],
    speakers: npt.NDArray[Any] | None,
    distance: Distance,
    description: str,
) -> Iterator[LayerStore]:
    for layer in tqdm(activations.layers, desc=description, disable=None):
        x = activations.load(layer, rows)
        # Vectors that are not finite are refused with their number when distances are taken.
        if speakers is not None and np.isfinite(x).all():
            x = standardise_by_others(x, speakers)
        yield layer, partial(_vectors, x, distance, f"layer {layer!r}")


def _vectors(x: npt.NDArray[Any], distance: Distance, where: str, rows: npt.NDArray[Any]) -> Vectors:
    return Vectors(x[rows], distance, where)


def _score(
    tasks: Tasks,
    stores: Iterable[LayerStore],
    columns: Mapping[str, str],
    n_resamples: int,
    seed: int,
    max_pairs: int = MAX_PAIRS,
) -> Scored:
    """Return the row and the contrasts of every condition and layer; one layer is held at a time."""
    layers: list[str] = []
    scores: list[list[npt.NDArray[Any]]] = [[] for _ in tasks]
    for layer, store in stores:
        layers.append(layer)
        for found, (_, task) in zip(scores, tasks):
            found.append(score_cells(task, store(task.rows), max_pairs))
    scored: Scored = []
    for (condition, task), found in zip(tasks, scores):
        summaries = summarise_abx(task, np.stack(found), n_resamples=n_resamples, seed=seed)
        for layer, (row, contrasts) in zip(layers, summaries):
            named = {**columns, **condition, "layer": layer}
            scored.append((named | row, contrasts.assign(**named)))
    return scored


def _tables(scored: Scored, **run: str) -> Tables:
    rows, contrasts = zip(*scored)
    results = pd.DataFrame(rows).assign(metric=METRIC, **run)
    by_contrast = pd.concat(contrasts, ignore_index=True).assign(metric=METRIC, **run)
    return check_results(results[list(ABX_COLUMNS)]), by_contrast[list(CONTRAST_COLUMNS)]
