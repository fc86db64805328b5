"""Utterances to explain and their explained outputs: the same for all models of a task, whatever they predict."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from zlib import crc32

import numpy as np
import pandas as pd
import torch

from auscult.analyses.attribution.explained_outputs import (
    ExplainedOutput,
    class_output,
    parse_output,
    transcript_output,
    word_output,
)
from auscult.analyses.attribution.settings import AttributionSettings
from auscult.corpora.corpus import Corpus
from auscult.errors import AnalysisError, AudioError
from auscult.models.predictor import Predictor

__all__ = ["KINDS", "Item", "choose_utterances", "prepare_item", "utterance_seed"]

# Kinds of explained output: two for classifiers, two for recognisers.
KINDS = ("predicted", "labelled", "transcript", "word")


@dataclass(frozen=True)
class Item:
    """One utterance to be explained.

    Parameters
    ----------
    utterance : its name
    waveform : input of the model [shape=(n_samples,)]
    output : explained output
    cue : index of the deciding word, -1 where none is known
    prediction : the predicted class or transcript
    probability : of the explained output
    correct : whether the prediction is correct
    """

    utterance: str
    waveform: torch.Tensor
    output: ExplainedOutput
    cue: int
    prediction: str
    probability: float
    correct: bool


def choose_utterances(
    speech: Corpus,
    labels: Sequence[str],
    *,
    kind: str,
    cues: pd.DataFrame | None = None,
    n_utterances: int = AttributionSettings.n_utterances,
    drawn_within_s: float | None = None,
    seed: int = 0,
    only: Collection[str] | None = None,
) -> pd.DataFrame:
    """Draw test utterances, if possible with a known deciding word.

    If the classes are words of the corpus, utterances with exactly one of them are drawn; for the kind ``word``,
    utterances with a cue, with one target word each; otherwise any utterance.

    Parameters
    ----------
    labels : the model's classes or tokens
    kind : kind of explained output, one of :data:`KINDS`
    cues : target words and their cues, as returned by :func:`auscult.corpora.cues.cues`
    n_utterances : largest number of utterances
    drawn_within_s : longest utterance in s to draw from; by default any length
    seed : of the draw
    only : use these utterances and draw none

    Returns
    -------
    table : columns ``utterance``, ``truth`` (the labelled class, or empty), ``target_index`` and ``cue_index``
        (``index`` of words, -1 for none) and ``other`` (other spelling of the target word), in the order of the corpus

    Raises
    ------
    AnalysisError
        There is no such kind, no cue, or no utterance.
    """
    if kind not in KINDS:
        raise AnalysisError(
            f"expected one of the kinds of explained output {', '.join(KINDS)}, found {kind!r}; correct the name"
        )
    test = speech.utterances[speech.utterances["split"] == "test"]
    generator = np.random.default_rng(seed)
    known = _candidates(speech, test, set(labels), kind, cues, generator)
    if known.empty:
        raise AnalysisError(
            f"expected test utterances to explain in corpus {speech.name!r}, found none; "
            "choose a corpus with a test split in which the classes or cues occur"
        )
    if drawn_within_s is not None and not only:
        known = _within(known, test, drawn_within_s)
    drawn = list(only) if only else generator.permutation(np.sort(known["utterance"]))[:n_utterances]
    order = test["utterance"][test["utterance"].isin(drawn)]
    columns = ["truth", "target_index", "cue_index", "other"]
    return known.set_index("utterance").loc[order, columns].reset_index()


def prepare_item(
    predictor: Predictor,
    speech: Corpus,
    row: Mapping[str, Any],
    *,
    kind: str,
    scale: str = AttributionSettings.scale,
    max_s: float = AttributionSettings.max_s,
    form: str | None = None,
) -> Item:
    """Run the model on an utterance and return it with its explained output.

    Parameters
    ----------
    row : row of the table that :func:`choose_utterances` returns
    kind : kind of explained output, one of :data:`KINDS`
    scale : scale of a class, ``log_probability`` or ``logit``
    max_s : longest utterance in s
    form : form of an explained output, which replaces the one that ``kind`` and ``row`` define

    Raises
    ------
    AudioError
        The utterance is too long, or its sample rate differs from the model's.
    AnalysisError
        The explained output does not suit the model.
    """
    name = str(row["utterance"])
    waveform = predictor.prepare(_checked(predictor, speech, name, max_s))
    with torch.no_grad():
        logits = predictor.from_waveform(waveform[None])
    best = logits[0].argmax(-1)
    prediction = predictor.labels[int(best)] if predictor.task == "classes" else predictor.spell(best.tolist())
    if form is not None:
        output = parse_output(predictor, form, scale)
    elif kind == "word":
        spelt, place = _spelt_words(speech, name, int(row["target_index"]))
        output = word_output(predictor, spelt, place, str(row["other"]))
    elif kind == "transcript":
        output = transcript_output(predictor, str(_about(speech, name)["text"]))
    else:
        label = str(row["truth"]) if kind == "labelled" and predictor.task == "classes" else prediction
        output = class_output(predictor, label, scale)
    said = str(row["truth"]) if predictor.task == "classes" else str(_about(speech, name)["text"]).lower()
    return Item(
        name,
        waveform,
        output,
        int(row["cue_index"]),
        prediction,
        float(output.probability(logits)[0]),
        prediction.lower() == said.lower(),
    )


def utterance_seed(seed: int, utterance: str) -> int:
    """Return the seed of an utterance, which does not depend on other utterances."""
    return int(np.random.SeedSequence([seed, crc32(utterance.encode())]).generate_state(1)[0])


def _candidates(
    speech: Corpus,
    test: pd.DataFrame,
    labels: set[str],
    kind: str,
    cues: pd.DataFrame | None,
    generator: np.random.Generator,
) -> pd.DataFrame:
    """Return all utterances that can be drawn, with their deciding word and labelled class where these are known."""
    if kind == "word":
        if cues is None or cues.empty:
            raise AnalysisError(
                f"expected cues to explain a word, found none in corpus {speech.name!r}; choose another corpus or set "
                "analyses: attribution: explain: ctc: transcript"
            )
        shuffled = cues.iloc[generator.permutation(len(cues))]
        return shuffled[shuffled["utterance"].isin(test["utterance"])].drop_duplicates("utterance").assign(truth="")
    words = speech.segments[speech.segments["tier"] == "word"]
    if labels <= set(words["label"]):
        said = words[words["label"].isin(labels) & words["utterance"].isin(test["utterance"])]
        said = said[~said["utterance"].duplicated(keep=False)].rename(columns={"label": "truth", "index": "cue_index"})
        return said.assign(target_index=-1, other="")
    columns = [name for name in test.columns if set(test[name].astype(str)) <= labels]
    truth = test[columns[0]].astype(str) if columns else ""
    return test.assign(truth=truth, cue_index=-1, target_index=-1, other="")


def _within(known: pd.DataFrame, test: pd.DataFrame, longest_s: float) -> pd.DataFrame:
    """Return the candidates up to a length."""
    lengths_s = (test["n_samples"] / test["sample_rate_hz"]).set_axis(test["utterance"])
    short = known[lengths_s[known["utterance"]].to_numpy() <= longest_s]
    if short.empty:
        raise AnalysisError(
            f"expected test utterances of at most {longest_s:g} s to explain, found {len(known)} of at least "
            f"{lengths_s[known['utterance']].min():.2f} s; raise analyses: attribution: drawn_within_s"
        )
    return short


def _checked(predictor: Predictor, speech: Corpus, name: str, max_s: float) -> np.ndarray:
    about = _about(speech, name)
    rate = int(about["sample_rate_hz"])
    if rate != predictor.sample_rate_hz:
        raise AudioError(
            f"expected speech at {predictor.sample_rate_hz} Hz, the sample rate of the model, found {rate} Hz in "
            f"utterance {name!r}; resample the corpus"
        )
    if about["n_samples"] > max_s * rate:
        raise AudioError(
            f"expected at most {max_s:g} s, the limit of the analysis, found {about['n_samples'] / rate:.1f} s in "
            f"utterance {name!r}; cut it into shorter utterances or raise max_s"
        )
    return speech.waveform(name)


def _about(speech: Corpus, name: str) -> pd.Series:
    return speech.utterances.set_index("utterance").loc[name]


def _spelt_words(speech: Corpus, name: str, index: int) -> tuple[list[str], int]:
    """Return the words of the transcript and the position of the word with this index."""
    segments = speech.segments
    words = segments[(segments["tier"] == "word") & (segments["utterance"] == name)].sort_values("onset")
    text = str(_about(speech, name)["text"]).split()
    return text if len(text) == len(words) else list(words["label"]), int(np.flatnonzero(words["index"] == index)[0])
