"""Gender probes trained anew on the vectors of a layer, on other speakers than the erasers and the tests.

The linear probe is a ridge classifier, the non-linear one a network with one hidden layer. The penalty of the ridge and
the stopping epoch of the network are chosen on a separate group of speakers.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from auscult.analyses.scrubbing.items import ScrubbingItems
from auscult.probes.mlp import fit_mlp
from auscult.statistics.moments import Moments, fit_ridge

__all__ = ["PENALTIES", "PROBES", "Answers", "probe_gender"]

PENALTIES = tuple(10.0**exponent for exponent in range(-4, 2))
PROBES = ("ridge", "mlp")
# A few hundred utterances make two or three batches per epoch; a network needs hundreds of steps to converge.
_MAX_EPOCHS, _PATIENCE = 200, 30


@dataclass(frozen=True)
class Answers:
    """Answers of a probe on the test utterances.

    Parameters
    ----------
    probe : ``ridge`` or ``mlp``
    hits : 1 where the speaker's gender is predicted, else 0 [shape=(n_test,)]
    chance : accuracy of always predicting the most frequent gender of the training utterances
    valid_value : accuracy on the speakers on whom hyperparameters were chosen
    penalty : penalty of the ridge; NaN for a network
    """

    probe: str
    hits: np.ndarray
    chance: float
    valid_value: float
    penalty: float


def probe_gender(
    x: np.ndarray, items: ScrubbingItems, rows: np.ndarray, *, probes: Sequence[str] = PROBES, seed: int = 0
) -> Iterator[Answers]:
    """Train probes and yield their answers.

    Parameters
    ----------
    x : one vector per utterance [shape=(n, n_dims)]
    items : utterances with their roles and genders
    rows : positions of the vectors' utterances in ``items`` [shape=(n,)]
    probes : some of :data:`PROBES`
    seed : of the network's weights and batches
    """
    roles, codes = items["role"][rows], items["code"][rows]
    parts = {role: (x[roles == role], codes[roles == role]) for role in ("probe", "choose", "test")}
    (_, codes_train), (x_test, truth) = parts["probe"], parts["test"]
    chance = float(np.mean(truth == np.bincount(codes_train).argmax()))
    for probe in probes:
        if probe == "ridge":
            predict, valid, penalty = _ridge(*parts["probe"], *parts["choose"])
        else:
            predict = fit_mlp(*parts["probe"], *parts["choose"], max_epochs=_MAX_EPOCHS, patience=_PATIENCE, seed=seed)
            penalty = float("nan")
            valid = float(np.mean(predict(parts["choose"][0]) == parts["choose"][1]))
        yield Answers(probe, (predict(x_test) == truth).astype(float), chance, valid, penalty)


def _ridge(
    x: np.ndarray, codes: np.ndarray, x_valid: np.ndarray, codes_valid: np.ndarray
) -> tuple[Callable[[np.ndarray], np.ndarray], float, float]:
    """Return the predictor of a ridge classifier, its validation accuracy and its penalty."""
    # Centre the vectors first, so that small variances are not lost to the rounding of squares.
    shift = x.mean(axis=0, dtype=np.float64)
    path = fit_ridge(Moments.of(x - shift, np.eye(2)[codes]), PENALTIES)
    answers = path.predict(x_valid - shift).argmax(axis=2)
    scores = (answers == codes_valid[:, None]).mean(axis=0)
    # Of several best penalties, take the strongest.
    best = len(scores) - 1 - int(scores[::-1].argmax())

    def predict(new: np.ndarray) -> np.ndarray:
        codes: np.ndarray = path.predict(new - shift)[:, best].argmax(axis=1)
        return codes

    return predict, float(scores[best]), PENALTIES[best]
