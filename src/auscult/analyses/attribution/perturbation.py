"""Attribution by taking units of the input away: feature ablation, occlusion, LIME and KernelSHAP, in batches.

All four ask the same thing: what is the prediction worth while only some units are there? A :class:`Game` answers,
many coalitions at a time, and none of them twice, whichever method asks.
"""

from itertools import product
from math import comb

import numpy as np
import torch
from torch import Tensor

from auscult.analyses.attribution.gradients import Function
from auscult.errors import AnalysisError

__all__ = [
    "Game",
    "ablation",
    "occlusion_spans",
    "occlusion",
    "n_coalitions",
    "shapley_coalitions",
    "solve_shapley",
    "kernel_shap",
    "lime_coalitions",
    "solve_lime",
    "lime",
]

# Above this many players the number of coalitions is larger than anyone can ask for.
_ENUMERABLE = 20
# Sampled coalitions for each player: with fewer, scores say more of the sample than of the model.
_SAMPLES_EACH = 8


class Game:
    """The worth of every coalition of units: the prediction while all other units are replaced by a baseline.

    Parameters
    ----------
    function : one number for each input of a batch
    values, baseline : the input and its absence, of one shape
    spans : positions of each unit, see :func:`auscult.analyses.attribution.inputs.unit_spans`; a position of several
        units is there only while all of them are
    n_bands : equal bands of the second axis into which each unit is cut: players unit by unit, lowest band first
    chunk : inputs that run at once
    """

    def __init__(
        self,
        function: Function,
        values: Tensor,
        baseline: Tensor,
        spans: np.ndarray,
        *,
        n_bands: int = 1,
        chunk: int = 8,
    ):
        self.function, self.values, self.baseline, self.chunk = function, values, baseline, chunk
        self.n_players = len(spans) * n_bands
        self._spans, self._bands = torch.from_numpy(spans).to(values.device), n_bands
        self._worth: dict[bytes, float] = {}

    def __call__(self, coalitions: np.ndarray) -> np.ndarray:
        """Return the worth of each coalition [shape=(n,), float64], given who is in it [shape=(n, n_players), bool]."""
        keys = [row.tobytes() for row in np.packbits(coalitions, axis=1)]
        new = {key: place for place, key in enumerate(keys) if key not in self._worth}
        for start in range(0, len(new), self.chunk):
            some = list(new)[start : start + self.chunk]
            self._worth |= zip(some, self._run(coalitions[[new[key] for key in some]]))
        return np.array([self._worth[key] for key in keys])

    @property
    def full(self) -> float:
        """The worth of all units together: the prediction of the input itself."""
        return float(self(np.ones((1, self.n_players), dtype=bool))[0])

    @property
    def empty(self) -> float:
        """The worth of no unit."""
        return float(self(np.zeros((1, self.n_players), dtype=bool))[0])

    def _run(self, coalitions: np.ndarray) -> list[float]:
        with torch.no_grad():
            batch = torch.where(self._removed(coalitions), self.baseline, self.values)
            return self.function(batch).double().tolist()

    def _removed(self, coalitions: np.ndarray) -> Tensor:
        # Each absent unit opens at its start and closes at its stop: where more are open than closed, it is silent.
        absent = torch.from_numpy(~coalitions).to(self.values.device, torch.int32)
        absent = absent.reshape(len(absent), len(self._spans), self._bands)
        edges = absent.new_zeros(len(absent), len(self.values) + 1, self._bands)
        edges.index_add_(1, self._spans[:, 0], absent).index_add_(1, self._spans[:, 1], -absent)
        removed = edges.cumsum(1)[:, :-1] > 0
        return removed[..., 0] if self.values.dim() == 1 else removed[..., _band_of(self.values, self._bands)]


def _band_of(values: Tensor, n_bands: int) -> Tensor:
    n_bins = values.shape[1]
    return torch.arange(n_bins, device=values.device) * n_bands // n_bins


def ablation(game: Game) -> np.ndarray:
    """Return what is lost when one unit is taken away: f(all) − f(all but it) [shape=(n_players,)]."""
    return game.full - game(~np.eye(game.n_players, dtype=bool))


def occlusion_spans(n_positions: int, width: int, stride: int) -> np.ndarray:
    """Return windows that slide over an input, as half-open ranges [shape=(n_windows, 2)]; its end cuts the last."""
    starts = np.arange(0, max(1, n_positions - width + stride), stride)
    return np.stack([starts, np.minimum(starts + width, n_positions)], axis=1)


def occlusion(function: Function, values: Tensor, baseline: Tensor, *, width: int, stride: int, chunk: int = 8):
    """Return what is lost at each position when a window of silence covers it [shape=(n_positions,)].

    The loss of each window, averaged at a position over the windows that cover it (Zeiler and Fergus, 2014; averaged as
    in captum).

    Parameters
    ----------
    width, stride : of the window, in positions
    """
    spans = occlusion_spans(len(values), width, stride)
    losses = ablation(Game(function, values, baseline, spans, chunk=chunk))
    sums, counts = (np.zeros(len(values) + 1) for _ in range(2))
    for each, amounts in ((sums, losses), (counts, np.ones(len(spans)))):
        np.add.at(each, spans[:, 0], amounts)
        np.add.at(each, spans[:, 1], -amounts)
    return np.cumsum(sums)[:-1] / np.cumsum(counts)[:-1]


