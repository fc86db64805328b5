"""Parts of a vector: what lies in each factor's subspace and the rest, and how much of a prediction runs through each.

A part is taken away by putting its mean, over the training speakers, in its place. The parts of a vector add up to it,
and their shares of a prediction to the prediction.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from math import comb

import numpy as np

from auscult.erasure.erasers import Eraser

__all__ = ["REST", "Parts", "joint_parts", "exact_shapley", "shapley_of_parts"]

REST = "rest"


@dataclass(frozen=True)
class Parts:
    """Projections that add up to the identity, one for each factor and one for the rest.

    Parameters
    ----------
    mean : what is subtracted first: the baseline of every attribution [shape=(n_dims,)]
    projections : of each part; a part is projection @ (x − mean) [shapes=(n_dims, n_dims)]
    """

    mean: np.ndarray
    projections: Mapping[str, np.ndarray]

    def split(self, x: np.ndarray) -> dict[str, np.ndarray]:
        """Return the parts of vectors minus their mean [shapes=(n, n_dims)]; together they are x − mean."""
        centred = x - self.mean
        return {name: centred @ projection.T for name, projection in self.projections.items()}


def joint_parts(erasers: Mapping[str, Eraser]) -> Parts:
    """Split vectors into what erasers of several factors would remove, and what all of them leave.

    Erasers are fitted one by one, and what two of them remove overlaps where their factors' spaces are not orthogonal.
    With the columns of L and the rows of R of all erasers side by side, the coordinates of a vector in all spaces at
    once are c = (R L)⁺ R (x − μ), and the part of a factor is its columns of L times its coordinates: the least-squares
    split, in the metric of the erasers (of LEACE the whitened one). With orthogonal spaces, it is each eraser's own.
    Where spaces coincide, each has the same share.

    Parameters
    ----------
    erasers : of each factor, of one method, fitted on the same vectors
    """
    left = np.hstack([eraser.left for eraser in erasers.values()])
    right = np.vstack([eraser.right for eraser in erasers.values()])
    coordinates = np.linalg.pinv(right @ left, rcond=1e-9) @ right
    projections, start = {}, 0
    for factor, eraser in erasers.items():
        own = slice(start, start + eraser.rank)
        projections[factor] = left[:, own] @ coordinates[own]
        start += eraser.rank
    mean = next(iter(erasers.values())).mean
    projections[REST] = np.eye(len(mean)) - left @ coordinates
    return Parts(mean, projections)


def exact_shapley(values: np.ndarray) -> np.ndarray:
    """Return the Shapley values of few players from the values of all their coalitions.

    φ_p = Σ_S |S|! (k − |S| − 1)! / k! · (v(S ∪ p) − v(S)) over the coalitions S without p (Shapley, 1953). They add up
    to v(all) − v(none).

    Parameters
    ----------
    values : v of coalition S at place Σ 2^p over its players p [shape=(2^k, ...)]

    Returns
    -------
    shares [shape=(k, ...)]
    """
    n = int(np.log2(len(values)))
    coalitions = np.arange(len(values))
    sizes = np.array([int(code).bit_count() for code in coalitions])
    weights = np.array([1 / (n * comb(n - 1, size)) for size in range(n)])
    shares = []
    for player in range(n):
        without = coalitions[(coalitions >> player) & 1 == 0]
        gains = values[without | (1 << player)] - values[without]
        shares.append(np.tensordot(weights[sizes[without]], gains, axes=1))
    return np.stack(shares)


def shapley_of_parts(score, parts: Parts, x: np.ndarray, codes: np.ndarray) -> dict[str, np.ndarray]:
    """Return how much of each item's score for its class runs through each part, exactly: by all 2^k coalitions.

    Parameters
    ----------
    score : maps vectors to scores [shape=(n, n_classes)]; need not be linear
    x : vectors [shape=(n, n_dims)]
    codes : the class whose score is shared out, of each item [shape=(n,)]

    Returns
    -------
    shares of each part, in units of the score; together score(x) − score(mean) [shapes=(n,)]
    """
    split, rows = parts.split(x), np.arange(len(x))
    values = []
    for coalition in range(2 ** len(split)):
        present = [part for place, part in enumerate(split.values()) if coalition >> place & 1]
        values.append(score(parts.mean + sum(present, np.zeros_like(x)))[rows, codes])
    return dict(zip(split, exact_shapley(np.stack(values))))
