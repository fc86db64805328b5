"""What is computed for the listening page: the utterances of one corpus, with the lanes of every checkpoint."""

import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from tqdm import tqdm

from auscult.analyses.mixing.sentences import Sentence
from auscult.analyses.mixing.waveforms import mix_waveform
from auscult.corpora.corpus import Corpus
from auscult.errors import AnalysisError
from auscult.listening.phones import HeardPhones, PhoneLane, hear_phones
from auscult.listening.selection import Pool, Shown, choose, find_pool
from auscult.listening.settings import ListenSettings
from auscult.listening.spellings import judge_targets, known_cues, score_spelling_of, spell_layers
from auscult.models.frames import FrameTiming
from auscult.models.loading import model_opener
from auscult.models.predictor import Predictor, load_predictor
from auscult.models.seals import checkpoint_digest

__all__ = ["Run", "listen"]

Lanes = dict[str, Any]
_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Run:
    """A checkpoint that listens.

    Parameters
    ----------
    model, step : names in the study; step ``0`` is the untrained model
    label : name shown to readers
    checkpoint : its folder; None for an acoustic baseline
    features : name of an acoustic baseline
    """

    model: str
    step: str
    label: str
    checkpoint: str | None = None
    features: str | None = None

    @property
    def key(self) -> str:
        """Name of the checkpoint in the page's data."""
        return f"{self.model}/{self.step}"

    @property
    def described(self) -> str:
        """Name of the checkpoint on the page."""
        return f"{self.label}, untrained" if self.step == "0" else self.label


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

    The hardest utterances are judged with the last run: by its phone probe at the layer that hears phones best, or by
    its spelling of homophones.

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
        with_cue = set(targets["utterance"])
        pool = find_pool(corpus, settings, only=with_cue, kind="with a homophone whose cue is known", seed=seed)
    considered = Pool(pool.utterances.iloc[: settings.considered], "")
    probes: dict[str, PhoneLane] = {}
    recognisers: dict[str, Predictor] = {}
    timings: dict[str, FrameTiming] = {}
    for run in runs:
        if "probe" in settings.lanes:
            model = model_opener(features=run.features, checkpoint=run.checkpoint, device=device)[0]()
            timings[run.key] = model.timing
            probes[run.key] = hear_phones(model, corpus, considered.utterances, settings, seed=seed)
        if {"spelling", "mixing"} & set(settings.lanes):
            recognisers[run.key] = load_predictor(str(run.checkpoint), device=device)
            timings[run.key] = recognisers[run.key].timing
    scores, measure = _scores(runs[-1], considered, corpus, probes, recognisers, targets)
    drawn = pool
    if explained is not None:
        names = [name for name in pool.names if name in set(explained["utterance"])]
        rows = pool.utterances.set_index("utterance").loc[names].reset_index()
        drawn = Pool(rows, f"{len(rows)} of {pool.described} that the study's attribution explains")
    shown, rules = choose(
        drawn,
        scores,
        settings,
        measure=measure,
        considered=pool.described
        if len(considered.names) == len(pool.names)
        else f"{len(considered.names)} drawn at random from {pool.described}",
    )
    if "probe" in settings.lanes:
        # Utterances drawn from a larger pool than the probe's are heard by no probe.
        missing = [one.utterance for one in shown if one.utterance not in probes[runs[-1].key].heard]
        if missing:
            raise AnalysisError(
                f"expected considered (now {settings.considered}) to be at least drawn (now {settings.drawn}) in the "
                f"study's section listen: {corpus.name}, found {len(missing)} drawn utterances without a probe"
            )
    return {
        "corpus": corpus.name,
        "lanes": list(settings.lanes),
        "methods": list(settings.methods) if "mixing" in settings.lanes else [],
        "rules": rules,
        "measure": measure,
        "runs": [_about(run, timings[run.key], probes.get(run.key), recognisers.get(run.key)) for run in runs],
        "utterances": [
            _utterance(one, corpus, runs, settings, probes, recognisers, timings, targets, explained)
            for one in tqdm(shown, desc=f"listening to {corpus.name}", unit=" utterances", disable=None)
        ],
    }


