"""What a fresh probe reads of gender, layer by layer: learnt on other speakers than any eraser, tested on others again.

The linear probe is a ridge classifier, the non-linear one a network of one hidden layer. The ridge's penalty, and when
the network stops, are chosen on speakers of their own.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from auscult.analyses.scrubbing.items import ScrubbingItems
from auscult.probes.mlp import fit_mlp
from auscult.statistics.moments import Moments, fit_ridge

__all__ = ["PENALTIES", "PROBES", "Answers", "probe_gender"]

PENALTIES = tuple(10.0**exponent for exponent in range(-4, 2))
PROBES = ("ridge", "mlp")
# A few hundred utterances are two or three batches an epoch: a network needs hundreds of steps to find a curve.
_MAX_EPOCHS, _PATIENCE = 200, 30


@dataclass(frozen=True)
class Answers:
    """What a probe says of the tested utterances.

    Parameters
    ----------
    probe : ``ridge`` or ``mlp``
    hits : 1 where it names the speaker's gender [shape=(n_test,)]
    chance : accuracy of always saying the learning side's most frequent gender
    valid_value : accuracy on the speakers on whom it was chosen
    penalty : of the ridge, else NaN
    """

    probe: str
    hits: np.ndarray
    chance: float
    valid_value: float
    penalty: float


def probe_gender(
    x: np.ndarray, items: ScrubbingItems, rows: np.ndarray, *, probes: Sequence[str] = PROBES, seed: int = 0
) -> Iterator[Answers]:
    """Yield the answers of fresh probes.

    Parameters
    ----------
    x : one vector of each utterance [shape=(n, n_dims)]
    rows : positions of these utterances in ``items`` [shape=(n,)]
    probes : of :data:`PROBES`
    seed : of the network's weights and batches
    """
    roles, codes = items["role"][rows], items["code"][rows]
    parts = {role: (x[roles == role], codes[roles == role]) for role in ("probe", "choose", "test")}
    (_, learnt), (x_test, truth) = parts["probe"], parts["test"]
    chance = float(np.mean(truth == np.bincount(learnt).argmax()))
    for probe in probes:
        if probe == "ridge":
            predict, valid, penalty = _ridge(*parts["probe"], *parts["choose"])
        else:
            training = {"max_epochs": _MAX_EPOCHS, "patience": _PATIENCE, "seed": seed}
            predict, penalty = fit_mlp(*parts["probe"], *parts["choose"], **training), float("nan")
            valid = float(np.mean(predict(parts["choose"][0]) == parts["choose"][1]))
        yield Answers(probe, (predict(x_test) == truth).astype(float), chance, valid, penalty)


def _ridge(x: np.ndarray, codes: np.ndarray, x_valid: np.ndarray, codes_valid: np.ndarray):
    # From a mean of zero, so that small spreads do not drown in the rounding of squares.
    shift = x.mean(axis=0, dtype=np.float64)
    path = fit_ridge(Moments.of(x - shift, np.eye(2)[codes]), PENALTIES)
    answers = path.predict(x_valid - shift).argmax(axis=2)
    scores = (answers == codes_valid[:, None]).mean(axis=0)
    # Of equally good penalties the strongest.
    best = len(scores) - 1 - int(scores[::-1].argmax())
    return lambda new: path.predict(new - shift)[:, best].argmax(axis=1), float(scores[best]), PENALTIES[best]
