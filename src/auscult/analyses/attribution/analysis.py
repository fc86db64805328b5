"""Feature attribution over a corpus: on which segments of an utterance the predictions of a model rest.

See :mod:`auscult.analyses.attribution.methods` for one utterance, :mod:`auscult.analyses.attribution.items` for the
explained outputs, and :mod:`auscult.analyses.attribution.summary` for averages.
"""

import logging
from collections.abc import Mapping, Sequence
from time import perf_counter

import numpy as np
import pandas as pd
from tqdm import tqdm

from auscult.analyses.attribution.cost import count_coalitions, seconds_per_input
from auscult.analyses.attribution.inputs import frame_units, view_input
from auscult.analyses.attribution.items import Item, choose_utterances, prepare_item
from auscult.analyses.attribution.methods import as_function, attribute
from auscult.analyses.attribution.parts import Explained
from auscult.analyses.attribution.settings import INTEGRATED, METHODS, UNITS, AttributionSettings
from auscult.analyses.attribution.summary import completeness_gaps, summarise
from auscult.corpora.corpus import Corpus
from auscult.models.predictor import Predictor

__all__ = [
    "METHODS",
    "UNITS",
    "ATTRIBUTION_COLUMNS",
    "AttributionSettings",
    "attribute",
    "attribute_corpus",
    "explain_part",
]

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
    "complete",
)
# Probability of the explained output from which an utterance can be the example.
_CONFIDENT = 0.9

_log = logging.getLogger(__name__)


def attribute_corpus(
    predictor: Predictor,
    speech: Corpus,
    settings: AttributionSettings = AttributionSettings(),
    *,
    corpus: str,
    model: str,
    step: str,
    cues: pd.DataFrame | None = None,
    forms: Mapping[str, str] | None = None,
    estimated: bool = True,
    explained: Explained | None = None,
    seed: int = 0,
) -> tuple[pd.DataFrame, pd.DataFrame, pd.DataFrame]:
    """Attribute the predictions of a model on a sample of test utterances.

    All models of a task are explained on the same utterances. Each draws coalitions and noise of its own: with shared
    draws, models would agree in their sampling noise. The time is estimated and
    logged first; the time taken is logged at the end.

    Parameters
    ----------
    corpus, model, step : names for the tables
    cues : target words and their cues, see :func:`auscult.analyses.attribution.items.choose_utterances`
    forms : form of the explained output of each utterance, which replaces sample and kind: explains another model's
        outputs
    estimated : whether to estimate and log the time
    explained : the same utterances, if they have been explained already by :func:`explain_part`
    seed : of the sample, of coalitions and noise, and of the bootstrap

    Returns
    -------
    scores : columns :data:`ATTRIBUTION_COLUMNS`; ``cue`` marks the segments of the deciding word, ``target`` and
        ``form`` hold name and definition of the explained output; ``complete`` is False for integrated gradients whose
        gap over all utterances exceeds ``largest_gap``, which are not to be used
    summary : see :func:`auscult.analyses.attribution.summary.summarise`
    example : one row, a typical utterance: of those predicted correctly (and, if there are any, with a probability of
        at least .9) the one whose share of the deciding word, averaged over methods, is the median; ``corpus, model,
        step, utterance, sample_rate_hz, waveform``

    Raises
    ------
    AnalysisError, AudioError, LabelError
        The errors of :func:`attribute` and :func:`auscult.analyses.attribution.items.prepare_item`.
    """
    kind = settings.explain.of(predictor.task)
    names = {"corpus": corpus, "model": model, "step": step}
    if explained is None:
        chosen = _choose(predictor, speech, settings, cues, forms, seed)
        explained = _explain(predictor, speech, chosen, settings, forms or {}, seed, estimated, f"{model}/{step}")
    table, all_gaps = explained.scores.assign(**names), explained.gaps
    gap = completeness_gaps(all_gaps)
    found = [gap.get(key, 0.0) for key in zip(table["input"], table["method"])]
    table = table.assign(complete=np.array(found) <= settings.largest_gap)[list(ATTRIBUTION_COLUMNS)]
    summary = summarise(
        table,
        all_gaps,
        target=kind,
        largest_gap=settings.largest_gap,
        n_resamples=settings.n_resamples,
        seed=seed,
    )
    shown = _typical(table, explained.correct)
    example = {**names, "utterance": shown, "sample_rate_hz": predictor.sample_rate_hz}
    return table, summary, pd.DataFrame([example | {"waveform": speech.waveform(shown)}])


