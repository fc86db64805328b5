"""Whether a recogniser spells number right where only a cue tells it: with the cue heard, and with the cue silenced.

The determiner is the only word that tells. Silencing it alone would leave two traces: the length of the gap, and how
the next word begins. So a silence of one length stands for the determiner and the first 30 ms behind it. A little
coarticulation may remain further in, or at the end of the word before; what a noun's own sound tells is measured by
probing its log-mel vectors for ``noun_number`` (:mod:`auscult.activations.derived_columns`).
"""

from collections.abc import Callable, Iterator, Mapping, Sequence

import numpy as np
import pandas as pd
from tqdm import tqdm

from auscult.corpora.corpus import Corpus
from auscult.corpora.cues import close_span, cue_spans, cues
from auscult.corpora.transcripts import error_rate, spelt_right
from auscult.errors import AnalysisError
from auscult.statistics.intervals import bootstrap_statistic, cluster_bootstrap
from auscult.tables import RESULT_COLUMNS, check_results

__all__ = ["SPELLING_COLUMNS", "score_spelling"]

SPELLING_COLUMNS = (*RESULT_COLUMNS, "chance", "resampling_unit")
Transcribe = Callable[[Sequence[np.ndarray]], Sequence[str]]
_ONSET_S = 0.03  # of the word behind the cue: where it still sounds of the determiner's vowel
_GAP_S = 0.15


def score_spelling(
    source: Corpus,
    transcribe: Transcribe,
    *,
    corpus: str,
    model: str,
    step: str,
    split: str = "test",
    n_resamples: int = 2000,
    seed: int = 0,
) -> pd.DataFrame:
    """Score a recogniser on every target of a split, its cue heard and its cue silenced.

    Shares of all targets: ``number_right``; ``exact``, spelt right letter by letter; ``number_clear`` and
    ``number_wrong``, spelt in either number and in the other. ``…_silenced``: with a silence of 150 ms in place of the
    determiner and of the first 30 ms of the word behind it. ``number_right_silenced`` is balanced, as is
    ``number_right_balanced`` with the cue heard: among the targets that are spelt in either number, the mean of the
    share right of singulars and of plurals, so that whoever always writes one number, or draws it, has its ``chance``
    of .5; missing where one of the numbers has no such target. Intervals resample speakers. Error rates are over all
    words of the split.

    Parameters
    ----------
    source : corpus with syntax
    transcribe : maps waveforms to transcripts, such as ``Predictor.transcribe``; given one at a time
    corpus, model, step : names in the table

    Raises
    ------
    AnalysisError
        The split has no target.

    Returns
    -------
    results : columns :data:`SPELLING_COLUMNS`
    """
    utterances = source.utterances[source.utterances["split"] == split]
    targets = cue_spans(source.segments, cues(source.segments, utterances))
    if targets.empty:
        raise AnalysisError(
            f"expected nouns or verbs with a number cue in split {split!r} of corpus {corpus!r}, found none in "
            f"{len(utterances)} utterances; use more sentences of a language where only the determiner tells number"
        )
    references = dict(zip(utterances["utterance"], utterances["text"].str.lower()))
    rates = utterances.set_index("utterance")["sample_rate_hz"]
    heard, silenced = {}, []
    for utterance in tqdm(references, desc="transcribing", unit=" utterances", disable=None):
        waveform = source.waveform(utterance)
        heard[utterance] = transcribe([waveform])[0]
        mine = targets[targets["utterance"] == utterance]
        silenced += list(_without_cues(waveform, rates[utterance], mine, references, transcribe))
    judged = spelt_right(references, heard, targets)
    without = pd.concat(silenced).sort_index()
    for name in ("right", "wrong", "exact"):
        judged[f"{name}_silenced"] = without[name]
    judged["speaker"] = judged["utterance"].map(utterances.set_index("utterance")["speaker"])
    rows = list(_shares(judged, n_resamples, seed)) + list(_error_rates(references, heard, utterances))
    table = pd.DataFrame(rows).assign(
        corpus=corpus, model=model, step=str(step), layer="output", resampling_unit="speaker"
    )
    return check_results(table.reindex(columns=list(SPELLING_COLUMNS)))


def _without_cues(
    waveform: np.ndarray, rate_hz: int, targets: pd.DataFrame, references, transcribe: Transcribe
) -> Iterator[pd.DataFrame]:
    """Yield the judgement of an utterance's targets, each cue silenced in turn."""
    for (onset, offset), rows in targets.groupby(["cue_onset", "cue_offset"]):
        end = min(offset + round(_ONSET_S * rate_hz), len(waveform))
        text = transcribe([close_span(waveform, onset, end, round(_GAP_S * rate_hz))])[0]
        yield spelt_right(references, {rows["utterance"].iloc[0]: text}, rows)


def _shares(judged: pd.DataFrame, n_resamples: int, seed: int) -> Iterator[dict]:
    settings = {"n_resamples": n_resamples, "seed": seed}
    for target, rows in [("all", judged), *((pos.lower(), part) for pos, part in judged.groupby("target_pos"))]:
        for ending in ("", "_silenced"):
            right, wrong, exact = (rows[f"{name}{ending}"] for name in ("right", "wrong", "exact"))
            shares = {"number_clear": right | wrong, "number_wrong": wrong, "exact": exact}
            for metric, values in shares.items() if ending else [("number_right", right), *shares.items()]:
                found = _share(values.to_numpy(dtype=float), rows["speaker"], settings)
                yield {"target": target, "metric": f"{metric}{ending}"} | found
            clear = right | wrong
            metric = "number_right_silenced" if ending else "number_right_balanced"
            found = _balanced(right[clear], rows.loc[clear, "number"], rows.loc[clear, "speaker"], settings)
            yield {"target": target, "metric": metric} | found


def _share(values: np.ndarray, speakers: pd.Series, settings: Mapping[str, int]) -> dict:
    low, high = cluster_bootstrap(values, np.ones(len(values)), speakers, **settings)
    return _row(values.mean(), low, high, speakers)


def _balanced(right: pd.Series, numbers: pd.Series, speakers: pd.Series, settings: Mapping[str, int]) -> dict:
    """Return the mean over numbers of the share right, whose chance is .5, with its interval over speakers."""
    names, groups = np.unique(speakers, return_inverse=True)
    counts = np.zeros((len(names), 2, 2))  # speakers, numbers, right and all
    np.add.at(counts, (groups, (numbers == "plural").to_numpy(int)), np.stack([right, np.ones(len(right))], axis=1))

    def mean_recall(sums: np.ndarray) -> np.ndarray:
        with np.errstate(invalid="ignore"):
            return (sums[..., 0] / sums[..., 1]).mean(axis=-1)

    low, high = bootstrap_statistic(counts, mean_recall, **settings)
    return _row(float(mean_recall(counts.sum(axis=0))), low, high, speakers) | {"chance": 0.5}


def _row(value: float, low: float, high: float, speakers: pd.Series) -> dict:
    return {"value": value, "ci_low": low, "ci_high": high, "n": len(speakers), "n_groups": speakers.nunique()}


def _error_rates(references: Mapping[str, str], heard: Mapping[str, str], utterances: pd.DataFrame) -> Iterator[dict]:
    for unit in ("character", "word"):
        value = error_rate(references.values(), [heard[name] for name in references], unit)
        found = _row(value, np.nan, np.nan, utterances["speaker"])
        yield {"target": "all", "metric": f"{unit}_error_rate"} | found
