"""Context mixing of target words with known cues: which method finds the word that a representation must have used?

Where two words sound alike and only another word, the cue, distinguishes them, a model that spells the target word
correctly must have mixed in the cue (Mohebbi and others, EMNLP 2023). A row holds the scores of the target word over
the words of its sentence, itself included; frames outside words (pauses, both ends) are left out of rows and columns.
Two measures are taken. The *mass* is the cue's share of the row. Its scale differs between methods, so that it is
compared with the same method on the untrained model. The *hit* is 1 where the cue's cell is the largest of the row, the
target word's own cell left out. It has the same scale in all methods, with chance 1 / (number of other words).

Attention is not the only path between frames. Before the first layer, the positional convolution of wav2vec 2.0 and
HuBERT mixes frames over about 320 ms to either side in the small models of the default study (1.3 s in a base model).
No method here measures mixing before T1.
"""

import logging
import time
from collections.abc import Collection, Sequence
from itertools import chain
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
from tqdm import tqdm

from auscult.analyses.mixing.effects import score_effects
from auscult.analyses.mixing.ranking import hit_share, summarise_cues
from auscult.analyses.mixing.sentences import Sentence, plan_sentences
from auscult.analyses.mixing.settings import MixingSettings
from auscult.analyses.mixing.waveforms import Scores, mix_waveform
from auscult.tables import check_results

if TYPE_CHECKING:
    from auscult.corpora.corpus import Corpus
    from auscult.models.predictor import Predictor
    from auscult.models.speech import SpeechModel

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
# Sentences from which the cost of all is estimated.
_TIMED = 4
_log = logging.getLogger(__name__)


def mix_cues(
    speech: "SpeechModel",
    sentences_of: "Corpus",
    cues: pd.DataFrame,
    *,
    corpus: str,
    model: str,
    step: str,
    settings: MixingSettings = MixingSettings(),
    layers: Collection[str] | None = None,
    recogniser: "Predictor | None" = None,
    spells: bool = True,
    seed: int = 0,
) -> tuple[pd.DataFrame, pd.DataFrame, pd.DataFrame]:
    """Score the cue of each target word, by method and layer.

    Half of the sentences (by text, drawn with the seed) choose the layer of each method and rank the methods; chosen
    layers and differences are reported on the other half. The cost is estimated on four sentences and logged before the
    others run. Sentences run one by one, so that memory holds one sentence and no sentence changes another's scores.

    Parameters
    ----------
    sentences_of : the corpus, with segments of tier ``word``
    cues : one row per target word: ``utterance``, ``target_index`` and ``cue_index`` (``index`` of both words in the
        utterance), ``target_pos`` (part of speech)
    corpus, model, step : copied into the tables
    layers : ``T1 … TL``; by default all
    recogniser : the same model with its CTC head, for the effect of the cue on the spelling
        (:func:`auscult.analyses.mixing.effects.score_effects`), added to ``results``; None for other models, and for
        cues without the target's spelling in the other number
    spells : whether the model has an output that spells the target words; copied into ``results``
    seed : of the halves and of the bootstrap

    Returns
    -------
    results : columns :data:`auscult.analyses.mixing.ranking.MIXING_COLUMNS`, see
        :func:`auscult.analyses.mixing.ranking.summarise_cues`
    sentences : columns :data:`SENTENCE_COLUMNS`, mass and hit of every target word; ``half`` is ``valid`` or ``test``
    maps : columns :data:`MAP_COLUMNS`, mean word × word scores over the ``n`` sentences of the reporting half that have
        the most frequent sequence of parts of speech among those with most target words. Labels are taken from one of
        these sentences; ``cue`` is the share of them in which ``column`` is the known cue of ``row``

    Raises
    ------
    AnalysisError
        The model has no attention, a method or layer does not exist, there is no target word, a cue names no word, or a
        sentence does not fit into memory.
    """
    plan = plan_sentences(sentences_of, cues, settings.splits, settings.max_sentences, seed)
    nearest = 0
    found: list[tuple[list[dict[str, Any]], list[dict[str, Any]]]] = [([], [])] * len(plan)
    order = list(dict.fromkeys([0, *np.linspace(0, len(plan) - 1, _TIMED + 1).astype(int)[1:], *range(len(plan))]))
    started, spent = 0.0, 0
    for done, place in enumerate(tqdm(order, desc=f"mixing {model} {step}", unit="sentence", disable=None)):
        sentence = plan[place]
        spans, n_nearest = sentence.spans(speech.timing)
        nearest += n_nearest
        scores = mix_waveform(
            speech,
            sentences_of.waveform(sentence.utterance),
            spans,
            methods=settings.methods,
            targets=sentence.rows,
            layers=layers,
            memory_mb=settings.memory_mb,
        )
        found[place] = _shares(sentence, spans, scores), _map_rows(sentence, scores)
        if done == 0:  # the first call includes loading
            started = time.perf_counter()
        else:
            spent += sentence.n_samples
        if done == _TIMED and len(plan) > _TIMED + 1:
            _log_cost(plan, time.perf_counter() - started, spent)
    if nearest:
        _log.info("mixing: %d words contain no frame's centre and received the nearest frame", nearest)
    run = {"corpus": corpus, "model": model, "step": str(step)}
    shares = pd.DataFrame(list(chain.from_iterable(rows for rows, _ in found))).assign(**run)[list(SENTENCE_COLUMNS)]
    maps = _mean_maps(pd.DataFrame(list(chain.from_iterable(rows for _, rows in found)))).assign(**run)
    results = summarise_cues(shares, n_resamples=settings.n_resamples, seed=seed)
    if recogniser is not None and (cues["other"] != "").all():
        effects = score_effects(recogniser, sentences_of, plan, n_resamples=settings.n_resamples, seed=seed)
        effects = effects.assign(**run, resampling_unit="sentence")
        results = pd.concat([results, effects.reindex(columns=results.columns)], ignore_index=True)
    return check_results(results.assign(spells=spells)), shares, maps[list(MAP_COLUMNS)]


