"""Probability of the explained output as a function of the segments that are kept."""

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
from scipy.special import expit

from auscult.analyses.attribution.explained_outputs import parse_output
from auscult.analyses.attribution.inputs import unit_spans, view_input
from auscult.analyses.attribution.perturbation import Game
from auscult.analyses.reliability.settings import ReliabilitySettings

if TYPE_CHECKING:
    from torch import Tensor

    from auscult.models.predictor import Predictor

__all__ = ["PairedOutput", "masked_output", "paired_output"]


def masked_output(
    predictor: "Predictor",
    waveform: "Tensor",
    kind: str,
    segments: np.ndarray,
    form: str,
    *,
    batch_s: float = ReliabilitySettings.batch_s,
) -> Game:
    """Return a function from sets of segments to the probability p of the explained output.

    All other segments are replaced by silence in the same input, the baseline of the attributions. Stretches outside
    all segments, such as unlabelled pauses, are always kept. All masked copies have the same length, so that a value
    does not depend on the rest of its batch.

    Parameters
    ----------
    waveform : prepared by the predictor [shape=(n_samples,)]
    kind : input, one of :data:`auscult.analyses.attribution.inputs.INPUTS`
    segments : onset and offset in samples, in order of time [shape=(2, n_segments)]
    form : explained output, see :func:`auscult.analyses.attribution.explained_outputs.parse_output`
    batch_s : audio per batch in s

    Returns
    -------
    output : maps masks [shape=(n_masks, n_segments), True is kept] to p, 0 to 1 [shape=(n_masks,)]

    Raises
    ------
    AnalysisError
        There is no such input, class or letter.
    """
    explained = parse_output(predictor, form)
    return _masked(predictor, waveform, kind, segments, explained.probability, batch_s)


class PairedOutput:
    """Probability of the mean score of two matched recordings with the same segments kept in both.

    Parameters
    ----------
    games : the explained output's score of either recording, with as many players
    """

    def __init__(self, games: tuple[Game, Game]):
        self.games, self.chunk = games, games[0].chunk

    def __call__(self, masks: np.ndarray) -> np.ndarray:
        """Return p, 0 to 1 [shape=(n_masks,)], for masks [shape=(n_masks, n_segments), True is kept]."""
        return np.asarray(expit(np.mean([game(masks) for game in self.games], axis=0)))


def paired_output(
    predictor: "Predictor",
    recordings: Sequence[tuple["Tensor", np.ndarray, str]],
    kind: str,
    *,
    batch_s: float = ReliabilitySettings.batch_s,
) -> PairedOutput:
    """Return a function from sets of words to the probability p of the mean output of two matched recordings.

    Parameters
    ----------
    recordings : waveform, segments and form of each, as for :func:`masked_output`
    kind, batch_s : see :func:`masked_output`, whose errors are raised
    """
    first, second = (
        _masked(predictor, waveform, kind, segments, parse_output(predictor, form).score, batch_s)
        for waveform, segments, form in recordings
    )
    return PairedOutput((first, second))


def _masked(
    predictor: "Predictor",
    waveform: "Tensor",
    kind: str,
    segments: np.ndarray,
    function: Callable[["Tensor"], "Tensor"],
    batch_s: float,
) -> Game:
    view = view_input(predictor, waveform, kind)
    onset, offset = segments.astype(np.int64)
    units = pd.DataFrame({"label": "", "onset": onset, "offset": offset})
    chunk = max(1, int(batch_s * predictor.sample_rate_hz / len(waveform)))
    return Game(
        lambda batch: function(view.logits(batch)),
        view.values,
        view.baselines["silence"],
        unit_spans(view, units, len(waveform)),
        chunk=chunk,
    )
