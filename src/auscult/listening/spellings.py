"""What a recogniser would spell from each of its layers, letter by letter, and how sure it is of a homophone."""

from dataclasses import dataclass
from itertools import groupby
from typing import Any

import pandas as pd
import torch

from auscult.analyses.attribution.explained_outputs import word_output
from auscult.corpora.corpus import Corpus
from auscult.corpora.cues import cues, has_cues
from auscult.corpora.transcripts import error_rate, spelt_right
from auscult.models.predictor import Predictor

__all__ = ["SpeltLayer", "known_cues", "spell_layers", "score_spelling_of", "judge_targets"]


@dataclass(frozen=True)
class SpeltLayer:
    """The greedy CTC transcript of one layer.

    Parameters
    ----------
    text : the transcript
    letters : token, first frame, frame after the last, and mean probability of each letter
    """

    text: str
    letters: tuple[tuple[str, int, int, float], ...]


def known_cues(corpus: Corpus, utterances: pd.DataFrame) -> pd.DataFrame:
    """Return target words of utterances and their cues, see :func:`auscult.corpora.cues.cues`; none without syntax."""
    if "cue" in corpus.segments or has_cues(corpus.segments):
        return cues(corpus.segments, utterances)
    return pd.DataFrame(columns=["utterance", "target_index", "cue_index", "number", "word", "other"])


def spell_layers(predictor: Predictor, corpus: Corpus, utterance: str) -> dict[str, SpeltLayer]:
    """Return the transcript of each layer with the frames of its letters."""
    logits = predictor.layer_logits(corpus.waveform(utterance))
    return {layer: _spelt(predictor, values) for layer, values in logits.items()}


def _spelt(predictor: Predictor, logits: torch.Tensor) -> SpeltLayer:
    assert predictor.vocabulary is not None  # a CTC head: layer_logits has checked it
    special, delimiter = predictor.vocabulary.special, predictor.vocabulary.delimiter
    best, tokens = (each.tolist() for each in logits.softmax(-1).max(-1))
    letters, place = [], 0
    for token, run in groupby(tokens):
        stop = place + len(list(run))
        if token not in special:
            label = predictor.labels[token]
            mean = sum(best[place:stop]) / (stop - place)
            letters.append((" " if label == delimiter else label, place, stop, mean))
        place = stop
    return SpeltLayer(predictor.spell(tokens), tuple(letters))


def judge_targets(
    predictor: Predictor, corpus: Corpus, utterance: str, targets: pd.DataFrame, heard: str
) -> list[dict[str, Any]]:
    """Return each homophone of an utterance as written, and the probability of its own number against the other.

    The probability compares the CTC likelihoods of the transcript with the word in either number; it is None where the
    other spelling is not known.

    Parameters
    ----------
    targets : rows of :func:`known_cues` of this utterance
    heard : what the recogniser spells
    """
    text = _text(corpus, utterance)
    judged = spelt_right({utterance: text}, {utterance: heard}, targets)
    with torch.inference_mode():
        logits = predictor.from_waveform(predictor.prepare(corpus.waveform(utterance))[None])
        return [
            {
                "target": int(row["target_index"]),
                "cue": int(row["cue_index"]),
                "word": row["word"],
                "other": row["other"],
                "number": row["number"],
                "written": row["written"],
                "verdict": _verdict(row),
                "p": _probability(predictor, logits, text.split(), row),
            }
            for row in judged.to_dict("records")
        ]


def _verdict(row: dict[Any, Any]) -> str:
    """Return how a word is written; without its spelling in the other number, only whether it is exact is known."""
    if not row["other"]:
        return "exact" if row["exact"] else "misspelt"
    return "right" if row["right"] else "wrong" if row["wrong"] else "neither"


def _probability(predictor: Predictor, logits: torch.Tensor, words: list[str], row: dict[Any, Any]) -> float | None:
    if not row["other"]:
        return None
    return float(word_output(predictor, words, int(row["target_index"]), row["other"].lower()).probability(logits)[0])


def score_spelling_of(predictor: Predictor, corpus: Corpus, utterance: str, targets: pd.DataFrame) -> float:
    """Return how well an utterance is spelt: the lowest probability of the right number of its homophones.

    Without homophones whose other spelling is known it is 1 minus the character error rate.
    """
    heard = predictor.transcribe([corpus.waveform(utterance)])[0]
    judged = judge_targets(predictor, corpus, utterance, targets, heard) if len(targets) else []
    known = [entry["p"] for entry in judged if entry["p"] is not None]
    return min(known) if known else 1 - error_rate([_text(corpus, utterance)], [heard], "character")


def _text(corpus: Corpus, utterance: str) -> str:
    rows = corpus.utterances.loc[corpus.utterances["utterance"] == utterance, "text"]
    return str(rows.iloc[0]).lower()
