"""Gender probes trained anew on the vectors of a layer, on other speakers than the erasers and the tests.

The linear probe is a ridge classifier, the non-linear one a network with one hidden layer. The penalty of the ridge is
chosen by cross-validation within the probe's own utterances, leaving out kinds of voices if there are any, otherwise
speakers. The network stops by its accuracy on the first of the same folds, which it is not trained on.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial

import numpy as np

from auscult.analyses.scrubbing.items import ScrubbingItems
from auscult.erasure.labels import GENDERS
from auscult.probes.classifiers import prepare_fitter
from auscult.probes.mlp import fit_mlp
from auscult.statistics.folds import speaker_folds, utterance_folds

__all__ = ["PENALTIES", "PROBES", "Answers", "ValidationFolds", "choose_validation", "probe_gender"]

Predict = Callable[[np.ndarray], np.ndarray]
# In descending order: ties go to the strongest penalty.
PENALTIES = tuple(10.0**exponent for exponent in range(1, -5, -1))
PROBES = ("ridge", "mlp")
# A few hundred utterances make two or three batches per epoch; a network needs hundreds of steps to converge.
_MAX_EPOCHS, _PATIENCE = 200, 30
_N_FOLDS = 4


@dataclass(frozen=True)
class Answers:
    """Answers of a probe on the test utterances.

    Parameters
    ----------
    probe : ``ridge`` or ``mlp``
    hits : 1 where the speaker's gender is predicted, else 0 [shape=(n_test,)]
    constant_hits : the same for always predicting the most frequent gender of the training utterances
        [shape=(n_test,)]
    valid_value : accuracy on the folds left out within the probe's utterances
    penalty : penalty of the ridge; NaN for a network
    """

    probe: str
    hits: np.ndarray
    constant_hits: np.ndarray
    valid_value: float
    penalty: float


@dataclass(frozen=True)
class ValidationFolds:
    """Folds of the probe's utterances, which choose its penalty.

    Parameters
    ----------
    over : what the folds do not share: ``kind``, ``speaker`` or ``utterance``
    folds : fold of each utterance of role ``probe``, from 0 [shape=(n_probe,)]
    """

    over: str
    folds: np.ndarray


def choose_validation(items: ScrubbingItems, seed: int = 0) -> ValidationFolds:
    """Divide the probe's utterances by kind of voice, by speaker if there are no two kinds, or else by utterance.

    Folds over utterances are used only if a gender has a single speaker; the table of results names them.
    """
    probe = items.table[items.table["role"] == "probe"]
    kinds, codes = np.unique(probe["kind"].to_numpy(dtype=str), return_inverse=True)
    trains = [probe.loc[codes != kind, "gender"].nunique() == probe["gender"].nunique() for kind in range(len(kinds))]
    if len(kinds) > 1 and all(trains):
        return ValidationFolds("kind", codes)
    speakers, genders = probe["speaker"].to_numpy(), probe["gender"].to_numpy()
    fewest = int(probe.groupby("gender")["speaker"].nunique().min())
    if fewest > 1:
        return ValidationFolds("speaker", speaker_folds(speakers, min(fewest, _N_FOLDS), seed, genders))
    return ValidationFolds("utterance", utterance_folds(probe["utterance"].to_numpy(), genders, 2, seed))


def probe_gender(
    x: np.ndarray,
    items: ScrubbingItems,
    rows: np.ndarray,
    *,
    probes: Sequence[str] = PROBES,
    validation: ValidationFolds | None = None,
    seed: int = 0,
) -> Iterator[Answers]:
    """Train probes and yield their answers.

    Parameters
    ----------
    x : one vector per utterance [shape=(n, n_dims)]
    items : utterances with their roles and genders
    rows : positions of the vectors' utterances in ``items``, all of roles ``probe`` and ``test`` in their order
        [shape=(n,)]
    probes : some of :data:`PROBES`
    validation : folds of the probe's utterances; by default those of :func:`choose_validation`
    seed : of the network's weights and batches
    """
    roles, codes = items["role"][rows], items["code"][rows]
    validation = choose_validation(items, seed) if validation is None else validation
    x_train, codes_train = x[roles == "probe"], codes[roles == "probe"]
    x_test, truth = x[roles == "test"], codes[roles == "test"]
    constant = (truth == np.bincount(codes_train).argmax()).astype(float)
    for probe in probes:
        fit = _fit_ridge if probe == "ridge" else partial(_fit_network, seed=seed)
        predict, valid, penalty = fit(x_train, codes_train, validation.folds)
        yield Answers(probe, (predict(x_test) == truth).astype(float), constant, valid, penalty)


def _fit_ridge(x: np.ndarray, codes: np.ndarray, folds: np.ndarray) -> tuple[Predict, float, float]:
    """Return the predictor of a ridge classifier, its accuracy on left-out folds and its penalty."""
    penalties = np.array(PENALTIES)
    fit = prepare_fitter("ridge", [(np.arange(len(x)), x)], codes[:, None], folds, [len(GENDERS)])
    hits = np.zeros(len(penalties))
    for fold in np.unique(folds):
        left_out = folds == fold
        hits += (fit((fold,), penalties)(x[left_out])[..., 0] == codes[left_out, None]).sum(axis=0)
    best = int(hits.argmax())
    predict = fit((), penalties[[best]])
    return lambda new: predict(new)[:, 0, 0], float(hits[best] / len(x)), PENALTIES[best]


def _fit_network(x: np.ndarray, codes: np.ndarray, folds: np.ndarray, seed: int) -> tuple[Predict, float, float]:
    """Return the predictor of a network, its accuracy on the fold by which it stopped, and NaN for a penalty."""
    train, valid = folds != 0, folds == 0
    predict = fit_mlp(
        x[train], codes[train], x[valid], codes[valid], max_epochs=_MAX_EPOCHS, patience=_PATIENCE, seed=seed
    )
    return predict, float(np.mean(predict(x[valid]) == codes[valid])), float("nan")
