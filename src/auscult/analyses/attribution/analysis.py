"""Feature attribution over a corpus: which stretches of what a model hears its predictions rest on.

One utterance is the matter of :mod:`auscult.analyses.attribution.methods`; what is explained, of
:mod:`auscult.analyses.attribution.items`; averages, of :mod:`auscult.analyses.attribution.summary`.
"""

import logging
from collections.abc import Mapping
from time import perf_counter

import numpy as np
import pandas as pd
from tqdm import tqdm

from auscult.analyses.attribution.cost import count_coalitions, seconds_per_input
from auscult.analyses.attribution.inputs import frame_units, view_input
from auscult.analyses.attribution.items import Item, choose_utterances, explained
from auscult.analyses.attribution.methods import INTEGRATED, METHODS, UNITS, Settings, as_function, attribute
from auscult.analyses.attribution.summary import summarise
from auscult.corpora.corpus import Corpus
from auscult.models.predictor import Predictor

__all__ = ["METHODS", "UNITS", "ATTRIBUTION_COLUMNS", "Settings", "attribute", "attribute_corpus"]

ATTRIBUTION_COLUMNS = (
    "corpus",
    "model",
    "step",
    "utterance",
    "method",
    "input",
    "unit",
    "target",
    "index",
    "label",
    "onset",
    "offset",
    "score",
    "cue",
    "form",
    "prediction",
    "probability",
)
_log = logging.getLogger(__name__)


def attribute_corpus(
    predictor: Predictor,
    speech: Corpus,
    settings: Settings,
    *,
    corpus: str,
    model: str,
    step: str,
    target: str = "predicted",
    scale: str = "log_probability",
    cues: pd.DataFrame | None = None,
    n_utterances: int = 16,
    max_s: float = 30.0,
    drawn_within_s: float | None = None,
    fixed: Mapping[str, str] | None = None,
    n_resamples: int = 2000,
    estimated: bool = True,
) -> tuple[pd.DataFrame, pd.DataFrame, pd.DataFrame]:
    """Attribute what a model predicts on a sample of test utterances.

    Models of one task are asked about the same utterances, with the same coalitions. The time it will take is
    estimated first, and logged, as is what it took.

    Parameters
    ----------
    corpus, model, step : names for the tables
    target : ``predicted`` or ``labelled`` class; of a recogniser ``transcript`` or, where ``cues`` are known, ``word``
    scale : of a class, ``log_probability`` or ``logit``
    cues : see :func:`auscult.analyses.attribution.items.choose_utterances`
    n_utterances, max_s : how many utterances, and the longest allowed
    drawn_within_s : draw among those of at most this length; by default any is drawn, and refused if beyond ``max_s``
    fixed : the form of the target of each utterance, to explain the same with another model; instead of a sample
    n_resamples : of utterances, for the intervals of the summary
    estimated : whether to estimate what it will take

    Returns
    -------
    scores : columns :data:`ATTRIBUTION_COLUMNS`; ``cue`` marks the segments of the word that is known to decide
    summary : see :func:`auscult.analyses.attribution.summary.summarise`
    example : one row, the first utterance predicted as it should be: ``corpus, model, step, utterance,
        sample_rate_hz, waveform``

    Raises
    ------
    AnalysisError, AudioError, LabelError
        As :func:`attribute` and :func:`auscult.analyses.attribution.items.explained`.
    """
    chosen = choose_utterances(
        speech,
        predictor.labels,
        target=target,
        cues=cues,
        n_utterances=n_utterances,
        drawn_within_s=drawn_within_s,
        seed=settings.seed,
        only=fixed,
    )
    names = {"corpus": corpus, "model": model, "step": step}
    about = {"target": target, "scale": scale, "max_s": max_s, "estimated": estimated}
    scores, gaps, right = _attribute_all(predictor, speech, chosen, settings, fixed or {}, about)
    table = pd.concat(scores, ignore_index=True).assign(**names)[list(ATTRIBUTION_COLUMNS)]
    summary = summarise(
        table, pd.concat(gaps, ignore_index=True), target=target, n_resamples=n_resamples, seed=settings.seed
    )
    shown = chosen["utterance"].iloc[int(np.argmax(right))]
    example = {**names, "utterance": shown, "sample_rate_hz": predictor.sample_rate_hz}
    return table, summary, pd.DataFrame([example | {"waveform": speech.waveform(shown)}])


