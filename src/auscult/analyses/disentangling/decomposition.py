"""Parts of a vector: its components in each factor's subspace and the rest, and how much of a score each contributes.

A part is removed by replacing it with its mean over the training speakers. The parts of a vector add up to the vector,
and their shares of a score to the score.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from math import comb

import numpy as np

from auscult.analyses.disentangling.columns import REST
from auscult.erasure.erasers import Eraser

__all__ = ["REST", "Parts", "joint_parts", "exact_shapley", "shapley_of_parts"]


@dataclass(frozen=True)
class Parts:
    """Projections that add up to the identity: one per factor and one for the rest.

    Parameters
    ----------
    mean : subtracted first; the baseline of every attribution [shape=(n_dims,)]
    projections : projection of each part, which is projection @ (x − mean) [shapes=(n_dims, n_dims)]
    """

    mean: np.ndarray
    projections: Mapping[str, np.ndarray]

    def split(self, x: np.ndarray) -> dict[str, np.ndarray]:
        """Return the parts of vectors [shapes=(n, n_dims)]; their sum is x − mean."""
        centred = x - self.mean
        return {name: centred @ projection.T for name, projection in self.projections.items()}


def joint_parts(erasers: Mapping[str, Eraser]) -> Parts:
    """Split vectors into one part per factor, in the subspace that its eraser removes, and the rest.

    Erasers are fitted one by one, so the components that two of them remove overlap where their subspaces are not
    orthogonal. With the columns of L and the rows of R of all erasers side by side, the coordinates of a vector in all
    subspaces together are c = (R L)⁺ R (x − μ); the part of a factor is its columns of L times its coordinates. This is
    the least-squares split in the metric of the erasers (for LEACE, the whitened one). If the subspaces are orthogonal,
    each part is what its own eraser removes; if they coincide, they share equally.

    Parameters
    ----------
    erasers : eraser of each factor, all by one method and fitted on the same vectors
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
    """Return the Shapley values of a few players from the values of all their coalitions.

    φ_p = Σ_S |S|! (k − |S| − 1)! / k! · (v(S ∪ p) − v(S)) over the coalitions S without p (Shapley, 1953). They add up
    to v(all) − v(none).

    Parameters
    ----------
    values : value v(S) of every coalition S, at position Σ 2^p over its players p [shape=(2^k, ...)]

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


def shapley_of_parts(
    score: Callable[[np.ndarray], np.ndarray], parts: Parts, x: np.ndarray, codes: np.ndarray
) -> dict[str, np.ndarray]:
    """Return the exact Shapley value of each part, over all 2^k coalitions, for each item's score of its own class.

    Parameters
    ----------
    score : maps vectors to scores [shape=(n, n_classes)]; need not be linear
    parts : parts of the vectors
    x : vectors [shape=(n, n_dims)]
    codes : class of each item, whose score is attributed [shape=(n,)]

    Returns
    -------
    values of each part, in units of the score; their sum is score(x) − score(mean) [shapes=(n,)]
    """
    split, rows = parts.split(x), np.arange(len(x))
    values = []
    for coalition in range(2 ** len(split)):
        present = [part for position, part in enumerate(split.values()) if coalition >> position & 1]
        values.append(score(parts.mean + sum(present, np.zeros_like(x)))[rows, codes])
    return dict(zip(split, exact_shapley(np.stack(values))))
