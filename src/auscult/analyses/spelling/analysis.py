"""Whether a recogniser spells number correctly if only a cue marks it, with the cue audible and with the cue silenced.

The cue is the determiner, the only word that marks number. Silencing it alone would leave two traces: the length of the
gap, and the onset of the next word. A silence of constant length therefore replaces the determiner and the first 30 ms
of the next word. Some coarticulation may remain further into that word, or at the end of the word before. Whether a
noun's own sound carries number is measured by probing its log-mel vectors for ``noun_number``
(:mod:`auscult.activations.derived_columns`).
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, Literal

import numpy as np
import numpy.typing as npt
import pandas as pd
from tqdm import tqdm

from auscult.analyses.spelling.settings import SpellingSettings
from auscult.corpora.corpus import Corpus
from auscult.corpora.cues import close_span, cue_spans, cues
from auscult.corpora.transcripts import error_rate, spelt_right
from auscult.errors import AnalysisError
from auscult.statistics.intervals import bootstrap_statistic, cluster_bootstrap
from auscult.tables import RESULT_COLUMNS, check_results

__all__ = ["SPELLING_COLUMNS", "SpellingSettings", "score_spelling"]

SPELLING_COLUMNS = (*RESULT_COLUMNS, "chance", "resampling_unit", "example", "example_of")
Array = npt.NDArray[Any]
Transcribe = Callable[[Sequence[Array]], Sequence[str]]
Lens = Callable[[Array], Mapping[str, str]]
# Start of the word after the cue, which still carries the vowel of the determiner.
_ONSET_S = 0.03
_GAP_S = 0.15


def score_spelling(
    source: Corpus,
    transcribe: Transcribe,
    *,
    lens: Lens | None = None,
    corpus: str,
    model: str,
    step: str,
    settings: SpellingSettings = SpellingSettings(),
    seed: int = 0,
) -> pd.DataFrame:
    """Score a recogniser on every target of a split, with its cue audible and with its cue silenced.

    Shares of all targets: ``number_right``; ``exact`` (every letter correct); ``number_clear`` and ``number_wrong``
    (spelt in either number, in the other number). Metrics that end in ``_silenced`` replace the determiner and the
    first 30 ms of the next word by 150 ms of silence. ``number_right_silenced`` is balanced, as is
    ``number_right_balanced`` with the cue audible: among targets spelt in either number, the mean over singulars and
    plurals of the share that is right. Its ``chance`` is 0.5 even for a model that always writes one number; it is
    missing if one number has no such target. Intervals resample speakers. Error rates are over all words of the split.

    With a ``lens``, the same shares are measured of what the head spells from each layer, with the cue audible (target
    ``all``, ``layer`` names the layer). One utterance, the first of those with most targets, is given as ``example``,
    its reference as ``example_of``.

    Parameters
    ----------
    source : corpus with syntax
    transcribe : maps waveforms to transcripts, such as ``Predictor.transcribe``; called with one waveform at a time
    lens : maps a waveform to its transcript by layer, such as ``Predictor.transcribe_layers``
    corpus, model, step : copied into the table
    settings : split and number of resamples
    seed : of the resamples

    Returns
    -------
    results : columns :data:`SPELLING_COLUMNS`

    Raises
    ------
    AnalysisError
        The split has no target.
    """
    utterances = source.utterances[source.utterances["split"] == settings.split]
    targets = cue_spans(source.segments, cues(source.segments, utterances))
    if targets.empty:
        raise AnalysisError(
            f"expected nouns or verbs with a number cue in split {settings.split!r} of corpus {corpus!r}, found none "
            f"in {len(utterances)} utterances; add sentences of a language where only the determiner marks number"
        )
    references = dict(zip(utterances["utterance"], utterances["text"].str.lower()))
    heard, judged = _judge(source, transcribe, utterances, targets, references)
    judged["speaker"] = judged["utterance"].map(utterances.set_index("utterance")["speaker"])
    rows = list(_shares(judged, settings.n_resamples, seed)) + list(_error_rates(references, heard, utterances))
    rows = [{"layer": "output"} | row for row in rows]
    if lens is not None:
        rows += _through_lens(source, lens, targets.assign(speaker=judged["speaker"]), references, settings, seed)
    table = pd.DataFrame(rows).assign(corpus=corpus, model=model, step=str(step), resampling_unit="speaker")
    return check_results(table.reindex(columns=list(SPELLING_COLUMNS)))


def _through_lens(
    source: Corpus,
    lens: Lens,
    targets: pd.DataFrame,
    references: Mapping[str, str],
    settings: SpellingSettings,
    seed: int,
) -> list[dict[str, Any]]:
    """Return the shares of each layer's transcripts, with the transcript of one utterance."""
    heard = {name: lens(source.waveform(name)) for name in tqdm(references, desc="lens", disable=None)}
    counts = targets.groupby("utterance", sort=False).size()
    example = str(counts.idxmax())
    rows = []
    for layer in heard[example]:
        judged = spelt_right(references, {name: texts[layer] for name, texts in heard.items()}, targets)
        judged["speaker"] = targets["speaker"]
        shown = {"layer": layer, "example": heard[example][layer], "example_of": references[example]}
        rows += [shown | row for row in _shares(judged, settings.n_resamples, seed, silenced=False)]
    return [row for row in rows if row["target"] == "all"]


