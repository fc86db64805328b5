"""Data of a bottleneck: training and test utterances of different speakers, frames of one layer, phones as tokens."""

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd
from torch import Tensor

from auscult.activations.segment_index import select_utterances
from auscult.corpora.corpus import Corpus
from auscult.errors import AnalysisError
from auscult.models.interface import FrameModel
from auscult.statistics.folds import speaker_folds

__all__ = ["divide_speakers", "layer_frames", "phone_tokens", "spoken_tokens"]

_MIN_SPEAKERS = 4


def divide_speakers(
    corpus: Corpus,
    model: FrameModel,
    splits: Sequence[str],
    train_split: str,
    n_train: int | None,
    n_test: int | None,
    seed: int,
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Return utterances to train on and utterances to probe, without a common speaker.

    Where the splits share speakers, half of the probed split's speakers, balanced by gender, are probed and never
    trained on.

    Parameters
    ----------
    corpus : corpus of the utterances
    model : model whose frames will be read
    splits, train_split : splits to probe, and split to train on
    n_train, n_test : number of utterances, spread evenly over speakers and languages, or None for all
    seed : of the halves

    Raises
    ------
    AnalysisError
        There are fewer than four speakers to train on, or to probe.
    """
    tested = select_utterances(corpus, splits, None, model)
    training = select_utterances(corpus, [train_split], None, model)
    if set(training["speaker"]) & set(tested["speaker"]):
        halves = speaker_folds(
            tested["speaker"], 2, seed, tested["gender"], where="disentangling", advice="add speakers to the corpus"
        )
        tested = tested[halves == 1]
        training = training[~training["speaker"].isin(set(tested["speaker"]))]
    for purpose, part in (("train the bottleneck on", training), ("probe its latents on", tested)):
        if part["speaker"].nunique() < _MIN_SPEAKERS:
            raise AnalysisError(
                f"disentangling: expected at least {_MIN_SPEAKERS} speakers to {purpose}, found "
                f"{part['speaker'].nunique()}; add speakers, or name another train_split"
            )
    return _spread(training, n_train), _spread(tested, n_test)


def layer_frames(
    model: FrameModel, corpus: Corpus, utterances: pd.DataFrame, layer: str, batch_s: float
) -> list[Tensor]:
    """Return the frames of one layer in the order of the utterances; utterances of similar length share a batch.

    Parameters
    ----------
    model, corpus : model, and corpus of the utterances
    utterances : with columns ``utterance`` and ``n_samples``
    layer : layer to read
    batch_s : seconds of audio per batch, padding included

    Returns
    -------
    frames : one tensor per utterance, on the CPU [shapes=(n_frames, n_dims), float32]
    """
    order = np.argsort(utterances["n_samples"].to_numpy(), kind="stable")
    names, lengths = utterances["utterance"].to_numpy()[order], utterances["n_samples"].to_numpy()[order]
    found: dict[int, Tensor] = {}
    start = 0
    while start < len(names):
        stop = start + 1
        while stop < len(names) and (stop + 1 - start) * lengths[stop] <= batch_s * model.sample_rate_hz:
            stop += 1
        batch = model.frames([corpus.waveform(name) for name in names[start:stop]])[layer]
        # Cloned outside inference mode, so that autograd accepts the frames as inputs of a network in training.
        found |= {int(order[start + place]): each.float().cpu().clone() for place, each in enumerate(batch)}
        start = stop
    return [found[place] for place in range(len(names))]


def phone_tokens(corpus: Corpus, utterances: pd.DataFrame, tier: str) -> dict[str, int]:
    """Return the token of each label of a tier, numbered from 1 in alphabetical order; 0 is the blank.

    Raises
    ------
    AnalysisError
        The utterances have no label of the tier.
    """
    labels = sorted({label for each in _spoken(corpus, utterances, tier) for label in each})
    if not labels:
        raise AnalysisError(
            f"disentangling: expected labels of tier {tier!r} to transcribe, found none in corpus "
            f"{corpus.name!r}; add alignments or name another tier"
        )
    return {label: number for number, label in enumerate(labels, start=1)}


def spoken_tokens(corpus: Corpus, utterances: pd.DataFrame, tier: str, tokens: Mapping[str, int]) -> list[list[int]]:
    """Return the tokens of each utterance in order; −1 for a label of test speakers that has no token."""
    return [[tokens.get(label, -1) for label in each] for each in _spoken(corpus, utterances, tier)]


def _spoken(corpus: Corpus, utterances: pd.DataFrame, tier: str) -> list[list[str]]:
    segments = corpus.segments[corpus.segments["tier"] == tier].sort_values(["utterance", "index"])
    spoken = segments.groupby("utterance")["label"].agg(list)
    return [[label for label in spoken.get(name, []) if label] for name in utterances["utterance"]]


def _spread(utterances: pd.DataFrame, maximum: int | None) -> pd.DataFrame:
    """Return at most ``maximum`` utterances: the first of every speaker and language, then the second, and so on."""
    if maximum is None or maximum >= len(utterances):
        return utterances
    turn = utterances.groupby(["speaker", "language"]).cumcount().to_numpy()
    return utterances.iloc[np.sort(np.argsort(turn, kind="stable")[:maximum])]
