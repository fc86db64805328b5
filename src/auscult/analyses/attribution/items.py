"""Utterances to explain and their explained outputs: the same for all models of a task, whatever they predict."""

import re
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
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
from auscult.analyses.attribution.pairs import join_pair, split_pair
from auscult.analyses.attribution.settings import AttributionSettings
from auscult.corpora.corpus import Corpus
from auscult.errors import AnalysisError, AudioError
from auscult.models.predictor import Predictor

__all__ = ["KINDS", "Item", "choose_utterances", "marked_place", "prepare_item", "utterance_seed"]

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
    score : of the explained output
    kept : onset and offset (samples) of a target word that stays audible and receives no score; None for no word
    partner : the same sentence position in the other number, for a spelling; the explained output is the mean of both
    """

    utterance: str
    waveform: torch.Tensor
    output: ExplainedOutput
    cue: int
    prediction: str
    probability: float
    correct: bool
    score: float = float("nan")
    kept: tuple[int, int] | None = None
    partner: "Item | None" = None

    @property
    def recordings(self) -> tuple["Item", ...]:
        """The item itself, and its partner if it has one."""
        return (self,) if self.partner is None else (self, self.partner)

    @property
    def form(self) -> str:
        """Full definition of what is explained, the partner included."""
        if self.partner is None:
            return self.output.form
        return join_pair(self.output.form, self.partner.utterance, self.partner.output.form)


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

    If the classes are words of the corpus, utterances with exactly one of them are drawn; for the kind ``word``, pairs
    of utterances with a cue; otherwise any utterance.

    A pair has the same target word in both numbers, at the same place of sentences of the same length, with the cue at
    the same place. The first recording is drawn; the other is its partner. In their mean the preference of CTC for the
    shorter spelling cancels, since it favours one and disfavours the other: silence decides nothing.

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
        (``index`` of words, -1 for none), ``other`` (other spelling of the target word) and ``partner`` (the other
        utterance of a pair, or empty), in the order of the corpus

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
    if kind == "word" and not only:
        known = _paired(known, speech, generator)
    known = known.drop_duplicates("utterance").assign(partner=known.get("partner", ""))
    drawn = list(only) if only else generator.permutation(np.sort(known["utterance"]))[:n_utterances]
    order = test["utterance"][test["utterance"].isin(drawn)]
    columns = ["truth", "target_index", "cue_index", "other", "partner"]
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
    form : form of an explained output, which replaces the one that ``kind`` and ``row`` define, partner included

    Raises
    ------
    AudioError
        The utterance is too long, or its sample rate differs from the model's.
    AnalysisError
        The explained output does not suit the model.
    """
    own, partner, partner_form = split_pair(form) if form is not None else (None, str(row.get("partner", "")), None)
    item = _single(predictor, speech, row, kind=kind, scale=scale, max_s=max_s, form=own)
    if not partner:
        return item
    # The partner's target has the same index, and its spellings are exchanged.
    other = dict(row) | {"utterance": partner, "other": _spelling(speech, row)}
    second = _single(predictor, speech, other, kind=kind, scale=scale, max_s=max_s, form=partner_form)
    score = (item.score + second.score) / 2
    probability = float(torch.tensor(score).sigmoid())
    correct = item.correct and second.correct
    return replace(item, score=score, probability=probability, correct=correct, partner=second)


def _single(
    predictor: Predictor,
    speech: Corpus,
    row: Mapping[str, Any],
    *,
    kind: str,
    scale: str,
    max_s: float,
    form: str | None,
) -> Item:
    """Return the item of one recording, without a partner."""
    name = str(row["utterance"])
    waveform = predictor.prepare(_checked(predictor, speech, name, max_s))
    with torch.no_grad():
        logits = predictor.from_waveform(waveform[None])
    best = logits[0].argmax(-1)
    prediction = predictor.labels[int(best)] if predictor.task == "classes" else predictor.spell(best.tolist())
    kept = None
    if form is not None:
        output = parse_output(predictor, form, scale)
        place = marked_place(form)
        kept = _word_span(speech, name, place) if predictor.task == "ctc" and place >= 0 else None
    elif kind == "word":
        spelt, place = _spelt_words(speech, name, int(row["target_index"]))
        output = word_output(predictor, spelt, place, str(row["other"]))
        kept = _word_span(speech, name, place)
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
        float(output.score(logits)[0]),
        kept,
    )


