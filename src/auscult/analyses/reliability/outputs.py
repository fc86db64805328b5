"""Probability of the explained output as a function of the segments that are kept."""

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from auscult.analyses.attribution.explained_outputs import parse_output
from auscult.analyses.attribution.inputs import unit_spans, view_input
from auscult.analyses.attribution.perturbation import Game
from auscult.analyses.reliability.settings import ReliabilitySettings

if TYPE_CHECKING:
    from torch import Tensor

    from auscult.models.predictor import Predictor

__all__ = ["masked_output"]


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
    view, explained = view_input(predictor, waveform, kind), parse_output(predictor, form)
    onset, offset = segments.astype(np.int64)
    units = pd.DataFrame({"label": "", "onset": onset, "offset": offset})
    chunk = max(1, int(batch_s * predictor.sample_rate_hz / len(waveform)))
    spans = unit_spans(view, units, len(waveform))
    return Game(
        lambda batch: explained.probability(view.logits(batch)),
        view.values,
        view.baselines["silence"],
        spans,
        chunk=chunk,
    )
