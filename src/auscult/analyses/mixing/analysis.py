"""Does a method find the word that a representation must have used? Mass on a known cue, layer by layer.

Where two words sound alike and only another word, the cue, tells which one was said, a model that spells the target
right must have mixed the cue in: the true place is known (Mohebbi and others, EMNLP 2023). Rows are those of the target
word over the words of its sentence, itself included; frames in no word (pauses, the ends) are left out of rows and of
columns. Two scores: the *mass*, the cue's share of the row, whose scale differs between methods, so that it is read
against the same method on the untrained model; and the *hit*, whether the cue's cell is the largest of the row but for
the target's own, which all methods share, with a chance of exactly one in the number of other words.

Attention is not the only way in. Before the first layer the positional convolution of wav2vec 2.0 and HuBERT lets a
frame see about 320 ms to either side in the small model of the default study (1.3 s in a base one), and what has come
in by it, like all before T1, is measured by none of these methods.
"""

import logging
import time
from collections.abc import Collection, Sequence
from itertools import chain
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
from tqdm import tqdm

from auscult.analyses.mixing.ranking import hit_share, summarise_cues
from auscult.analyses.mixing.sentences import Sentence, plan_sentences
from auscult.analyses.mixing.waveforms import METHODS, mix_waveform

if TYPE_CHECKING:
    from auscult.corpora.corpus import Corpus

__all__ = ["SENTENCE_COLUMNS", "MAP_COLUMNS", "mix_cues"]

SENTENCE_COLUMNS = (
    "corpus",
    "model",
    "step",
    "utterance",
    "text",
    "half",
    "target",
    "target_index",
    "cue_index",
    "layer",
    "method",
    "mass",
    "hit",
    "chance",
    "one_in_words",
    "cue_duration",
)
MAP_COLUMNS = (
    "corpus",
    "model",
    "step",
    "layer",
    "method",
    "row",
    "column",
    "row_label",
    "column_label",
    "row_pos",
    "column_pos",
    "value",
    "cue",
    "n",
)
_MEASURED = 4
_log = logging.getLogger(__name__)


def mix_cues(
    speech: Any,
    sentences_of: "Corpus",
    cues: pd.DataFrame,
    *,
    corpus: str,
    model: str,
    step: str,
    methods: Sequence[str] = METHODS,
    layers: Collection[str] | None = None,
    splits: Sequence[str] = ("test",),
    max_sentences: int | None = None,
    memory_mb: float = 1000,
    n_resamples: int = 2000,
    seed: int = 0,
) -> tuple[pd.DataFrame, pd.DataFrame, pd.DataFrame]:
    """Measure how much of each target's row lies on its cue and how often it is the most, by method and layer.

    Half of the sentences (by text, drawn with the seed) choose each method's layer and rank the methods; the other half
    is what chosen layers and differences are reported on. What it costs is measured on four sentences and logged before
    the others run. Sentences run one by one: memory holds one of them, and partners change nothing.

    Parameters
    ----------
    speech : an :class:`auscult.models.speech.SpeechModel`
    sentences_of : the corpus, with segments of tier ``word``
    cues : one row a target: ``utterance``; ``target_index`` and ``cue_index``, places of words in it; ``target_pos``
    corpus, model, step : copied into the tables
    methods, layers, memory_mb : see :func:`auscult.analyses.mixing.waveforms.mix_waveform`
    splits : of the corpus; targets of other utterances are left out
    max_sentences : run so many, spread evenly, instead of all
    n_resamples, seed : of the intervals over sentences; the seed also of the halves

    Returns
    -------
    results : columns :data:`auscult.analyses.mixing.ranking.MIXING_COLUMNS`, see
        :func:`auscult.analyses.mixing.ranking.summarise_cues`
    sentences : columns :data:`SENTENCE_COLUMNS`, mass and hit of every single target; ``half`` is ``valid`` or ``test``
    maps : columns :data:`MAP_COLUMNS`: word × word scores, their mean over the ``n`` sentences of the reporting half
        that have the most frequent sequence of parts of speech among those with most targets; labels are of one of
        them, ``cue`` is the share of them in which ``column`` is the known cue of ``row``

    Raises
    ------
    AnalysisError
        The model has no attention; a method or layer does not exist; there is no target; a cue names no word; a
        sentence does not fit into memory.
    """
    plan = plan_sentences(sentences_of, cues, splits, max_sentences, seed)
    nearest = 0
    found: list[tuple[list[dict], list[dict]]] = [([], [])] * len(plan)
    order = list(dict.fromkeys([0, *np.linspace(0, len(plan) - 1, _MEASURED + 1).astype(int)[1:], *range(len(plan))]))
    started, spent = 0.0, 0
    for done, place in enumerate(tqdm(order, desc=f"mixing {model} {step}", unit="sentence", disable=None)):
        sentence = plan[place]
        spans, few = sentence.spans(speech.timing)
        nearest += few
        scores = mix_waveform(
            speech,
            sentences_of.waveform(sentence.utterance),
            spans,
            methods=methods,
            targets=sentence.rows,
            layers=layers,
            memory_mb=memory_mb,
        )
        found[place] = _shares(sentence, spans, scores), _map_rows(sentence, scores)
        if done == 0:  # the first call loads what is loaded once
            started = time.perf_counter()
        else:
            spent += sentence.n_samples
        if done == _MEASURED and len(plan) > _MEASURED + 1:
            _log_cost(plan, time.perf_counter() - started, spent)
    if nearest:
        _log.info("mixing: %d words hold no frame's centre and took the nearest frame", nearest)
    run = {"corpus": corpus, "model": model, "step": str(step)}
    shares = pd.DataFrame(list(chain.from_iterable(rows for rows, _ in found))).assign(**run)[list(SENTENCE_COLUMNS)]
    maps = _mean_maps(pd.DataFrame(list(chain.from_iterable(rows for _, rows in found)))).assign(**run)
    results = summarise_cues(shares, n_resamples=n_resamples, seed=seed)
    return results, shares, maps[list(MAP_COLUMNS)]