def marked_place(form: str) -> int:
    """Return the position of the word that a form marks with its alternative, from 0; -1 if it marks none."""
    marked = (place for place, word in enumerate(form.split()) if re.fullmatch(r"\[.+\|.*\]", word))
    return next(marked, -1)


def utterance_seed(seed: int, utterance: str, model: str = "") -> int:
    """Return the seed of an utterance for one model, which does not depend on other utterances and models."""
    words = [crc32(name.encode()) for name in (utterance, model)]
    return int(np.random.SeedSequence([seed, *words]).generate_state(1)[0])


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
        return shuffled[shuffled["utterance"].isin(test["utterance"])].assign(truth="")
    words = speech.segments[speech.segments["tier"] == "word"]
    if labels <= set(words["label"]):
        said = words[words["label"].isin(labels) & words["utterance"].isin(test["utterance"])]
        said = said[~said["utterance"].duplicated(keep=False)].rename(columns={"label": "truth", "index": "cue_index"})
        return said.assign(target_index=-1, other="")
    columns = [name for name in test.columns if set(test[name].astype(str)) <= labels]
    truth = test[columns[0]].astype(str) if columns else ""
    return test.assign(truth=truth, cue_index=-1, target_index=-1, other="")


def _paired(known: pd.DataFrame, speech: Corpus, generator: np.random.Generator) -> pd.DataFrame:
    """Return matched pairs of targets in both numbers, each utterance at most once; either number may come first."""
    n_words = speech.segments[speech.segments["tier"] == "word"].groupby("utterance").size()
    spellings = [" ".join(sorted(pair)) for pair in zip(known["word"], known["other"])]
    about = known.assign(spellings=spellings, n_words=known["utterance"].map(n_words))
    used: set[str] = set()
    rows: list[dict[str, Any]] = []
    for _, group in about[about["other"] != ""].groupby(["spellings", "target_index", "cue_index", "n_words"]):
        waiting: dict[str, list[dict[str, Any]]] = {}
        for row in group.to_dict("records"):
            others = [one for one in waiting.get(str(row["other"]), []) if one["utterance"] not in used]
            if row["utterance"] in used or any(one["utterance"] == row["utterance"] for one in others):
                continue
            if not others:
                waiting.setdefault(str(row["word"]), []).append(row)
                continue
            first, second = (row, others[0]) if generator.random() < 0.5 else (others[0], row)
            rows.append(first | {"partner": second["utterance"]})
            used |= {first["utterance"], second["utterance"]}
    if not rows:
        raise AnalysisError(
            f"expected the same target word in both numbers, at the same place of two test utterances of corpus "
            f"{speech.name!r}, found none among {len(known)} cues; raise drawn_within_s, choose another corpus or set "
            "analyses: attribution: explain: ctc: transcript"
        )
    return pd.DataFrame(rows)


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


def _word_span(speech: Corpus, name: str, place: int) -> tuple[int, int]:
    """Return onset and offset in samples of the word at a position of the utterance."""
    segments = speech.segments
    words = segments[(segments["tier"] == "word") & (segments["utterance"] == name)].sort_values("onset")
    return int(words["onset"].iloc[place]), int(words["offset"].iloc[place])


def _spelling(speech: Corpus, row: Mapping[str, Any]) -> str:
    words, place = _spelt_words(speech, str(row["utterance"]), int(row["target_index"]))
    return words[place]


def _spelt_words(speech: Corpus, name: str, index: int) -> tuple[list[str], int]:
    """Return the words of the transcript and the position of the word with this index."""
    segments = speech.segments
    words = segments[(segments["tier"] == "word") & (segments["utterance"] == name)].sort_values("onset")
    text = str(_about(speech, name)["text"]).split()
    return text if len(text) == len(words) else list(words["label"]), int(np.flatnonzero(words["index"] == index)[0])
