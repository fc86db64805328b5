"""What a tone probe hears in each syllable at each layer, in voices that the probe was not fitted on."""

import logging
from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
import pandas as pd
from tqdm import tqdm

from auscult.activations.rimes import derive_rimes
from auscult.corpora.corpus import Corpus
from auscult.errors import AnalysisError
from auscult.listening.phones import softmax, voice_folds
from auscult.listening.selection import TONES, toned_syllables
from auscult.listening.settings import ListenSettings
from auscult.models.interface import FrameModel
from auscult.probes.logistic import fit_logistic

__all__ = ["HeardTones", "ToneLane", "hear_tones"]

# A mean over a rime keeps neither the direction nor the shape of the pitch: its vectors at three points are joined.
_POINTS = ("rime_20", "rime_50", "rime_80")
_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class HeardTones:
    """What the probes hear in one utterance.

    Parameters
    ----------
    syllables : rows of the corpus with a tone, in order
    truth : class of each syllable [shape=(n_syllables,)]
    p : probability of each class [shape=(n_layers, n_syllables, n_classes)]
    """

    syllables: pd.DataFrame = field(repr=False)
    truth: np.ndarray
    p: np.ndarray = field(repr=False)


@dataclass(frozen=True)
class ToneLane:
    """Tone probes of one checkpoint.

    Parameters
    ----------
    layers : names of the layers, in order of depth
    classes : tones
    heard : by utterance; utterances without a tone are left out
    """

    layers: tuple[str, ...]
    classes: tuple[str, ...]
    heard: Mapping[str, HeardTones]

    @property
    def accuracy(self) -> np.ndarray:
        """Share of syllables whose tone is the most probable class [shape=(n_layers,)]."""
        right = np.concatenate([each.p.argmax(axis=2) == each.truth for each in self.heard.values()], axis=1)
        share: np.ndarray = right.mean(axis=1)
        return share

    @property
    def chance(self) -> float:
        """Share of the most frequent tone, which is the accuracy of always naming it."""
        truth = np.concatenate([each.truth for each in self.heard.values()])
        return float(np.bincount(truth).max() / len(truth))

    def mean_probability(self, layer: int) -> dict[str, float]:
        """Return the mean probability of the true tone over the syllables, by utterance."""
        return {name: float(_of_truth(each)[layer].mean()) for name, each in self.heard.items()}

    def best_layer(self) -> int:
        """Return the layer with the highest mean log-probability of the true tone."""
        p = np.concatenate([_of_truth(each) for each in self.heard.values()], axis=1)
        return int(np.log(np.maximum(p, 1e-6)).mean(axis=1).argmax())


def hear_tones(
    model: FrameModel, corpus: Corpus, utterances: pd.DataFrame, settings: ListenSettings, *, seed: int = 0
) -> ToneLane:
    """Fit a tone probe on each layer, and apply it to the syllables of the utterances.

    The probe is a multinomial logistic regression on the frames nearest to 20, 50 and 80 % of the rime, joined.
    Speakers are divided into folds; the syllables of a fold are heard by the probe that was fitted on the other folds,
    so that every probability is for an unseen voice. The same syllables occur in training in other voices, so a layer
    that knows the syllable may tell its tone without hearing it; the analysis ``tone`` holds syllables out as well.

    Parameters
    ----------
    utterances : rows of the corpus
    settings : number of folds, and penalty
    seed : of the folds

    Raises
    ------
    AnalysisError
        There is a single speaker, or fewer than two tones.
    LabelError
        A syllable has no vowel.
    """
    folds, n_folds = voice_folds(utterances, settings, corpus.name, "tone", np.random.default_rng(seed))
    segments = corpus.segments[corpus.segments["utterance"].isin(utterances["utterance"])]
    syllables = toned_syllables(segments)
    classes = tuple(tone for tone in TONES if (syllables.get("tone", pd.Series(dtype=str)) == tone).any())
    if len(classes) < 2:
        raise AnalysisError(
            f"expected syllables of at least two tones in {len(utterances)} utterances of corpus {corpus.name!r} for "
            f"the lane tone, found {', '.join(classes) or 'none'}; take the lane out of the study's section listen"
        )
    points = _points(segments, syllables)
    truth = {name: _codes(rows, classes) for name, rows in syllables.groupby("utterance", sort=False)}
    vectors = _vectors(model, corpus, points)
    of_fold = np.concatenate([np.full(len(own), folds[str(name)]) for name, own in truth.items()])
    training = of_fold != np.arange(n_folds)[:, None]
    codes, p = np.concatenate(list(truth.values())), []
    for layer, x in zip(model.layers, vectors):
        path = fit_logistic(x, np.tile(codes, (n_folds, 1)), training, [settings.tone_penalty], len(classes))
        if not path.converged.all():
            _log.info("listening: %d of %d tone probes of %s did not converge", (~path.converged).sum(), n_folds, layer)
        own = np.stack([path.scores(x, fold)[:, 0] for fold in range(n_folds)])[of_fold, np.arange(len(x))]
        p.append(softmax(own))
    parts = np.split(np.stack(p), np.cumsum([len(own) for own in truth.values()])[:-1], axis=1)
    tables = dict(list(syllables.groupby("utterance", sort=False)))
    heard = {str(name): HeardTones(tables[name], own, part) for (name, own), part in zip(truth.items(), parts)}
    return ToneLane(tuple(model.layers), classes, heard)


def _codes(syllables: pd.DataFrame, classes: tuple[str, ...]) -> np.ndarray:
    return np.array([classes.index(str(tone)) for tone in syllables["tone"]])


def _of_truth(heard: HeardTones) -> np.ndarray:
    """Return the probability of the true tone [shape=(n_layers, n_syllables)]."""
    found: np.ndarray = heard.p[:, np.arange(len(heard.truth)), heard.truth]
    return found


def _points(segments: pd.DataFrame, syllables: pd.DataFrame) -> dict[str, np.ndarray]:
    """Return the points of the rimes of each utterance, in samples [shape=(n_points, n_syllables)]."""
    parts = pd.concat([segments[segments["tier"] == "phone"], syllables])
    rimes = derive_rimes(parts, _POINTS)
    table = rimes.pivot(index=["utterance", "index"], columns="tier", values="onset")[list(_POINTS)]
    return {str(name): rows.to_numpy().T for name, rows in table.groupby(level="utterance", sort=False)}


def _vectors(model: FrameModel, corpus: Corpus, points: Mapping[str, np.ndarray]) -> list[np.ndarray]:
    """Return the vectors of all syllables in each layer [shape=(n_syllables, n_points · n_dims), float32]."""
    found: list[list[np.ndarray]] = [[] for _ in model.layers]
    for name, times in tqdm(points.items(), desc="tones", unit=" utterances", disable=None):
        frames = model.frames([corpus.waveform(name)])
        for kept, layer in zip(found, model.layers):
            states = frames[layer][0].float().cpu().numpy()
            nearest, _, _ = model.timing.segment_frames(times.ravel(), times.ravel(), len(states))
            kept.append(np.concatenate(list(states[nearest.reshape(times.shape)]), axis=1))
    return [np.concatenate(parts).astype(np.float32) for parts in found]