def _shares(sentence: Sentence, spans: np.ndarray, scores: Scores) -> list[dict[str, Any]]:
    """Return mass and hit of each cue in the row of its target word, for every method and layer."""
    lengths = spans[:, 1] - spans[:, 0]
    place = {word: at for at, word in enumerate(sentence.rows)}
    rows = []
    for cue in sentence.cues.to_dict("records"):
        about: dict[str, Any] = {
            "utterance": sentence.utterance,
            "text": sentence.text,
            "half": sentence.half,
            "target": str(cue["target_pos"]).lower(),
            "target_index": cue["target_index"],
            "cue_index": cue["cue_index"],
            "chance": 1 / (len(spans) - 1),
            "one_in_words": 1 / len(spans),
            "cue_duration": lengths[cue["cue_place"]] / lengths.sum(),
        }
        for method, of_layers in scores.items():
            for layer, matrix in of_layers.items():
                row = matrix[place[cue["target_place"]]]
                hit = hit_share(row, cue["target_place"], cue["cue_place"])
                rows.append(about | {"method": method, "layer": layer, "mass": row[cue["cue_place"]], "hit": hit})
    return rows


def _map_rows(sentence: Sentence, scores: Scores) -> list[dict[str, Any]]:
    """Return every cell of a sentence that contributes to the map; none of another sentence."""
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
    labels = {name: (name, "first") for name in ("row_label", "column_label", "row_pos", "column_pos")}
    grouped = cells.groupby(["method", "layer", "row", "column"], sort=False)
    return grouped.agg(**labels, value=("value", "mean"), cue=("cue", "mean"), n=("value", "size")).reset_index()


def _log_cost(plan: Sequence[Sentence], seconds: float, n_samples: int) -> None:
    total = sum(sentence.n_samples for sentence in plan)
    _log.info(
        "mixing: about %.0f s for %d sentences (%d samples), estimated from %d of them",
        seconds * total / n_samples,
        len(plan),
        total,
        _TIMED,
    )