def _attribute_all(
    predictor: Predictor,
    speech: Corpus,
    chosen: pd.DataFrame,
    settings: Settings,
    fixed: Mapping[str, str],
    about: Mapping[str, object],
) -> tuple[list[pd.DataFrame], list[pd.DataFrame], list[bool]]:
    """Return scores and gaps of every utterance, and whether it was predicted as it should be."""
    scores, gaps, right = [], [], []
    about = dict(about)
    estimated, predicted_s, start = about.pop("estimated"), 0.0, perf_counter()
    for row in tqdm(chosen.to_dict("records"), desc="attribution", mininterval=5):
        item = explained(predictor, speech, row, fixed=fixed.get(row["utterance"]), **about)
        units = _units(predictor, speech, item, settings)
        if estimated and not scores:
            predicted_s, start = (
                _announce(predictor, speech, item, units, chosen["utterance"], settings),
                perf_counter(),
            )
        table, gap = attribute(predictor, item, units, settings)
        more = {"target": item.target.name, "form": item.target.form, "prediction": item.prediction}
        cue = _in_word(table, units["word"], item.cue)
        scores.append(table.assign(utterance=item.utterance, cue=cue, probability=item.probability, **more))
        gaps.append(gap.assign(utterance=item.utterance))
        right.append(item.correct)
    if estimated:
        _log.info("attribution: predicted about %.0f s, took %.0f s", predicted_s, perf_counter() - start)
    return scores, gaps, right


def _units(predictor: Predictor, speech: Corpus, item: Item, settings: Settings) -> dict[str, pd.DataFrame]:
    mine = speech.segments[speech.segments["utterance"] == item.utterance].sort_values("onset")
    units = {unit: mine[mine["tier"] == unit] for unit in ("phone", "word")}
    return units | {"frame": frame_units(predictor.timing, len(item.waveform), settings.frame_hops)}


def _in_word(table: pd.DataFrame, words: pd.DataFrame, index: int) -> np.ndarray:
    """Say which segments have their centre in the word with this index."""
    word = words[words["index"] == index]
    if word.empty:
        return np.zeros(len(table), dtype=bool)
    centre = (table["onset"] + table["offset"]) / 2
    return ((centre >= word["onset"].iloc[0]) & (centre < word["offset"].iloc[0])).to_numpy()


def _announce(predictor, speech: Corpus, item: Item, units, utterances: pd.Series, settings: Settings) -> float:
    """Log and return the seconds of the whole run, from one chunk of each kind on its first utterance."""
    lengths = speech.utterances.set_index("utterance")["n_samples"].loc[utterances]
    seconds, n_runs = 0.0, 0
    n_gradients = sum(settings.n_steps for name in settings.methods if name in INTEGRATED)
    n_gradients += bool({"saliency", "input_x_gradient"} & set(settings.methods))
    for name in settings.inputs:
        view = view_input(predictor, item.waveform, name, settings.seed)
        function, (chunk, steep) = as_function(predictor, item, view, settings.memory_mb)
        n_forward = sum(
            count_coalitions(len(units[unit]), settings.methods, settings.n_samples) for unit in settings.units_of(name)
        )
        if "occlusion" in settings.methods:
            n_forward += int(1000 * len(item.waveform) / predictor.sample_rate_hz / settings.stride_ms)
        seconds += n_forward * seconds_per_input(function, view.values, chunk, differentiated=False)
        seconds += n_gradients * seconds_per_input(function, view.values, steep, differentiated=True)
        n_runs += n_forward + n_gradients
    total_s = seconds * lengths.sum() / len(item.waveform)
    _log.info(
        "attribution: about %.0f s for %d utterances (%.0f s of speech), %d perturbations and steps each",
        total_s,
        len(lengths),
        lengths.sum() / predictor.sample_rate_hz,
        n_runs,
    )
    return total_s
