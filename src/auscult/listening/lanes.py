"""What is computed for the listening page: the utterances of one corpus, with the lanes of every checkpoint."""

from collections.abc import Collection, Sequence
from typing import Any

import numpy as np
import pandas as pd
from tqdm import tqdm

from auscult.analyses.mixing.sentences import Sentence
from auscult.analyses.mixing.waveforms import mix_waveform
from auscult.corpora.corpus import Corpus
from auscult.errors import AnalysisError
from auscult.listening.listeners import Listener, Run, check_lanes, open_listener
from auscult.listening.phones import HeardPhones
from auscult.listening.selection import Pool, Shown, choose, find_pool
from auscult.listening.settings import ListenSettings
from auscult.listening.spellings import judge_targets, known_cues, score_spelling_of, spell_layers
from auscult.listening.tones import HeardTones
from auscult.models.predictor import Predictor
from auscult.models.speech import SpeechModel

__all__ = ["Run", "listen"]

Lanes = dict[str, Any]
_PROBES = ("probe", "tone")


def listen(
    corpus: Corpus,
    runs: Sequence[Run],
    settings: ListenSettings,
    *,
    attributions: pd.DataFrame | None = None,
    device: str = "cpu",
    seed: int = 0,
) -> Lanes:
    """Choose utterances of a corpus by the stated rules, and compute the lanes of every checkpoint for them.

    The hardest utterances are judged by the phone probe of the last run at the layer that hears phones best, or else by
    its tone probe, or else by how the last recogniser spells homophones or, without any, the text.

    Parameters
    ----------
    runs : checkpoints in the order of the study; of each model the untrained one first
    settings : lanes, number of utterances, and settings of the probe
    attributions : scores in ``results/attribution``, needed for the lane ``attribution``
    device : where models run
    seed : of the random order, of folds and of training frames

    Returns
    -------
    lanes : what :func:`auscult.listening.page.build_page` shows; plain lists, mappings, numbers and texts

    Raises
    ------
    AnalysisError
        No utterance can be shown, or a lane cannot be computed.
    """
    explained = _explained(attributions, corpus.name, runs) if "attribution" in settings.lanes else None
    pool = find_pool(corpus, settings, seed=seed)
    targets = known_cues(corpus, pool.utterances)
    if "spelling" in settings.lanes and len(targets):
        kind = "with a homophone whose cue is known"
        pool = find_pool(corpus, settings, only=set(targets["utterance"]), kind=kind, seed=seed)
    drawn = pool if explained is None else _among(pool, set(explained["utterance"]), corpus.name)
    # The probe hears the utterances that it is fitted on, in other folds; those drawn must be among them.
    considered = pool.names[: settings.considered] if settings.hardest or set(_PROBES) & set(settings.lanes) else []
    heard = list(dict.fromkeys([*considered, *drawn.names[: settings.drawn]]))
    rows = pool.utterances[pool.utterances["utterance"].isin(heard)]
    listeners = [open_listener(run, corpus, rows, settings, device, seed) for run in runs]
    check_lanes(listeners, settings, corpus.name)
    scores, measure = _scores(listeners, rows, corpus, targets)
    n_considered = min(settings.considered, len(pool.names))
    all_considered = n_considered == len(pool.names)
    of = pool.described if all_considered else f"{n_considered} drawn at random from {pool.described}"
    shown, rules = choose(drawn, scores, settings, measure=measure, considered=of)
    return {
        "corpus": corpus.name,
        "lanes": list(settings.lanes),
        "rules": rules,
        "measure": measure,
        "notes": list(settings.notes),
        "runs": [listener.about() for listener in listeners],
        "utterances": [
            _utterance(one, corpus, listeners, settings, targets, explained)
            for one in tqdm(shown, desc=f"listening to {corpus.name}", unit=" utterances", disable=None)
        ],
    }


def _among(pool: Pool, explained: Collection[str], corpus: str) -> Pool:
    """Return the utterances of a pool that attribution explains, in the same order."""
    rows = pool.utterances[pool.utterances["utterance"].isin(explained)]
    if rows.empty:
        raise AnalysisError(
            f"expected utterances of corpus {corpus!r} that attribution explains among {pool.described}, found none; "
            "change split or longest_s, or take the lane attribution out of the study's section listen"
        )
    return Pool(rows, f"{len(rows)} of {pool.described} that the study's attribution explains")


def _scores(
    listeners: Sequence[Listener], utterances: pd.DataFrame, corpus: Corpus, targets: pd.DataFrame
) -> tuple[dict[str, float], str]:
    """Return a score for each utterance considered, and what it measures; none if nothing known can be compared with.

    The last checkpoint judges by its phone probe or its tone probe, or else the last recogniser, where texts are known.
    """
    judge = listeners[-1]
    for what, probe in (("phones", judge.probe), ("tones", judge.tones)):
        if probe is not None:
            layer = probe.best_layer()
            where = f"probe of {judge.run.label}, layer {probe.layers[layer]}"
            return probe.mean_probability(layer), f"mean probability of the true {what} ({where})"
    own, known = dict(list(targets.groupby("utterance"))), bool((targets["other"] != "").any())
    transcribed = utterances.loc[utterances["text"].str.strip() != "", "utterance"]
    for listener in reversed(listeners):
        if listener.recogniser is not None and len(transcribed):
            scores = {
                name: score_spelling_of(listener.recogniser, corpus, name, own.get(name, targets.iloc[:0]))
                for name in tqdm(transcribed, desc="judging spelling", unit=" utterances", disable=None)
            }
            measure = "probability of the number of a homophone" if known else "accuracy of letters (1 − error rate)"
            return scores, f"{measure} ({listener.run.label})"
    return {}, ""