def n_coalitions(n_players: int, n_samples: int) -> int:
    """Return how many coalitions to ask for: ``n_samples``, but at least 8 for each player, so that none is short.

    Where all there are fit in, all are asked, see :func:`shapley_coalitions` and :func:`lime_coalitions`.
    """
    return max(n_samples, _SAMPLES_EACH * n_players)


def shapley_coalitions(n_players: int, n_samples: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Return coalitions with the weights that the Shapley kernel gives them in the regression.

    All of them where 2^n − 2 is at most ``n_samples``, each with the kernel's weight (n − 1) / (C(n, k) k (n − k)) for
    k present players. Otherwise random ones, the size drawn by the kernel, each with its complement, which removes
    even interactions from the noise (Covert and Lee, 2021, section 4.2), and equal weights.

    Raises
    ------
    AnalysisError
        There are fewer samples than twice the players, so that no regression can tell them apart.
    """
    sizes = np.arange(1, n_players)
    if n_players <= _ENUMERABLE and 2**n_players - 2 <= n_samples:
        coalitions = np.array(list(product((False, True), repeat=n_players)))[1:-1].reshape(-1, n_players)
        weights = [(n_players - 1) / (comb(n_players, k) * k * (n_players - k)) for k in coalitions.sum(axis=1)]
        return coalitions, np.array(weights)
    if n_samples < 2 * n_players:
        raise AnalysisError(
            f"expected at least {2 * n_players} samples for {n_players} units, found {n_samples}; raise n_samples or "
            "choose larger units"
        )
    generator = np.random.default_rng(seed)
    kernel = 1 / (sizes * (n_players - sizes))
    drawn = generator.choice(sizes, size=n_samples // 2, p=kernel / kernel.sum())
    half = generator.random((n_samples // 2, n_players)).argsort(axis=1) < drawn[:, None]
    return np.stack([half, ~half], axis=1).reshape(-1, n_players), np.ones(2 * len(half))


def solve_shapley(
    coalitions: np.ndarray, weights: np.ndarray, worth: np.ndarray, empty: float, full: float
) -> np.ndarray:
    """Return the additive scores nearest to the worth of coalitions under Σ scores = full − empty.

    Weighted least squares with the constraint put in (Lundberg and Lee, 2017, theorem 2), not approached by a large
    weight as in captum.

    Parameters
    ----------
    coalitions : who is present [shape=(n, n_players), bool]
    weights, worth : of each coalition [shape=(n,)]
    """
    present = np.asarray(coalitions, dtype=float)
    total, root = full - empty, np.sqrt(weights)
    design = present[:, :-1] - present[:, -1:]
    aim = worth - empty - present[:, -1] * total
    scores = np.linalg.lstsq(design * root[:, None], aim * root, rcond=None)[0]
    return np.append(scores, total - scores.sum())


def kernel_shap(game: Game, n_samples: int, seed: int) -> np.ndarray:
    """Return Shapley values of the units [shape=(n_players,)]: exact where all coalitions fit in ``n_samples``.

    They sum to f(all) − f(none). Raises as :func:`shapley_coalitions`.
    """
    coalitions, weights = shapley_coalitions(game.n_players, n_samples, seed)
    return solve_shapley(coalitions, weights, game(coalitions), game.empty, game.full)


def lime_coalitions(n_players: int, n_samples: int, seed: int) -> np.ndarray:
    """Return coalitions of which each unit is a member with probability ½, or all there are if these are fewer."""
    if n_players <= _ENUMERABLE and 2**n_players <= n_samples:
        return np.array(list(product((False, True), repeat=n_players)))
    return np.random.default_rng(seed).random((n_samples, n_players)) < 0.5


def solve_lime(coalitions: np.ndarray, worth: np.ndarray, *, width: float = 0.25, penalty: float = 0.01) -> np.ndarray:
    """Return the slopes of a ridge regression on coalitions near to the whole.

    A coalition weighs exp(−d² / 2 width²), d = 1 − √(k / n) its cosine distance to the whole (Ribeiro and others,
    2016, and their code; captum has the same form). The penalty is a share of the sum of all weights; the intercept is
    free.

    Parameters
    ----------
    coalitions : who is present [shape=(n, n_players), bool]
    worth : of each coalition [shape=(n,)]
    """
    present = np.asarray(coalitions, dtype=float)
    weights = np.exp(-((1 - np.sqrt(present.mean(axis=1))) ** 2) / (2 * width**2))
    weights /= weights.sum()
    centred, aim = present - weights @ present, worth - weights @ worth
    system = (centred * weights[:, None]).T @ centred + penalty * np.eye(present.shape[1])
    return np.linalg.lstsq(system, centred.T @ (weights * aim), rcond=None)[0]


def lime(game: Game, n_samples: int, seed: int) -> np.ndarray:
    """Return LIME's scores of the units [shape=(n_players,)], see :func:`solve_lime`."""
    coalitions = lime_coalitions(game.n_players, n_samples, seed)
    return solve_lime(coalitions, game(coalitions))
