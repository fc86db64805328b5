"""Causal effect of the cue: what a recogniser spells when one layer cannot take anything from the cue word.

The values of the cue's frames are set to zero in one layer, and the run is continued to the head. Unlike the distance
that value zeroing measures at the layer itself, this tells whether the spelling depends on what that layer takes from
the cue. A layer may be without effect because others take the same; therefore the values are also zeroed in all layers
at once. The frames of other words may have taken up the cue in an earlier layer, or in the positional convolution.
"""

from collections.abc import Sequence
from contextlib import ExitStack
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import torch
from torch import Tensor, nn
from tqdm import tqdm

from auscult.analyses.mixing.ranking import ALL, EVERY_LAYER, NUMBER_CHANGE, NUMBER_RIGHT, UNTOUCHED
from auscult.analyses.mixing.roles import find_roles
from auscult.analyses.mixing.sentences import Sentence
from auscult.corpora.transcripts import spelt_right
from auscult.statistics.intervals import bootstrap_statistic

if TYPE_CHECKING:
    from auscult.corpora.corpus import Corpus
    from auscult.models.predictor import Predictor

__all__ = ["spell_without", "score_effects"]

_METHOD = "value_zeroing"


def spell_without(predictor: "Predictor", waveform: np.ndarray, span: Sequence[int]) -> dict[str, str]:
    """Return what a recogniser spells with the values of some frames set to zero.

    Parameters
    ----------
    predictor : a recogniser with a CTC head
    waveform : at the model's sample rate [shape=(n_samples,)]
    span : first frame, and the one after the last

    Returns
    -------
    transcript for no layer (``none``), each layer ``T1 … TL`` and all layers at once (``every``)
    """
    roles = find_roles(predictor.model)
    names = [UNTOUCHED, *roles.layers, EVERY_LAYER]
    start, stop = span
    with torch.inference_mode(), ExitStack() as hooks:
        for place, block in enumerate(roles.blocks, start=1):

            def zero(_: nn.Module, inputs: Any, values: Tensor, place: int = place) -> Tensor:
                values = values.clone()
                values[[place, -1], start:stop] = 0
                return values

            handle = block.get_submodule(roles.value).register_forward_hook(zero)
            hooks.callback(handle.remove)
        frames = predictor.cnn(predictor.prepare(waveform)[None])
        best = predictor.from_cnn(frames.expand(len(names), -1, -1)).argmax(-1).tolist()
    return {name: predictor.spell(tokens) for name, tokens in zip(names, best)}


def score_effects(
    predictor: "Predictor", corpus: "Corpus", plan: Sequence[Sentence], *, n_resamples: int, seed: int
) -> pd.DataFrame:
    """Return how often number is spelt right when a layer cannot take anything from the cue.

    Parameters
    ----------
    predictor : a recogniser with a CTC head
    plan : sentences with cues; cues name the target's spelling in both numbers (``word``, ``other``, ``number``)
    n_resamples, seed : of the bootstrap over sentences (texts)

    Returns
    -------
    rows : for each kind of target word and :data:`~auscult.analyses.mixing.ranking.ALL`, ``number_right`` by layer
        (``none``, ``T1`` … ``TL``, ``every``): among targets spelt in either number, the mean over singulars and
        plurals of the share right, with ``chance`` .5; and ``number_right_change``, the same minus that of ``none``,
        from the same resamples. ``n`` counts the targets spelt in either number. Value and interval are missing where a
        number is never spelt
    """
    judged = []
    for sentence in tqdm(plan, desc="zeroed to the output", unit="sentence", disable=None):
        waveform, reference = corpus.waveform(sentence.utterance), {sentence.utterance: sentence.text.lower()}
        spans, _ = sentence.spans(predictor.timing)
        for place, own in sentence.cues.groupby("cue_place"):
            for layer, text in spell_without(predictor, waveform, spans[place]).items():
                found = spelt_right(reference, {sentence.utterance: text}, own)
                judged.append(found.assign(layer=layer, text=sentence.text, target=own["target_pos"].str.lower()))
    table = pd.concat(judged, ignore_index=True)
    rows: list[dict[str, Any]] = []
    for target, part in [*table.groupby("target", sort=True), (ALL, table)]:
        rows += _rows(str(target), part, n_resamples, seed)
    found = pd.DataFrame(rows)
    return found.assign(method=_METHOD, chance=found["metric"].map({NUMBER_RIGHT: 0.5, NUMBER_CHANGE: 0.0}))


def _rows(target: str, judged: pd.DataFrame, n_resamples: int, seed: int) -> list[dict[str, Any]]:
    layers = list(judged["layer"].unique())
    texts, groups = np.unique(judged["text"], return_inverse=True)
    # Right and clear targets by sentence, layer and number.
    sums = np.zeros((len(texts), len(layers), 2, 2))
    at = judged["layer"].map({layer: place for place, layer in enumerate(layers)}).to_numpy()
    plural = (judged["number"] == "plural").to_numpy(int)
    clear = (judged["right"] | judged["wrong"]).to_numpy(float)
    np.add.at(sums, (groups, at, plural), np.stack([judged["right"].to_numpy(float), clear], axis=1))
    untouched = layers.index(UNTOUCHED)
    rows = []
    for place, layer in enumerate(layers):
        pair = sums[:, [place, untouched]]
        for metric, statistic in ((NUMBER_RIGHT, _right), (NUMBER_CHANGE, _change)):
            if metric == NUMBER_CHANGE and layer == UNTOUCHED:
                continue
            value = float(statistic(pair.sum(axis=0)[None])[0])
            low, high = np.nan, np.nan
            if np.isfinite(value):
                low, high = bootstrap_statistic(pair, statistic, n_resamples=n_resamples, seed=seed)
            seen = pair[:, 0, :, 1].sum(axis=1)
            about = {"target": target, "layer": layer, "metric": metric, "value": value, "ci_low": low, "ci_high": high}
            rows.append(about | {"n": int(seen.sum()), "n_groups": int((seen > 0).sum())})
    return rows


def _balanced(counts: np.ndarray) -> np.ndarray:
    """Return the mean over numbers of right / clear [shape=(n, 2, 2) → (n,)]; NaN where a number is never spelt."""
    with np.errstate(invalid="ignore", divide="ignore"):
        return (counts[..., 0] / counts[..., 1]).mean(axis=-1)


def _right(sums: np.ndarray) -> np.ndarray:
    return _balanced(sums[:, 0])


def _change(sums: np.ndarray) -> np.ndarray:
    return _balanced(sums[:, 0]) - _balanced(sums[:, 1])