def _explained(attributions: pd.DataFrame | None, corpus: str, runs: Sequence[Run]) -> pd.DataFrame:
    """Return the usable scores of words for these runs.

    Raises
    ------
    AnalysisError
        There is none.
    """
    found = pd.DataFrame() if attributions is None else attributions
    if len(found):
        keys = found["model"] + "/" + found["step"].astype(str)
        used = (found["corpus"] == corpus) & keys.isin([run.key for run in runs]) & found["complete"]
        found = found[used & (found["unit"] == "word")]
    if found.empty:
        raise AnalysisError(
            f"expected attributions to words in corpus {corpus!r} by {', '.join(run.key for run in runs)} for the lane "
            "attribution, found none; add word to analyses: attribution: units or take the lane out"
        )
    return found


def _utterance(
    one: Shown,
    corpus: Corpus,
    listeners: Sequence[Listener],
    settings: ListenSettings,
    targets: pd.DataFrame,
    explained: pd.DataFrame | None,
) -> Lanes:
    words = corpus.segments[(corpus.segments["tier"] == "word") & (corpus.segments["utterance"] == one.utterance)]
    words = words.sort_values("index")
    own = targets[targets["utterance"] == one.utterance]
    heard: dict[str, Lanes] = {}
    for listener in listeners:
        lanes: Lanes = {}
        if listener.probe is not None:
            lanes["probe"] = _probed(listener.probe.heard[one.utterance])
        if listener.tones is not None and one.utterance in listener.tones.heard:
            lanes["tone"] = _toned(listener.tones.heard[one.utterance])
        if listener.recogniser is not None:
            lanes["spelling"] = _spelt(listener.recogniser, corpus, one.utterance, own, words)
        if listener.encoder is not None and len(words):
            lanes["mixing"] = _mixed(listener.encoder, corpus, one.utterance, words, settings)
        if explained is not None:
            keys = explained["model"] + "/" + explained["step"].astype(str)
            scores = explained[(keys == listener.run.key) & (explained["utterance"] == one.utterance)]
            lanes["attribution"] = _attributed(scores, words)
        heard[listener.run.key] = lanes
    score = None if one.score is None or not np.isfinite(one.score) else round(float(one.score), 3)
    return {"id": one.utterance, "rule": one.rule, "score": score, "runs": heard}


def _probed(heard: HeardPhones) -> Lanes:
    """Return classes and probabilities in per cent, by layer and frame."""
    percent = (np.rint(100 * values).astype(int).tolist() for values in (heard.p_top, heard.p_true))
    p_top, p_true = percent
    return {"truth": heard.truth.tolist(), "top": heard.top.tolist(), "p": p_top, "true": p_true}


def _toned(heard: HeardTones) -> Lanes:
    """Return syllables, the class of each, and probabilities in per cent by layer and syllable."""
    columns = heard.syllables[["label", "onset", "offset"]].itertuples(index=False)
    return {
        "syllables": [[str(label), int(onset), int(offset)] for label, onset, offset in columns],
        "truth": heard.truth.tolist(),
        "p": np.rint(100 * heard.p).astype(int).tolist(),
    }


def _spelt(predictor: Predictor, corpus: Corpus, utterance: str, targets: pd.DataFrame, words: pd.DataFrame) -> Lanes:
    """Return transcripts and letters by layer, and the targets; words are named by their place in the utterance."""
    layers = spell_layers(predictor, corpus, utterance)
    last = list(layers.values())[-1].text
    judged = judge_targets(predictor, corpus, utterance, targets, last) if len(targets) else []
    place = {int(index): at for at, index in enumerate(words["index"])}
    for entry in judged:
        entry["target"], entry["cue"] = place.get(entry["target"], -1), place.get(entry["cue"], -1)
        entry["p"] = None if entry["p"] is None else round(entry["p"], 3)
    return {
        "layers": {
            layer: {"text": spelt.text, "letters": [[*letter, round(100 * p)] for *letter, p in spelt.letters]}
            for layer, spelt in layers.items()
        },
        "targets": judged,
    }


def _mixed(
    encoder: SpeechModel, corpus: Corpus, utterance: str, words: pd.DataFrame, settings: ListenSettings
) -> Lanes:
    """Return words × words in per mille, by method and layer; each row sums to 1000."""
    waveform = corpus.waveform(utterance)
    sentence = Sentence(utterance, "", "test", len(waveform), words, words.iloc[:0], whole=True)
    spans, _ = sentence.spans(encoder.timing)
    scores = mix_waveform(encoder, waveform, spans, methods=settings.methods)
    return {
        method: {layer: np.rint(1000 * matrix).astype(int).tolist() for layer, matrix in layers.items()}
        for method, layers in scores.items()
    }


def _attributed(scores: pd.DataFrame, words: pd.DataFrame) -> list[Lanes]:
    """Return the scores of words for each explained output, input and method; None for words without a score."""
    onsets = {int(onset): place for place, onset in enumerate(words["onset"])}
    found = []
    for (target, form, given, method), rows in scores.groupby(["target", "form", "input", "method"], sort=False):
        values: list[float | None] = [None] * len(words)
        for onset, score in zip(rows["onset"], rows["score"]):
            if int(onset) in onsets:
                values[onsets[int(onset)]] = float(f"{score:.3g}")
        about = {"target": target, "form": form, "input": given, "method": method}
        found.append(about | {"p": round(float(rows["probability"].iloc[0]), 3), "scores": values})
    return found
