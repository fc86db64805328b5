"""Let a recogniser's output read each of its layers, and count what it writes.

A CTC head reads frames of the last layer; here it reads those of each layer (the logit lens of text models). Whisper's
decoder reads the last layer of its encoder; here it reads each layer (DecoderLens: Langedijk et al., 2024). Both are
also given the states that an affine map, fitted on other speakers, predicts for the last layer from each layer's frame.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from torch import Tensor
from tqdm import tqdm

from auscult.analyses.lens.columns import AFFINE, DIRECT, LENS_COLUMNS, OTHER_MAP
from auscult.analyses.lens.items import LensItems, choose_utterances
from auscult.analyses.lens.maps import AffineMap, fit_maps, other_layers
from auscult.analyses.lens.readers import Reader, reader_of
from auscult.analyses.lens.settings import LensSettings
from auscult.corpora.corpus import Corpus
from auscult.models.error_rates import count_edits, count_kept_words
from auscult.models.predictor import Predictor
from auscult.models.transcriber import Transcriber
from auscult.statistics.intervals import cluster_bootstrap
from auscult.tables import check_results

__all__ = ["LENS_COLUMNS", "LensSettings", "exchanged", "read_layers"]

# Times that transcripts are exchanged for chance, whose error is then small beside that of the rates.
_N_EXCHANGES = 5


def read_layers(
    source: Corpus,
    model: Predictor | Transcriber,
    *,
    names: Mapping[str, str],
    settings: LensSettings = LensSettings(),
    seed: int = 0,
) -> pd.DataFrame:
    """Let the output of a recogniser read each layer, and score the transcripts.

    Parameters
    ----------
    source : corpus with transcripts
    model : recogniser with a CTC head, or Whisper with its decoder
    names : ``corpus``, ``model`` and ``step`` of the table
    settings : see :class:`~auscult.analyses.lens.settings.LensSettings`
    seed : of samples, of the exchange that gives chance, and of the resamples

    Returns
    -------
    results : columns :data:`LENS_COLUMNS`. Rows of target ``spoken``: ``word_error_rate`` and ``character_error_rate``
        of what the output writes from ``layer``, read by ``lens``: ``direct``, after the final normalisation only, or
        ``affine``, through the layer's map; with ``control: other_map`` through the map of ``map_of``. Rows of target
        ``output``: ``word_agreement``, the share of the words of the model's own transcript that are written from the
        layer, too. ``chance`` is the same measure with the transcripts exchanged between utterances, five times. Layer
        ``input`` is log-mel. ``example`` is the transcript of one utterance, ``example_of`` its text. Intervals
        resample speakers; ``n`` counts utterances

    Raises
    ------
    AnalysisError
        See :func:`~auscult.analyses.lens.items.choose_utterances`; or the head does not read the last layer's frames.
    """
    items, reader = choose_utterances(source, settings, seed), reader_of(model)
    maps: dict[str, AffineMap] = {}
    if settings.affine:
        maps = fit_maps(reader.states(source.waveform(name)) for name in tqdm(items.fit, desc="maps", disable=None))
    readings = list(_plan(reader, maps))
    written: dict[_Reading, list[str]] = {reading: [] for reading in readings}
    for name in tqdm(items.test["utterance"], desc="reading layers", disable=None):
        waveform = source.waveform(name)
        states = reader.states(waveform)
        found = reader.write([_apply(each, states, reader, maps) for each in readings], len(waveform))
        for reading, text in zip(readings, found, strict=True):
            written[reading].append(text)
    scores = _Scores(items, written[_Reading(reader.layers[-1], DIRECT)], settings.n_resamples, seed)
    rows = [
        reading.described(maps, len(items.fit)) | row
        for reading, texts in written.items()
        for row in scores.rows(texts)
    ]
    table = pd.DataFrame(rows).assign(**names, resampling_unit="speaker")
    return check_results(table.reindex(columns=list(LENS_COLUMNS)))


@dataclass(frozen=True)
class _Reading:
    """A way of reading a layer; ``map_of`` names the layer whose map is used, if any."""

    layer: str
    lens: str
    map_of: str = ""

    def described(self, maps: Mapping[str, AffineMap], n_fit: int) -> dict[str, Any]:
        """Return the columns of the table that tell it from other readings."""
        named: dict[str, Any] = {"layer": self.layer, "lens": self.lens, "control": "", "map_of": self.map_of}
        if not self.map_of:
            return named
        control = OTHER_MAP if self.map_of != self.layer else ""
        return named | {"control": control, "n_fit": n_fit, "n_fit_frames": maps[self.map_of].n_frames}


def _plan(reader: Reader, maps: Mapping[str, AffineMap]) -> Iterator[_Reading]:
    """Yield the readings: every layer directly and through its own map, and all but the last through another's."""
    yield from (_Reading(layer, DIRECT) for layer in reader.layers)
    yield from (_Reading(layer, AFFINE, layer) for layer in maps)
    if maps:
        yield from (_Reading(layer, AFFINE, other) for layer, other in other_layers(reader.layers).items())


def _apply(reading: _Reading, states: Mapping[str, Tensor], reader: Reader, maps: Mapping[str, AffineMap]) -> Tensor:
    own = states[reading.layer]
    return maps[reading.map_of](own) if reading.map_of else reader.ready(reading.layer, own)


class _Scores:
    """Scores of transcripts of the tested utterances, against what was spoken and against the model's own output."""

    def __init__(self, items: LensItems, output: list[str], n_resamples: int, seed: int):
        self._spoken, self._output = items.test["text"].tolist(), output
        self._speakers, self._example = items.test["speaker"].to_numpy(), items.example
        self._exchanged = exchanged(len(output), seed)
        self._resampling = {"n_resamples": n_resamples, "seed": seed}

    def rows(self, texts: list[str]) -> Iterator[dict[str, Any]]:
        """Yield one row for each measure of these transcripts."""
        shown = {"example": texts[self._example], "example_of": self._spoken[self._example]}
        others = [texts[place] for place in self._exchanged.ravel()]
        n_times = len(self._exchanged)
        chances = count_edits(self._spoken * n_times, others)
        for unit, (edits, lengths) in count_edits(self._spoken, texts).items():
            described = {"target": "spoken", "metric": f"{unit}_error_rate"}
            yield shown | described | self._ratio(edits, lengths) | {"chance": _share(*chances[unit])}
        kept, lengths = count_kept_words(self._output, texts)
        if lengths.sum():
            chance = _share(*count_kept_words(self._output * n_times, others))
            described = {"target": "output", "metric": "word_agreement"}
            yield shown | described | self._ratio(kept, lengths) | {"chance": chance}

    def _ratio(self, numerators: np.ndarray, denominators: np.ndarray) -> dict[str, Any]:
        low, high = cluster_bootstrap(numerators, denominators, self._speakers, **self._resampling)
        counts = {"n": len(self._speakers), "n_groups": len(np.unique(self._speakers))}
        return {"value": _share(numerators, denominators), "ci_low": low, "ci_high": high} | counts


def exchanged(n: int, seed: int) -> np.ndarray:
    """Return for each of n utterances other ones at random: in each row, every utterance is drawn once.

    A single utterance is its own.

    Returns
    -------
    places [shape=(n_times, n)]
    """
    order = np.random.default_rng(seed).permutation(n)
    rows = np.empty((max(1, min(_N_EXCHANGES, n - 1)), n), dtype=int)
    for shift, row in enumerate(rows, start=1):
        row[order] = np.roll(order, shift)
    return rows


def _share(numerators: np.ndarray, denominators: np.ndarray) -> float:
    return float(numerators.sum() / denominators.sum())
