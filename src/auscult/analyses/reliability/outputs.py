"""How probable a model holds what is explained, as a function of which segments of an utterance it hears."""

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from auscult.analyses.attribution.explained_outputs import parse_target
from auscult.analyses.attribution.inputs import unit_spans, view_input
from auscult.analyses.attribution.perturbation import Game

if TYPE_CHECKING:
    from torch import Tensor

    from auscult.models.predictor import Predictor

__all__ = ["masked_output"]


def masked_output(
    predictor: "Predictor", waveform: "Tensor", kind: str, segments: np.ndarray, form: str, *, batch_s: float = 30.0
) -> Game:
    """Return the output p of a model for any set of segments that it hears.

    The others are replaced by silence seen through the same input, as the attributions' own baseline is. What belongs
    to no segment, such as a pause without a label, is always heard. Masked copies of an utterance have one length, so a
    value does not depend on what else is in its batch.

    Parameters
    ----------
    waveform : as the model hears it [shape=(n_samples,)]
    kind : one of :data:`auscult.analyses.attribution.inputs.INPUTS`
    segments : onset and offset in samples, in order of time [shape=(2, n_segments)]
    form : what is explained, see :func:`auscult.analyses.attribution.explained_outputs.parse_target`
    batch_s : seconds of audio that run at once

    Returns
    -------
    output : maps masks [shape=(n_masks, n_segments), True is heard] to p, 0 to 1 [shape=(n_masks,)]

    Raises
    ------
    AnalysisError
        There is no such input, class or letter.
    """
    view, target = view_input(predictor, waveform, kind), parse_target(predictor, form)
    onset, offset = segments.astype(np.int64)
    units = pd.DataFrame({"label": "", "onset": onset, "offset": offset})
    chunk = max(1, int(batch_s * predictor.sample_rate_hz / len(waveform)))
    spans = unit_spans(view, units, len(waveform))
    return Game(
        lambda batch: target.probability(view.logits(batch)), view.values, view.baselines["silence"], spans, chunk=chunk
    )
