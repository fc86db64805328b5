"""What a phone probe hears at each frame of a model's layers, in voices that the probe was not fitted on."""

import logging
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
import pandas as pd
from tqdm import tqdm

from auscult.corpora.corpus import Corpus
from auscult.errors import AnalysisError
from auscult.listening.settings import ListenSettings
from auscult.models.frames import FrameTiming
from auscult.models.interface import FrameModel
from auscult.probes.logistic import LogisticPath, fit_logistic

__all__ = ["PAUSE", "HeardPhones", "PhoneLane", "frame_labels", "hear_phones", "softmax", "voice_folds"]

PAUSE = "pause"  # label of frames whose centre lies in no phone
_TOP = 3
_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class HeardPhones:
    """What the probes hear in one utterance.

    Parameters
    ----------
    truth : class of the phone at each frame [shape=(n_frames,)]
    top : the most probable classes, best first [shape=(n_layers, n_frames, 3)]
    p_top : their probabilities [same shape]
    p_true : probability of the true class [shape=(n_layers, n_frames)]
    """

    truth: np.ndarray
    top: np.ndarray = field(repr=False)
    p_top: np.ndarray = field(repr=False)
    p_true: np.ndarray = field(repr=False)


@dataclass(frozen=True)
class PhoneLane:
    """Probes of one checkpoint.

    Parameters
    ----------
    layers : names of the layers, in order of depth
    classes : phone labels and :data:`PAUSE`
    heard : by utterance
    """

    layers: tuple[str, ...]
    classes: tuple[str, ...]
    heard: Mapping[str, HeardPhones]

    @property
    def accuracy(self) -> np.ndarray:
        """Share of frames within phones whose phone is the most probable class [shape=(n_layers,)]."""
        right = [each.top[:, self._phones(each), 0] == each.truth[self._phones(each)] for each in self.heard.values()]
        share: np.ndarray = np.concatenate(right, axis=1).mean(axis=1)
        return share

    @property
    def chance(self) -> float:
        """Share of the most frequent phone among frames within phones, which is the accuracy of always naming it."""
        truth = np.concatenate([each.truth[self._phones(each)] for each in self.heard.values()])
        return float(np.bincount(truth).max() / len(truth))

    def mean_probability(self, layer: int) -> dict[str, float]:
        """Return the mean probability of the true phone over the frames within phones, by utterance."""
        found = {name: each.p_true[layer, self._phones(each)] for name, each in self.heard.items()}
        return {name: float(p.mean()) if len(p) else np.nan for name, p in found.items()}

    def best_layer(self) -> int:
        """Return the layer with the highest mean log-probability of the true phone over all frames within phones."""
        p = np.concatenate([each.p_true[:, self._phones(each)] for each in self.heard.values()], axis=1)
        return int(np.log(np.maximum(p, 1e-6)).mean(axis=1).argmax())

    def _phones(self, heard: HeardPhones) -> np.ndarray:
        phones: np.ndarray = heard.truth != self.classes.index(PAUSE)
        return phones


def frame_labels(phones: pd.DataFrame, timing: FrameTiming, n_frames: int) -> np.ndarray:
    """Return the label of the phone that contains each frame's centre, or :data:`PAUSE` [shape=(n_frames,), str]."""
    labels = np.full(n_frames, PAUSE, dtype=object)
    starts, stops, nearest = timing.segment_frames(phones["onset"].to_numpy(), phones["offset"].to_numpy(), n_frames)
    for label, start, stop, outside in zip(phones["label"], starts, stops, nearest):
        if not outside:
            labels[start:stop] = label
    return labels


def hear_phones(
    model: FrameModel, corpus: Corpus, utterances: pd.DataFrame, settings: ListenSettings, *, seed: int = 0
) -> PhoneLane:
    """Fit a phone probe on each layer, and apply it to all frames of the utterances.

    The probe is a multinomial logistic regression. Speakers are divided into folds; the frames of a fold are heard by
    the probe that was fitted on the other folds, so that every probability is for an unseen voice. Frames outside all
    phones are a class of their own. The model runs twice over the utterances, so that no vectors but those of the
    training frames are kept in memory.

    Parameters
    ----------
    utterances : rows of the corpus
    settings : number of folds and training frames, and penalty
    seed : of folds and training frames

    Raises
    ------
    AnalysisError
        There is a single speaker, or no phone.
    """
    generator = np.random.default_rng(seed)
    folds, n_folds = voice_folds(utterances, settings, corpus.name, "probe", generator)
    labels = _labels(corpus, utterances, model.timing)
    found = sorted({label for own in labels.values() for label in own} - {PAUSE})
    if not found:
        raise AnalysisError(
            f"expected phones in {len(utterances)} utterances of corpus {corpus.name!r} for the lane probe, found "
            "none; take the lane out of the study's section listen or align the corpus by phone"
        )
    classes = (*found, PAUSE)
    codes = {name: np.array([classes.index(label) for label in own]) for name, own in labels.items()}
    probes = _fit(model, corpus, codes, folds, len(classes), n_folds, settings, generator)
    heard = {
        name: _hear(probes, frames, codes[name], folds[name])
        for name, frames in _frames(model, corpus, list(codes), "listening")
    }
    return PhoneLane(tuple(model.layers), classes, heard)


