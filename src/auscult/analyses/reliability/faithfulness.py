"""Whether a prediction rests on what an attribution says it rests on: take segments away and watch the output.

Comprehensiveness p(x) − p(x without the top k) is large, sufficiency p(x) − p(only the top k) small, where the scores
are faithful; both are averaged over several k (DeYoung and others, 2020, equations 1 and 2). Deletion takes segments
away from the highest score down, insertion adds them to silence; the area under either curve (Petsiuk and others, 2018)
is set against random orders of the same segments, utterance by utterance, so that an easy utterance helps no method.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from auscult.analyses.reliability.measures import is_constant, n_top

__all__ = ["SHARES", "BETTER", "Orders", "draw_orders", "plan_masks", "measure_orders", "faithfulness_items"]

SHARES = (0.1, 0.2, 0.3, 0.4, 0.5)
# Whether a higher or a lower value is the better one.
BETTER = {"comprehensiveness": 1, "sufficiency": -1, "deletion_auc": -1, "insertion_auc": 1}


@dataclass(frozen=True)
class Orders:
    """Orders in which the segments of one utterance are taken away, of several methods and by chance.

    Parameters
    ----------
    methods : the first rows of ``ranks``, one each; the others are random
    ranks : place of every segment in each order, 0 is taken first [shape=(n_orders, n_segments)]
    constant : whether a method's scores tell no segment from another [shape=(n_methods,)]
    """

    methods: tuple[str, ...]
    ranks: np.ndarray
    constant: np.ndarray


def draw_orders(scores: Mapping[str, np.ndarray], *, n_random: int, generator: np.random.Generator) -> Orders:
    """Order segments by the scores of each method, equal scores at random, and ``n_random`` times by chance alone.

    Parameters
    ----------
    scores : of each method [shape=(n_segments,)]
    """
    given = np.stack(list(scores.values()))
    noise = generator.random((len(given) + n_random, given.shape[1]))
    everything = np.concatenate([-given, np.zeros((n_random, given.shape[1]))])
    # lexsort sorts by its last key first: the score decides, noise only between equals.
    order = np.lexsort((noise, everything), axis=1)
    return Orders(tuple(scores), np.argsort(order, axis=1), is_constant(given))


def plan_masks(
    orders: Orders, *, shares: Sequence[float] = SHARES, n_points: int = 10
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return each distinct set of segments that must be heard, and where the curves find their values.

    Parameters
    ----------
    shares : of segments, for comprehensiveness and sufficiency, in (0, 1]
    n_points : steps of a curve, in equal shares of segments; fewer where there are fewer segments

    Returns
    -------
    counts : how many segments have been taken at each step, from none to all [shape=(n_steps,)]
    masks : True where a segment is heard [shape=(n_masks, n_segments)]; the first is the whole utterance
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
    values: np.ndarray, counts: np.ndarray, places: np.ndarray, *, shares: Sequence[float] = SHARES
) -> tuple[dict[str, np.ndarray], np.ndarray]:
    """Return each order's measures and curves from the outputs on the masks of :func:`plan_masks`.

    Parameters
    ----------
    values : p on each mask [shape=(n_masks,)]

    Returns
    -------
    measures : of each order, by the names of :data:`BETTER` [each of shape=(n_orders,)]
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
    about: dict,
    *,
    shares: Sequence[float] = SHARES,
    n_points: int = 10,
) -> list[dict]:
    """Measure every method's scores on one utterance against the random orders of the same segments.

    Parameters
    ----------
    orders : as of :func:`draw_orders`
    value : maps masks [shape=(n_masks, n_segments)] to the output p with only their segments heard [shape=(n_masks,)]
    about : what the items have in common: ``utterance, input, unit``

    Returns
    -------
    items : question ``faithfulness``; of each measure its value, with the mean of the random orders as chance, and
        ``…_gain``, the difference, positive where the method beats random orders; of both curves the value at each
        tenth (``fraction``). A method with constant scores has no order, is counted, and has no value
    """
    counts, masks, places = plan_masks(orders, shares=shares, n_points=n_points)
    measures, curves = measure_orders(np.asarray(value(masks), dtype=float), counts, places, shares=shares)
    n_methods, grid = len(orders.methods), np.linspace(0, 1, n_points + 1)
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
        found = {}
        for metric, better in BETTER.items():
            chance = measures[metric][n_methods:].mean()
            found[metric] = measures[metric][place], chance, np.nan
            found[f"{metric}_gain"] = better * (measures[metric][place] - chance), 0.0, np.nan
        for name, curve in zip(("deletion", "insertion"), at_grid):
            for fraction, height, chance in zip(grid, curve[place], curve[n_methods:].mean(axis=0)):
                found[name, fraction] = height, chance, fraction
        for key, (height, chance, fraction) in found.items():
            items.append(
                shared
                | {
                    "metric": key if isinstance(key, str) else key[0],
                    "fraction": fraction,
                    "chance": chance,
                    "value": np.nan if constant else height,
                }
            )
    return items