def explain_part(
    predictor: Predictor,
    speech: Corpus,
    settings: AttributionSettings = AttributionSettings(),
    *,
    part: int,
    n_parts: int,
    model: str,
    step: str,
    cues: pd.DataFrame | None = None,
    seed: int = 0,
) -> Explained | None:
    """Explain the share of one of several jobs in the sampled utterances; None if it has none.

    Parameters
    ----------
    part, n_parts : which part, from 1, and of how many
    settings, model, step, cues, seed : as in :func:`attribute_corpus`
    """
    chosen = _choose(predictor, speech, settings, cues, None, seed)
    mine = chosen.iloc[(part - 1) * len(chosen) // n_parts : part * len(chosen) // n_parts]
    return _explain(predictor, speech, mine, settings, {}, seed, True, f"{model}/{step}") if len(mine) else None


def _choose(
    predictor: Predictor,
    speech: Corpus,
    settings: AttributionSettings,
    cues: pd.DataFrame | None,
    forms: Mapping[str, str] | None,
    seed: int,
) -> pd.DataFrame:
    return choose_utterances(
        speech,
        predictor.labels,
        kind=settings.explain.of(predictor.task),
        cues=cues,
        n_utterances=settings.n_utterances,
        drawn_within_s=settings.drawn_within_s,
        seed=seed,
        only=forms,
    )


def _typical(table: pd.DataFrame, correct: pd.Series) -> str:
    """Return the utterance of the median share of the deciding word among those predicted correctly and confidently."""
    right = set(correct.index[correct.to_numpy()]) or set(correct.index)
    mine = table[table["utterance"].isin(right)]
    confident = mine[mine["probability"] >= _CONFIDENT]
    mine = mine if confident.empty else confident
    words = mine[(mine["unit"] == "word") & mine["complete"]]
    sizes = words.assign(size=words["score"].abs(), on_cue=words["score"].abs() * words["cue"])
    sums = sizes.groupby(["utterance", "input", "method"])[["size", "on_cue"]].sum()
    shares = (sums["on_cue"] / sums["size"].where(sums["size"] > 0)).groupby("utterance").mean().dropna()
    if shares.empty:
        return str(mine["utterance"].iloc[0])
    return str(shares.sort_values(kind="stable").index[(len(shares) - 1) // 2])


def _explain(
    predictor: Predictor,
    speech: Corpus,
    chosen: pd.DataFrame,
    settings: AttributionSettings,
    forms: Mapping[str, str],
    seed: int,
    estimated: bool,
    model: str,
) -> Explained:
    """Return scores and completeness gaps of every utterance, and whether its prediction is correct."""
    scores: list[pd.DataFrame] = []
    gaps: list[pd.DataFrame] = []
    correct: list[bool] = []
    kind = settings.explain.of(predictor.task)
    predicted_s, start = 0.0, perf_counter()
    for row in tqdm(chosen.to_dict("records"), desc="attribution", mininterval=5):
        item = prepare_item(
            predictor,
            speech,
            {str(name): value for name, value in row.items()},
            kind=kind,
            scale=settings.scale,
            max_s=settings.max_s,
            form=forms.get(row["utterance"]),
        )
        units = _units(predictor, speech, item, settings)
        if estimated and not scores:
            predicted_s = _log_estimate(predictor, speech, item, units, chosen["utterance"], settings, seed)
            start = perf_counter()
        others = None if item.partner is None else _units(predictor, speech, item.partner, settings)
        table, gap = attribute(predictor, item, units, settings, seed, partner_units=others, model=model)
        about = {"target": item.output.name, "form": item.form, "prediction": item.prediction}
        cue = _in_word(table, units["word"], item.cue)
        scores.append(table.assign(utterance=item.utterance, cue=cue, probability=item.probability, **about))
        gaps.append(gap.assign(utterance=item.utterance))
        correct.append(item.correct)
    if estimated:
        _log.info("attribution: predicted about %.0f s, took %.0f s", predicted_s, perf_counter() - start)
    return Explained(
        pd.concat(scores, ignore_index=True),
        pd.concat(gaps, ignore_index=True),
        pd.Series(correct, index=pd.Index(chosen["utterance"], name="utterance"), name="correct"),
    )


def _units(predictor: Predictor, speech: Corpus, item: Item, settings: AttributionSettings) -> dict[str, pd.DataFrame]:
    mine = speech.segments[speech.segments["utterance"] == item.utterance].sort_values("onset")
    units = {unit: mine[mine["tier"] == unit] for unit in ("phone", "word")}
    if item.kept is not None:
        # The target's own word decides nothing about its homophone: it stays audible and takes no part. Of two matched
        # recordings only words correspond.
        words = units["word"]
        return {"word": words[(words["onset"] < item.kept[0]) | (words["onset"] >= item.kept[1])]}
    return units | {"frame": frame_units(predictor.timing, len(item.waveform), settings.frame_hops)}


def _in_word(table: pd.DataFrame, words: pd.DataFrame, index: int) -> np.ndarray:
    """Return whether the centre of each segment lies in the word with this index."""
    word = words[words["index"] == index]
    if word.empty:
        return np.zeros(len(table), dtype=bool)
    centre = (table["onset"] + table["offset"]) / 2
    return ((centre >= word["onset"].iloc[0]) & (centre < word["offset"].iloc[0])).to_numpy()


def _log_estimate(
    predictor: Predictor,
    speech: Corpus,
    item: Item,
    units: Mapping[str, pd.DataFrame],
    utterances: Sequence[str] | pd.Series,
    settings: AttributionSettings,
    seed: int,
) -> float:
    """Log and return the estimated time of the whole run in s, from one chunk of each kind on its first utterance."""
    lengths = speech.utterances.set_index("utterance")["n_samples"].loc[utterances]
    seconds, n_runs = 0.0, 0
    n_gradients = sum(settings.max_steps // 2 for name in settings.methods if name in INTEGRATED)
    n_gradients += bool({"saliency", "input_x_gradient"} & set(settings.methods))
    for name in settings.inputs:
        view = view_input(predictor, item.waveform, name, seed)
        function, (chunk, steep) = as_function(predictor, item, view, settings.memory_mb)
        n_forward = sum(
            count_coalitions(len(units[unit]), settings.methods, settings.n_samples)
            for unit in settings.units_of(name)
            if unit in units
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