def voice_folds(
    utterances: pd.DataFrame, settings: ListenSettings, corpus: str, lane: str, generator: np.random.Generator
) -> tuple[dict[str, int], int]:
    """Return the fold of each utterance, the same for all of a speaker, and the number of folds.

    Parameters
    ----------
    utterances : rows of the corpus
    settings : number of folds; there are no more than speakers
    corpus, lane : for the error
    generator : draws the folds

    Raises
    ------
    AnalysisError
        There is a single speaker.
    """
    speakers = utterances["speaker"].unique()
    if len(speakers) < 2:
        raise AnalysisError(
            f"expected at least two speakers for a probe that hears unseen voices, found {len(speakers)} in "
            f"{len(utterances)} utterances of corpus {corpus!r}; take the lane {lane} out of the study's section "
            "listen or add a speaker"
        )
    n_folds = min(settings.n_folds, len(speakers))
    fold_of = dict(zip(generator.permutation(speakers), np.arange(len(speakers)) % n_folds))
    return {str(row.utterance): int(fold_of[row.speaker]) for row in utterances.itertuples()}, n_folds


def softmax(logits: np.ndarray) -> np.ndarray:
    """Return probabilities for logits, over the last axis."""
    e = np.exp(logits - logits.max(axis=-1, keepdims=True))
    shares: np.ndarray = e / e.sum(axis=-1, keepdims=True)
    return shares


def _labels(corpus: Corpus, utterances: pd.DataFrame, timing: FrameTiming) -> dict[str, np.ndarray]:
    phones = corpus.segments[corpus.segments["tier"] == "phone"]
    by_utterance = dict(list(phones[phones["utterance"].isin(utterances["utterance"])].groupby("utterance")))
    empty = phones.iloc[:0]
    lengths = {row.utterance: int(timing.n_frames(int(row.n_samples))) for row in utterances.itertuples()}
    return {name: frame_labels(by_utterance.get(name, empty), timing, n) for name, n in lengths.items() if n}


def _frames(
    model: FrameModel, corpus: Corpus, names: Sequence[str], task: str
) -> Iterator[tuple[str, list[np.ndarray]]]:
    """Yield each utterance with the frames of each layer [shape=(n_frames, n_dims)]."""
    for name in tqdm(names, desc=f"phones: {task}", unit=" utterances", disable=None):
        frames = model.frames([corpus.waveform(name)])
        yield name, [frames[layer][0].float().cpu().numpy() for layer in model.layers]


def _fit(
    model: FrameModel,
    corpus: Corpus,
    codes: Mapping[str, np.ndarray],
    folds: Mapping[str, int],
    n_classes: int,
    n_folds: int,
    settings: ListenSettings,
    generator: np.random.Generator,
) -> list[LogisticPath]:
    """Return the probes of each layer, one problem per fold that is left out."""
    lengths = {name: len(own) for name, own in codes.items()}
    total = sum(lengths.values())
    taken = np.zeros(total, dtype=bool)
    taken[generator.permutation(total)[: settings.n_frames]] = True
    ends = np.cumsum(list(lengths.values()))
    chosen = dict(zip(codes, np.split(taken, ends[:-1])))
    vectors: list[list[np.ndarray]] = [[] for _ in model.layers]
    for name, frames in _frames(model, corpus, list(codes), "training frames"):
        for kept, vectors_of in zip(vectors, frames):
            kept.append(vectors_of[chosen[name]])
    truth = np.concatenate([codes[name][chosen[name]] for name in codes])
    of_fold = np.concatenate([np.full(chosen[name].sum(), folds[name]) for name in codes])
    training = of_fold != np.arange(n_folds)[:, None]
    probes = []
    for layer, parts in zip(model.layers, vectors):
        x = np.concatenate(parts).astype(np.float32)
        path = fit_logistic(x, np.tile(truth, (n_folds, 1)), training, [settings.penalty], n_classes)
        if not path.converged.all():
            _log.info("listening: %d of %d probes of %s did not converge", (~path.converged).sum(), n_folds, layer)
        probes.append(path)
    return probes


def _hear(probes: Sequence[LogisticPath], frames: Sequence[np.ndarray], truth: np.ndarray, fold: int) -> HeardPhones:
    p = np.stack([softmax(path.scores(layer, fold)[:, 0]) for path, layer in zip(probes, frames)])
    top = np.argsort(-p, axis=2, kind="stable")[:, :, :_TOP]
    return HeardPhones(truth, top, np.take_along_axis(p, top, axis=2), p[:, np.arange(len(truth)), truth])
