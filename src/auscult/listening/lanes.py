"""What is computed for the listening page: the utterances of one corpus, with the lanes of every checkpoint."""

from collections.abc import Collection, Sequence
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


@dataclass(frozen=True)
class _Listener:
    """A checkpoint that has been opened: its probe, its recogniser, or both."""

    run: Run
    timing: FrameTiming
    probe: PhoneLane | None
    recogniser: Predictor | None

    @property
    def layers(self) -> list[str]:
        """Names of the layers, in order of depth."""
        if self.probe is not None:
            return list(self.probe.layers)
        return list(self.recogniser.encoder.layers) if self.recogniser is not None else []

    def about(self) -> Lanes:
        """Return what the page needs to know: layers, the time of frames in samples, accuracy of the probe."""
        about: Lanes = {
            "key": self.run.key,
            "label": self.run.described,
            "trained": self.run.step != "0",
            "layers": self.layers,
            "first": float(self.timing.centres(1)[0]) / 2,
            "hop": self.timing.hop_samples,
            "digest": checkpoint_digest(self.run.checkpoint) if self.run.checkpoint else "",
        }
        if self.probe is not None:
            about["classes"] = list(self.probe.classes)
            about["accuracy"] = [round(float(value), 3) for value in self.probe.accuracy]
            about["chance"] = round(self.probe.chance, 3)
            about["best"] = self.probe.best_layer()
        return about


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
        kind = "with a homophone whose cue is known"
        pool = find_pool(corpus, settings, only=set(targets["utterance"]), kind=kind, seed=seed)
    drawn = pool if explained is None else _among(pool, set(explained["utterance"]), corpus.name)
    # The probe hears the utterances that it is fitted on, in other folds; those drawn must be among them.
    heard = list(dict.fromkeys([*pool.names[: settings.considered], *drawn.names[: settings.drawn]]))
    rows = pool.utterances[pool.utterances["utterance"].isin(heard)]
    listeners = [_open(run, corpus, rows, settings, device, seed) for run in runs]
    scores, measure = _scores(listeners[-1], rows, corpus, targets)
    n_considered = min(settings.considered, len(pool.names))
    all_considered = n_considered == len(pool.names)
    considered = pool.described if all_considered else f"{n_considered} drawn at random from {pool.described}"
    shown, rules = choose(drawn, scores, settings, measure=measure, considered=considered)
    return {
        "corpus": corpus.name,
        "lanes": list(settings.lanes),
        "rules": rules,
        "measure": measure,
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


def _open(
    run: Run, corpus: Corpus, utterances: pd.DataFrame, settings: ListenSettings, device: str, seed: int
) -> _Listener:
    """Open a checkpoint, and fit its phone probe if it is shown."""
    probe = recogniser = None
    if "probe" in settings.lanes:
        model = model_opener(features=run.features, checkpoint=run.checkpoint, device=device)[0]()
        probe = hear_phones(model, corpus, utterances, settings, seed=seed)
        timing = model.timing
    if "probe" not in settings.lanes or {"spelling", "mixing"} & set(settings.lanes):
        recogniser = load_predictor(str(run.checkpoint), device=device)
        _check_recogniser(recogniser, run, corpus)
        timing = recogniser.timing
    return _Listener(run, timing, probe, recogniser)


def _check_recogniser(recogniser: Predictor, run: Run, corpus: Corpus) -> None:
    if recogniser.task != "ctc":
        raise AnalysisError(
            f"expected a recogniser with a CTC head for the lanes of corpus {corpus.name!r}, found a classifier in "
            f"{run.key}; take the model out of the study's section listen"
        )
    rates = set(corpus.utterances["sample_rate_hz"])
    if rates != {recogniser.sample_rate_hz}:
        raise AnalysisError(
            f"expected recordings at {recogniser.sample_rate_hz} Hz, which {run.key} reads, found "
            f"{', '.join(map(str, sorted(rates)))} Hz in corpus {corpus.name!r}; take the model out of the study's "
            "section listen"
        )


def _scores(
    listener: _Listener, utterances: pd.DataFrame, corpus: Corpus, targets: pd.DataFrame
) -> tuple[dict[str, float], str]:
    """Return a score for each utterance considered, and what it measures."""
    run, probe, recogniser = listener.run, listener.probe, listener.recogniser
    if probe is not None:
        layer = probe.best_layer()
        return probe.mean_probability(layer), (
            f"mean probability of the true phones (probe of {run.label}, layer {probe.layers[layer]})"
        )
    assert recogniser is not None  # without a probe, every listener is a recogniser
    own = dict(list(targets.groupby("utterance")))
    scores = {
        name: score_spelling_of(recogniser, corpus, name, own.get(name, targets.iloc[:0]))
        for name in tqdm(utterances["utterance"], desc="judging spelling", unit=" utterances", disable=None)
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


def _utterance(
    one: Shown,
    corpus: Corpus,
    listeners: Sequence[_Listener],
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
        if listener.recogniser is not None and "spelling" in settings.lanes:
            lanes["spelling"] = _spelt(listener.recogniser, corpus, one.utterance, own, words)
        if listener.recogniser is not None and "mixing" in settings.lanes and len(words):
            lanes["mixing"] = _mixed(listener.recogniser, corpus, one.utterance, words, settings)
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
