"""Which utterances are explained, and what of them: the same for all models of a task, whatever they predict."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from zlib import crc32

import numpy as np
import pandas as pd
import torch

from auscult.analyses.attribution.explained_outputs import (
    Target,
    class_target,
    parse_target,
    transcript_target,
    word_target,
)
from auscult.corpora.corpus import Corpus
from auscult.errors import AnalysisError, AudioError
from auscult.models.predictor import Predictor

__all__ = ["TARGETS", "Item", "choose_utterances", "explained", "utterance_seed"]

TARGETS = ("predicted", "labelled", "transcript", "word")


@dataclass(frozen=True)
class Item:
    """One utterance to be explained.

    Parameters
    ----------
    utterance : its name
    waveform : as the model hears it [shape=(n_samples,)]
    target : what is attributed
    cue : index of the word that decides, -1 where none is known
    prediction : the predicted class, or the transcript
    probability : of the target, see :class:`auscult.analyses.attribution.explained_outputs.Target`
    correct : whether the model predicts what was said, where that is known
    """

    utterance: str
    waveform: torch.Tensor
    target: Target
    cue: int
    prediction: str
    probability: float
    correct: bool


def choose_utterances(
    speech: Corpus,
    labels: Sequence[str],
    *,
    target: str,
    cues: pd.DataFrame | None = None,
    n_utterances: int = 16,
    drawn_within_s: float | None = None,
    seed: int = 0,
    only: Collection[str] | None = None,
) -> pd.DataFrame:
    """Draw test utterances of which it is known what decides, where anything is.

    Where the classes are words of the corpus, those with exactly one of them; for the target ``word``, those with a
    cue, one target word each; otherwise any.

    Parameters
    ----------
    labels : the model's classes or tokens
    target : one of :data:`TARGETS`
    cues : as of :func:`auscult.corpora.cues.cues`: words, and which other word decides how they are spelt
    n_utterances : most utterances; fewer where there are fewer
    drawn_within_s : draw among utterances of at most this length; by default of any
    seed : of the choice
    only : these utterances instead

    Returns
    -------
    table of ``utterance``, ``truth`` (the class said, or empty), ``target_index``, ``cue_index`` (of words, -1 for
    none) and ``other`` (the target word as it could be spelt too), in the order of the corpus

    Raises
    ------
    AnalysisError
        There is no such target, no cue, or no utterance.
    """
    if target not in TARGETS:
        raise AnalysisError(f"expected one of the targets {', '.join(TARGETS)}, found {target!r}; correct the name")
    test = speech.utterances[speech.utterances["split"] == "test"]
    generator = np.random.default_rng(seed)
    known = _candidates(speech, test, set(labels), target, cues, generator)
    if known.empty:
        raise AnalysisError(
            f"expected test utterances to explain in corpus {speech.name!r}, found none; "
            "choose a corpus with a test split in which the classes or cues occur"
        )
    if drawn_within_s is not None and not only:
        known = _within(known, test, drawn_within_s)
    drawn = only or generator.permutation(np.sort(known["utterance"]))[:n_utterances]
    order = test["utterance"][test["utterance"].isin(drawn)]
    columns = ["truth", "target_index", "cue_index", "other"]
    return known.set_index("utterance").loc[order, columns].reset_index()


def explained(
    predictor: Predictor,
    speech: Corpus,
    row: Mapping[str, object],
    *,
    target: str,
    scale: str = "log_probability",
    max_s: float = 30.0,
    fixed: str | None = None,
) -> Item:
    """Run the model on an utterance and say what will be attributed.

    Parameters
    ----------
    row : of :func:`choose_utterances`
    target : one of :data:`TARGETS`
    scale : of a class, see :func:`auscult.analyses.attribution.explained_outputs.class_target`
    max_s : longest utterance
    fixed : the name of a target that was chosen before

    Raises
    ------
    AudioError
        The utterance is too long, or of another sample rate than the model's.
    AnalysisError
        The target does not suit the model.
    """
    name = str(row["utterance"])
    waveform = predictor.prepare(_checked(predictor, speech, name, max_s))
    with torch.no_grad():
        logits = predictor.from_waveform(waveform[None])
    best = logits[0].argmax(-1)
    prediction = predictor.labels[int(best)] if predictor.task == "classes" else predictor.spell(best.tolist())
    if fixed is not None:
        chosen = parse_target(predictor, fixed, scale)
    elif target == "word":
        spelt, place = _spelt_words(speech, name, int(row["target_index"]))
        chosen = word_target(predictor, spelt, place, str(row["other"]))
    elif target == "transcript":
        chosen = transcript_target(predictor, str(_about(speech, name)["text"]))
    else:
        label = str(row["truth"]) if target == "labelled" and predictor.task == "classes" else prediction
        chosen = class_target(predictor, label, scale)
    said = str(row["truth"]) if predictor.task == "classes" else str(_about(speech, name)["text"]).lower()
    return Item(
        name,
        waveform,
        chosen,
        int(row["cue_index"]),
        prediction,
        float(chosen.probability(logits)[0]),
        prediction.lower() == said.lower(),
    )


def utterance_seed(seed: int, utterance: str) -> int:
    """Return a seed of an utterance's own, the same whatever else is explained."""
    return int(np.random.SeedSequence([seed, crc32(utterance.encode())]).generate_state(1)[0])


def _candidates(
    speech: Corpus, test: pd.DataFrame, labels: set[str], target: str, cues: pd.DataFrame | None, generator
) -> pd.DataFrame:
    """Return all utterances that can be drawn, with what is known of them."""
    if target == "word":
        if cues is None or cues.empty:
            raise AnalysisError(
                f"expected cues for target: word, found none in corpus {speech.name!r}; choose another "
                "corpus or target: transcript"
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
    """Return the candidates of at most a length."""
    lengths_s = (test["n_samples"] / test["sample_rate_hz"]).set_axis(test["utterance"])
    short = known[lengths_s[known["utterance"]].to_numpy() <= longest_s]
    if short.empty:
        raise AnalysisError(
            f"expected test utterances of at most {longest_s:g} s to explain, found the shortest of {len(known)} to "
            f"last {lengths_s[known['utterance']].min():.2f} s; raise drawn_within_s"
        )
    return short


def _checked(predictor: Predictor, speech: Corpus, name: str, max_s: float) -> np.ndarray:
    about = _about(speech, name)
    rate = int(about["sample_rate_hz"])
    if rate != predictor.sample_rate_hz:
        raise AudioError(
            f"expected speech at {predictor.sample_rate_hz} Hz, which the model hears, found {rate} Hz in utterance "
            f"{name!r}; resample the corpus"
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
    """Return the words of the transcript, and the place among them of the word with this index."""
    segments = speech.segments
    words = segments[(segments["tier"] == "word") & (segments["utterance"] == name)].sort_values("onset")
    text = str(_about(speech, name)["text"]).split()
    return text if len(text) == len(words) else list(words["label"]), int(np.flatnonzero(words["index"] == index)[0])