def _scores(
    run: Run,
    considered: Pool,
    corpus: Corpus,
    probes: Mapping[str, PhoneLane],
    recognisers: Mapping[str, Predictor],
    targets: pd.DataFrame,
) -> tuple[dict[str, float], str]:
    """Return a score for each utterance considered, and what it measures; none without a lane that ranks."""
    if run.key in probes:
        probe = probes[run.key]
        layer = probe.best_layer()
        return probe.mean_probability(layer), (
            f"mean probability of the true phones (probe of {run.label}, layer {probe.layers[layer]})"
        )
    if run.key not in recognisers or recognisers[run.key].task != "ctc":
        return {}, ""
    predictor, own = recognisers[run.key], dict(list(targets.groupby("utterance")))
    scores = {
        name: score_spelling_of(predictor, corpus, name, own.get(name, targets.iloc[:0]))
        for name in tqdm(considered.names, desc="judging spelling", unit=" utterances", disable=None)
    }
    known = len(targets) and (targets["other"] != "").any()
    measure = "probability of the number of a homophone" if known else "accuracy of letters (1 − error rate)"
    return scores, f"{measure} ({run.label})"


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


def _about(run: Run, timing: FrameTiming, probe: PhoneLane | None, recogniser: Predictor | None) -> Lanes:
    """Return what the page needs to know of a checkpoint: its layers, and the time of its frames in samples."""
    layers = list(probe.layers) if probe else list(recogniser.encoder.layers) if recogniser else []
    about: Lanes = {
        "key": run.key,
        "label": run.described,
        "trained": run.step != "0",
        "layers": layers,
        "first": float(timing.centres(1)[0]) / 2,
        "hop": timing.hop_samples,
        "digest": checkpoint_digest(run.checkpoint) if run.checkpoint else "",
    }
    if probe:
        about["classes"] = list(probe.classes)
        about["accuracy"] = [round(float(value), 3) for value in probe.accuracy]
        about["chance"] = round(probe.chance, 3)
        about["best"] = probe.best_layer()
    return about


def _utterance(
    one: Shown,
    corpus: Corpus,
    runs: Sequence[Run],
    settings: ListenSettings,
    probes: Mapping[str, PhoneLane],
    recognisers: Mapping[str, Predictor],
    timings: Mapping[str, FrameTiming],
    targets: pd.DataFrame,
    explained: pd.DataFrame | None,
) -> Lanes:
    words = corpus.segments[(corpus.segments["tier"] == "word") & (corpus.segments["utterance"] == one.utterance)]
    words = words.sort_values("index")
    own = targets[targets["utterance"] == one.utterance]
    heard: dict[str, Lanes] = {}
    for run in runs:
        lanes: Lanes = {}
        if "probe" in settings.lanes:
            lanes["probe"] = _probed(probes[run.key].heard[one.utterance])
        if "spelling" in settings.lanes:
            lanes["spelling"] = _spelt(recognisers[run.key], corpus, one.utterance, own)
        if "mixing" in settings.lanes and len(words):
            lanes["mixing"] = _mixed(recognisers[run.key], corpus, one.utterance, words, settings)
        if explained is not None:
            keys = explained["model"] + "/" + explained["step"].astype(str)
            scores = explained[(keys == run.key) & (explained["utterance"] == one.utterance)]
            lanes["attribution"] = _attributed(scores, words)
        heard[run.key] = lanes
    score = None if one.score is None or not np.isfinite(one.score) else round(float(one.score), 3)
    return {"id": one.utterance, "rule": one.rule, "score": score, "runs": heard}


def _probed(heard: HeardPhones) -> Lanes:
    """Return classes and probabilities in per cent, by layer and frame."""
    percent = (np.rint(100 * values).astype(int).tolist() for values in (heard.p_top, heard.p_true))
    p_top, p_true = percent
    return {"truth": heard.truth.tolist(), "top": heard.top.tolist(), "p": p_top, "true": p_true}


def _spelt(predictor: Predictor, corpus: Corpus, utterance: str, targets: pd.DataFrame) -> Lanes:
    layers = spell_layers(predictor, corpus, utterance)
    last = list(layers.values())[-1].text
    judged = judge_targets(predictor, corpus, utterance, targets, last) if len(targets) else []
    for entry in judged:
        entry["p"] = None if entry["p"] is None else round(entry["p"], 3)
    return {
        "layers": {
            layer: {"text": spelt.text, "letters": [[*letter, round(100 * p)] for *letter, p in spelt.letters]}
            for layer, spelt in layers.items()
        },
        "targets": judged,
    }


def _mixed(
    predictor: Predictor, corpus: Corpus, utterance: str, words: pd.DataFrame, settings: ListenSettings
) -> Lanes:
    """Return words × words in per mille, by method and layer; each row sums to 1000."""
    waveform = corpus.waveform(utterance)
    sentence = Sentence(utterance, "", "test", len(waveform), words, words.iloc[:0], whole=True)
    spans, _ = sentence.spans(predictor.timing)
    scores = mix_waveform(predictor.encoder, waveform, spans, methods=settings.methods)
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