def _judge(
    source: Corpus,
    transcribe: Transcribe,
    utterances: pd.DataFrame,
    targets: pd.DataFrame,
    references: Mapping[str, str],
) -> tuple[dict[str, str], pd.DataFrame]:
    """Return transcripts with the cues audible, and the judgement of every target in both conditions."""
    rates = utterances.set_index("utterance")["sample_rate_hz"]
    heard: dict[str, str] = {}
    silenced: list[pd.DataFrame] = []
    for utterance in tqdm(references, desc="transcribing", unit=" utterances", disable=None):
        waveform = source.waveform(utterance)
        heard[utterance] = transcribe([waveform])[0]
        own = targets[targets["utterance"] == utterance]
        silenced += list(_without_cues(waveform, rates[utterance], own, references, transcribe))
    judged = spelt_right(references, heard, targets)
    without = pd.concat(silenced).sort_index()
    for name in ("right", "wrong", "exact"):
        judged[f"{name}_silenced"] = without[name]
    return heard, judged


def _without_cues(
    waveform: Array,
    rate_hz: int,
    targets: pd.DataFrame,
    references: Mapping[str, str],
    transcribe: Transcribe,
) -> Iterator[pd.DataFrame]:
    """Yield the judgement of an utterance's targets for each of its cues, silenced on its own."""
    for (onset, offset), rows in targets.groupby(["cue_onset", "cue_offset"]):
        end = min(offset + round(_ONSET_S * rate_hz), len(waveform))
        text = transcribe([close_span(waveform, onset, end, round(_GAP_S * rate_hz))])[0]
        yield spelt_right(references, {rows["utterance"].iloc[0]: text}, rows)


def _shares(judged: pd.DataFrame, n_resamples: int, seed: int, *, silenced: bool = True) -> Iterator[dict[str, Any]]:
    resampling = {"n_resamples": n_resamples, "seed": seed}
    for target, rows in [("all", judged), *((pos.lower(), part) for pos, part in judged.groupby("target_pos"))]:
        for ending in ("", "_silenced") if silenced else ("",):
            right, wrong, exact = (rows[f"{name}{ending}"] for name in ("right", "wrong", "exact"))
            shares = {"number_clear": right | wrong, "number_wrong": wrong, "exact": exact}
            for metric, values in shares.items() if ending else [("number_right", right), *shares.items()]:
                found = _share(values.to_numpy(dtype=float), rows["speaker"], resampling)
                yield {"target": target, "metric": f"{metric}{ending}"} | found
            clear = right | wrong
            metric = "number_right_silenced" if ending else "number_right_balanced"
            found = _balanced(right[clear], rows.loc[clear, "number"], rows.loc[clear, "speaker"], resampling)
            yield {"target": target, "metric": metric} | found


def _share(values: Array, speakers: pd.Series, resampling: Mapping[str, int]) -> dict[str, Any]:
    low, high = cluster_bootstrap(values, np.ones(len(values)), speakers, **resampling)
    return _row(values.mean(), low, high, speakers)


def _balanced(
    right: pd.Series, numbers: pd.Series, speakers: pd.Series, resampling: Mapping[str, int]
) -> dict[str, Any]:
    """Return the mean over singulars and plurals of the share right (chance 0.5), with its interval over speakers."""
    names, groups = np.unique(speakers, return_inverse=True)
    counts = np.zeros((len(names), 2, 2))  # speaker, number, (right, all)
    np.add.at(counts, (groups, (numbers == "plural").to_numpy(int)), np.stack([right, np.ones(len(right))], axis=1))

    def mean_recall(sums: Array) -> Array:
        with np.errstate(invalid="ignore"):
            return (sums[..., 0] / sums[..., 1]).mean(axis=-1)

    low, high = bootstrap_statistic(counts, mean_recall, **resampling)
    return _row(float(mean_recall(counts.sum(axis=0))), low, high, speakers) | {"chance": 0.5}


def _row(value: float, low: float, high: float, speakers: pd.Series) -> dict[str, Any]:
    return {"value": value, "ci_low": low, "ci_high": high, "n": len(speakers), "n_groups": speakers.nunique()}


def _error_rates(
    references: Mapping[str, str], heard: Mapping[str, str], utterances: pd.DataFrame
) -> Iterator[dict[str, Any]]:
    units: tuple[Literal["character", "word"], ...] = ("character", "word")
    for unit in units:
        value = error_rate(references.values(), [heard[name] for name in references], unit)
        found = _row(value, np.nan, np.nan, utterances["speaker"])
        yield {"target": "all", "metric": f"{unit}_error_rate"} | found
