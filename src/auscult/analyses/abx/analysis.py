"""ABX: whether items of one category are nearer to each other than to another's, without training anything.

A triple has A and X of one category and B of another; it is won if d(a, x) < d(b, x), a tie is half won (Schatz and
others, 2013). Scores are averaged over triples within cells, cells within speakers of A and B, speakers within
contrasts (ordered pairs of categories), and contrasts: each contrast counts alike, however frequent, as in Libri-Light
(Kahn and others, 2020). The tables give accuracy; the ABX error is one minus it.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from itertools import product
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
from tqdm import tqdm

from auscult.analyses.abx.cells import MAX_PAIRS, score_cells
from auscult.analyses.abx.distances import Distance, Store, Vectors
from auscult.analyses.abx.frames import MAX_BYTES, Compared, find_frames, read_frames
from auscult.analyses.abx.items import read_items
from auscult.analyses.abx.summary import summarise_abx
from auscult.analyses.abx.tasks import AbxTask, add_neighbours, make_abx_task
from auscult.errors import AnalysisError
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


_CONTEXTS, _SPEAKERS = ("in", "any"), {"within": (("speaker",), None), "across": ((), "speaker"), "any": ((), None)}

Tables = tuple[pd.DataFrame, pd.DataFrame]


@dataclass(frozen=True)
class AbxSettings:
    """How items are compared.

    Parameters
    ----------
    contexts : ``in`` (A, B and X share the context) or ``any``
    speakers : ``within`` (A, B and X are one speaker's), ``across`` (A and B are one speaker's, X another's) or ``any``
    distance : see :class:`~auscult.analyses.abx.distances.Vectors`
    max_items_per_bin, max_cells : see :func:`~auscult.analyses.abx.tasks.make_abx_task`
    max_pairs : most distances held at once; see :func:`~auscult.analyses.abx.cells.score_cells`
    n_resamples : bootstrap samples of an interval
    seed : of subsampling and resampling
    """

    contexts: Sequence[str] = ("in", "any")
    speakers: Sequence[str] = ("within", "across")
    distance: Distance = "cosine"
    max_items_per_bin: int | None = None
    max_cells: int | None = None
    max_pairs: int = MAX_PAIRS
    n_resamples: int = 2000
    seed: int = 0

    def of(self, target: Mapping[str, Any]) -> "AbxSettings":
        """Return the settings with a target's own contexts and speakers, checked."""
        own = replace(self, **{key: target[key] for key in ("contexts", "speakers") if target.get(key) is not None})
        for asked, known, what in ((own.contexts, _CONTEXTS, "contexts"), (own.speakers, _SPEAKERS, "speakers")):
            unknown = [value for value in asked if value not in known]
            if unknown or not len(asked):
                found = repr(unknown[0]) if unknown else "none; name one or more"
                raise AnalysisError(f"target {target['name']!r}: expected {what} of {', '.join(known)}, found {found}")
        return own


def abx_activations(
    activations: Any, *, targets: Sequence[Mapping[str, Any]], corpus: str, model: str, step: str, **settings: Any
) -> Tables:
    """Score every layer of pooled activations for every target and condition.

    Parameters
    ----------
    activations : has ``layers``, ``index`` (one row per segment) and ``load(layer, rows)``
    targets : each with ``name``, ``tier``, ``column`` of the index and, optionally, ``context``: the columns that items
        compared in context share, by default ``previous`` and ``next``, the labels of the neighbours in the tier; and
        its own ``contexts`` and ``speakers``
    corpus, model, step : copied into the tables
    settings : of :class:`AbxSettings`

    Returns
    -------
    results : columns :data:`ABX_COLUMNS`, one row per target, condition and layer; ``value`` is 0 to 1, higher is
        better, 0.5 is chance; ``n`` counts the items used, ``n_groups`` their speakers
    contrasts : columns :data:`CONTRAST_COLUMNS`, one row per ordered pair ``label`` (A, X), ``other`` (B)

    Raises
    ------
    AnalysisError
        A tier, column, condition or distance does not exist; no cell can be formed; vectors are unusable; nothing is
        asked for.
    """
    if not targets:
        raise AnalysisError(f"expected a target or more to score on corpus {corpus!r}, found none; name one")
    scored = []
    for target in targets:
        own = AbxSettings(**settings).of(target)
        rows = np.flatnonzero(activations.index["tier"] == target["tier"])
        if not len(rows):
            tiers = ", ".join(sorted(activations.index["tier"].unique()))
            raise AnalysisError(
                f"target {target['name']!r}: expected items of tier {target['tier']!r}, found only the tiers {tiers}"
            )
        tasks = _tasks(add_neighbours(activations.index.iloc[rows].reset_index(drop=True)), target, own)
        stores = _stores(activations, rows, own.distance, f"{model} {step} {target['name']}")
        about = {"target": target["name"], "tier": target["tier"], "distance": own.distance}
        scored += _score(tasks, stores, about, own)
    return _tables(scored, corpus=corpus, model=model, step=str(step))


def abx_frames(
    model: "FrameModel",
    corpus: "Corpus",
    items: pd.DataFrame,
    *,
    layers: Sequence[str] | None = None,
    frames: Compared = "dtw",
    drop_last_frame: bool = False,
    timing: "FrameTiming | None" = None,
    name: str = "phone",
    model_name: str | None = None,
    step: str = "final",
    batch_s: float = 60.0,
    max_bytes: int = MAX_BYTES,
    **settings: Any,
) -> Tables:
    """Score frames of items, such as those of a Libri-Light item file.

    Parameters
    ----------
    model, corpus : whose frames, of which recordings
    items : columns ``utterance, onset, offset`` (samples), ``label, previous, next, speaker``, as
        :func:`auscult.analyses.abx.items.read_items` returns them
    layers : by default all
    frames : ``dtw`` compares an item's sequence of frames by dynamic time warping, ``mean`` their mean
    drop_last_frame : leave out each item's last frame, and items of one frame, as Libri-Light's evaluation does: its
        published scores are lower for it. Without, an item takes exactly the frames of :mod:`auscult.models.frames`
    timing : the frames' times, if other than the model's, such as frames that are centred in their hop
    name, model_name, step : of target and model in the tables; the model's own name by default
    batch_s : seconds of audio a batch
    max_bytes : most memory for frames; see :func:`~auscult.analyses.abx.frames.read_frames`
    settings : of :class:`AbxSettings`; by default in context, by angular distance

    Results and errors are those of :func:`abx_activations`; ``n`` counts items that have frames.
    """
    target = {"name": name, "column": "label"}
    own = AbxSettings(**{"contexts": ("in",), "distance": "angular"} | settings).of(target)
    kept, where = find_frames(model, corpus, items, drop_last_frame=drop_last_frame, timing=timing)
    tasks = _tasks(items.iloc[kept].reset_index(drop=True), target, own)
    used = np.unique(np.concatenate([task.rows for _, task in tasks]))
    found = read_frames(
        model, corpus, where.take(used), layers=layers, compared=frames, batch_s=batch_s, max_bytes=max_bytes
    )
    stores = ((f.layer, lambda rows, f=f: f.store(np.searchsorted(used, rows), frames, own.distance)) for f in found)
    about = {"target": name, "tier": name, "distance": f"{own.distance}, {frames}"}
    return _tables(_score(tasks, stores, about, own), corpus=corpus.name, model=model_name or model.name, step=step)


def abx_item_files(
    model: "FrameModel", corpus: "Corpus", *, targets: Sequence[Mapping[str, Any]], **settings: Any
) -> Tables:
    """Score the items of files, target by target.

    Parameters
    ----------
    model, corpus : as of :func:`abx_frames`
    targets : each with ``name``, ``items``, the path of its file (see :func:`auscult.analyses.abx.items.read_items`)
        and any parameter of :func:`abx_frames` of its own
    settings : other parameters of :func:`abx_frames`

    Results and errors are those of :func:`abx_frames` and :func:`~auscult.analyses.abx.items.read_items`.
    """
    if not targets:
        raise AnalysisError(f"expected a target or more to score on corpus {corpus.name!r}, found none; name one")
    tables = []
    for target in targets:
        own = {key: value for key, value in target.items() if key != "items"}
        tables.append(abx_frames(model, corpus, read_items(target["items"], corpus.utterances), **settings | own))
    return tuple(pd.concat(parts, ignore_index=True) for parts in zip(*tables))


def _tasks(
    items: pd.DataFrame, target: Mapping[str, Any], settings: AbxSettings
) -> list[tuple[dict[str, str], AbxTask]]:
    shared = {"in": tuple(target.get("context") or _NEIGHBOURS), "any": ()}
    tasks = []
    for context, speaker in product(settings.contexts, settings.speakers):
        voice, across = _SPEAKERS[speaker]
        task = make_abx_task(
            items,
            on=target["column"],
            by=(*shared[context], *voice),
            across=across,
            name=f"{target['name']}, {context} context, {speaker} speaker",
            max_items_per_bin=settings.max_items_per_bin,
            max_cells=settings.max_cells,
            seed=settings.seed,
        )
        tasks.append(({"context": context, "speaker": speaker}, task))
    return tasks


def _stores(
    activations: Any, rows: np.ndarray, distance: Distance, what: str
) -> Iterator[tuple[str, Callable[[np.ndarray], Store]]]:
    for layer in tqdm(activations.layers, desc=what, disable=None):
        yield layer, partial(_vectors, activations.load(layer, rows), distance, f"layer {layer!r}")


def _vectors(x: np.ndarray, distance: Distance, what: str, rows: np.ndarray) -> Vectors:
    return Vectors(x[rows], distance, what)


def _score(
    tasks: list[tuple[dict[str, str], AbxTask]],
    stores: Iterable[tuple[str, Callable[[np.ndarray], Store]]],
    about: dict[str, str],
    settings: AbxSettings,
) -> list[tuple[dict[str, Any], pd.DataFrame]]:
    """Return the row and the contrasts of every condition and layer; layers are compared one after the other."""
    layers, scores, scored = [], [[] for _ in tasks], []
    for layer, store in stores:
        layers.append(layer)
        for found, (_, task) in zip(scores, tasks):
            found.append(score_cells(task, store(task.rows), settings.max_pairs))
    for (condition, task), found in zip(tasks, scores):
        summaries = summarise_abx(task, np.stack(found), n_resamples=settings.n_resamples, seed=settings.seed)
        for layer, (row, contrasts) in zip(layers, summaries):
            named = about | condition | {"layer": layer}
            scored.append((named | row, contrasts.assign(**named)))
    return scored


def _tables(scored: list[tuple[dict, pd.DataFrame]], **run: str) -> Tables:
    rows, contrasts = zip(*scored)
    results = pd.DataFrame(rows).assign(metric=METRIC, **run)
    by_contrast = pd.concat(contrasts, ignore_index=True).assign(metric=METRIC, **run)
    return check_results(results[list(ABX_COLUMNS)]), by_contrast[list(CONTRAST_COLUMNS)]
