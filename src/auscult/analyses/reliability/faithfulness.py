"""Faithfulness of attributions: the change of the output when segments are removed in order of their scores.

For faithful scores, comprehensiveness p(x) − p(x without the top k) is large and sufficiency p(x) − p(only the top k)
is small; both are averaged over several k (DeYoung and others, 2020, equations 1 and 2). Deletion removes segments from
the highest score down, insertion adds them to silence; the area under each curve is measured (Petsiuk and others,
2018). All are compared with random orders of the same segments of the same utterance, so that differences between
utterances cancel.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from auscult.analyses.reliability.measures import is_constant, n_top
from auscult.analyses.reliability.settings import ReliabilitySettings

__all__ = ["BETTER", "Orders", "draw_orders", "plan_masks", "measure_orders", "faithfulness_items"]

# 1 where a higher value is better, −1 where a lower one is.
BETTER = {"comprehensiveness": 1, "sufficiency": -1, "deletion_auc": -1, "insertion_auc": 1}


@dataclass(frozen=True)
class Orders:
    """Orders in which the segments of one utterance are removed, by several methods and at random.

    Parameters
    ----------
    methods : names of the first rows of ``ranks``; the remaining rows are random orders
    ranks : position of every segment in each order, 0 is removed first [shape=(n_orders, n_segments)]
    constant : whether all scores of a method are equal [shape=(n_methods,)]
    """

    methods: tuple[str, ...]
    ranks: np.ndarray
    constant: np.ndarray


def draw_orders(scores: Mapping[str, np.ndarray], *, n_random: int, generator: np.random.Generator) -> Orders:
    """Order segments by the scores of each method, with ties at random, and add ``n_random`` random orders.

    Parameters
    ----------
    scores : of each method [shape=(n_segments,)]
    """
    given = np.stack(list(scores.values()))
    noise = generator.random((len(given) + n_random, given.shape[1]))
    everything = np.concatenate([-given, np.zeros((n_random, given.shape[1]))])
    # lexsort sorts by its last key first: scores decide, noise breaks ties.
    order = np.lexsort((noise, everything), axis=1)
    return Orders(tuple(scores), np.argsort(order, axis=1), is_constant(given))


def plan_masks(
    orders: Orders,
    *,
    shares: Sequence[float] = ReliabilitySettings.shares,
    n_points: int = ReliabilitySettings.n_points,
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return the distinct sets of segments to run, and the index of each step of the curves among them.

    Parameters
    ----------
    shares : shares of segments for comprehensiveness and sufficiency, in (0, 1]
    n_points : steps of a curve, in equal shares of segments; at most one per segment

    Returns
    -------
    counts : number of segments removed at each step, from none to all [shape=(n_steps,)]
    masks : True where a segment is kept [shape=(n_masks, n_segments)]; the first is the whole utterance
    places : index into ``masks`` of each order at each step [shape=(2, n_orders, n_steps)], deletion and insertion
    """
    n_segments = orders.ranks.shape[1]
    curve = np.round(np.linspace(0, n_segments, n_points + 1)).astype(int)
    counts = np.unique([*curve, *(n_top(n_segments, share) for share in shares)])
    taken = orders.ranks[:, None] < counts[:, None]
    everything = np.concatenate([np.ones((1, n_segments), bool), np.stack([~taken, taken]).reshape(-1, n_segments)])
    packed = np.packbits(everything, axis=1)
    _, first, inverse = np.unique(packed, axis=0, return_index=True, return_inverse=True)
    order = np.argsort(first)
    places = np.argsort(order)[inverse.reshape(-1)][1:]
    return counts, everything[first[order]], places.reshape(2, len(orders.ranks), len(counts))


def measure_orders(
    values: np.ndarray, counts: np.ndarray, places: np.ndarray, *, shares: Sequence[float] = ReliabilitySettings.shares
) -> tuple[dict[str, np.ndarray], np.ndarray]:
    """Return measures and curves of each order from the outputs for the masks of :func:`plan_masks`.

    Parameters
    ----------
    values : p for each mask [shape=(n_masks,)]

    Returns
    -------
    measures : by the names in :data:`BETTER` [each of shape=(n_orders,)]
    curves : deletion and insertion [shape=(2, n_orders, n_steps)]
    """
    curves = values[places]
    n_segments = counts[-1]
    at = np.searchsorted(counts, [n_top(n_segments, share) for share in shares])
    drops = values[0] - curves[:, :, at].mean(axis=-1)
    areas = np.trapezoid(curves, counts / n_segments, axis=-1)
    return dict(zip(BETTER, (*drops, *areas))), curves


def faithfulness_items(
    orders: Orders,
    value: Callable[[np.ndarray], np.ndarray],
    about: dict[str, Any],
    settings: ReliabilitySettings = ReliabilitySettings(),
) -> list[dict[str, Any]]:
    """Compare the scores of every method on one utterance with random orders of the same segments.

    Parameters
    ----------
    orders : as returned by :func:`draw_orders`
    value : maps masks [shape=(n_masks, n_segments)] to p with only their segments kept [shape=(n_masks,)]
    about : entries that all items share: ``utterance, input, unit``
    settings : ``shares`` and ``n_points`` are used

    Returns
    -------
    items : question ``faithfulness``. Each measure has its value, with the mean of the random orders as chance, and a
        ``…_gain``: the difference, positive if the method beats random orders. Both curves have a value per
        ``fraction`` of segments. A method with constant scores has no order and no value, and is counted
    """
    counts, masks, places = plan_masks(orders, shares=settings.shares, n_points=settings.n_points)
    measures, curves = measure_orders(np.asarray(value(masks), dtype=float), counts, places, shares=settings.shares)
    n_methods, grid = len(orders.methods), np.linspace(0, 1, settings.n_points + 1)
    at_grid = np.apply_along_axis(lambda curve: np.interp(grid, counts / counts[-1], curve), -1, curves)
    items = []
    for place, (method, constant) in enumerate(zip(orders.methods, orders.constant)):
        shared = about | {
            "question": "faithfulness",
            "method": method,
            "against": "random orders",
            "n_constant": int(constant),
            "n_segments": orders.ranks.shape[1],
        }
        rows: list[tuple[str, float, float, float]] = []  # metric, fraction, chance, value
        for metric, better in BETTER.items():
            chance = measures[metric][n_methods:].mean()
            rows.append((metric, np.nan, chance, measures[metric][place]))
            rows.append((f"{metric}_gain", np.nan, 0.0, better * (measures[metric][place] - chance)))
        for name, curve in zip(("deletion", "insertion"), at_grid):
            by_chance = curve[n_methods:].mean(axis=0)
            rows += [(name, *points) for points in zip(grid, by_chance, curve[place])]
        for metric, fraction, chance, height in rows:
            about_row = {"metric": metric, "fraction": fraction, "chance": chance}
            items.append(shared | about_row | {"value": np.nan if constant else height})
    return items