def _shares(sentence: Sentence, spans: np.ndarray, scores: dict) -> list[dict]:
    """Return the mass on each cue in its target's row and whether it is the largest, for every method and layer."""
    lengths = spans[:, 1] - spans[:, 0]
    place = {word: at for at, word in enumerate(sentence.rows)}
    rows = []
    for cue in sentence.cues.itertuples():
        about = {
            "utterance": sentence.utterance,
            "text": sentence.text,
            "half": sentence.half,
            "target": str(cue.target_pos).lower(),
            "target_index": cue.target_index,
            "cue_index": cue.cue_index,
            "chance": 1 / (len(spans) - 1),
            "one_in_words": 1 / len(spans),
            "cue_duration": lengths[cue.cue_place] / lengths.sum(),
        }
        for method, of_layers in scores.items():
            for layer, matrix in of_layers.items():
                row = matrix[place[cue.target_place]]
                scores_of_cue = {"mass": row[cue.cue_place], "hit": hit_share(row, cue.target_place, cue.cue_place)}
                rows.append(about | {"method": method, "layer": layer} | scores_of_cue)
    return rows


def _map_rows(sentence: Sentence, scores: dict) -> list[dict]:
    """Return every cell of a sentence that stands for its kind."""
    if not sentence.whole:
        return []
    labels = sentence.words["label"].to_numpy()
    pos = sentence.words["pos"].to_numpy() if "pos" in sentence.words else np.full(len(labels), "")
    known = set(zip(sentence.cues["target_place"], sentence.cues["cue_place"]))
    return [
        {
            "layer": layer,
            "method": method,
            "row": i,
            "column": j,
            "row_label": labels[i],
            "column_label": labels[j],
            "row_pos": pos[i],
            "column_pos": pos[j],
            "value": value,
            "cue": float((i, j) in known),
        }
        for method, of_layers in scores.items()
        for layer, matrix in of_layers.items()
        for (i, j), value in np.ndenumerate(matrix)
    ]


def _mean_maps(cells: pd.DataFrame) -> pd.DataFrame:
    if cells.empty:
        return pd.DataFrame(columns=list(MAP_COLUMNS))
    about = {name: (name, "first") for name in ("row_label", "column_label", "row_pos", "column_pos")}
    grouped = cells.groupby(["method", "layer", "row", "column"], sort=False)
    return grouped.agg(**about, value=("value", "mean"), cue=("cue", "mean"), n=("value", "size")).reset_index()


def _log_cost(plan: Sequence[Sentence], seconds: float, n_samples: int) -> None:
    total = sum(sentence.n_samples for sentence in plan)
    _log.info(
        "mixing: about %.0f s for %d sentences (%d samples), by the time of %d of them",
        seconds * total / n_samples,
        len(plan),
        total,
        _MEASURED,
    )
