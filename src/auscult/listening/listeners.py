"""Checkpoints that listen: each is opened once, with the probe, recogniser and encoder that the lanes need."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd

from auscult.corpora.corpus import Corpus
from auscult.errors import AnalysisError
from auscult.listening.heads import has_ctc_head
from auscult.listening.phones import PhoneLane, hear_phones
from auscult.listening.settings import ListenSettings
from auscult.listening.tones import ToneLane, hear_tones
from auscult.models.checkpoint_format import read_config
from auscult.models.interface import FrameModel
from auscult.models.loading import model_opener
from auscult.models.predictor import Predictor, load_predictor
from auscult.models.seals import checkpoint_digest
from auscult.models.speech import SpeechModel, load_speech_model

__all__ = ["Run", "Listener", "open_listener", "check_lanes"]

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
class Listener:
    """A checkpoint that has been opened.

    Parameters
    ----------
    run : which one
    model : its frames
    probe : what its phone probe hears, if the lane is shown
    tones : what its tone probe hears, if the lane is shown
    recogniser : with its CTC head, if it has one and the lane ``spelling`` is shown
    encoder : whose attention is measured, if it has any and the lane ``mixing`` is shown
    """

    run: Run
    model: FrameModel
    probe: PhoneLane | None = None
    tones: ToneLane | None = None
    recogniser: Predictor | None = None
    encoder: SpeechModel | None = None

    def about(self) -> Lanes:
        """Return what the page needs to know: layers, the time of frames in samples, accuracy of the probes."""
        about: Lanes = {
            "key": self.run.key,
            "label": self.run.described,
            "trained": self.run.step != "0",
            "layers": list(self.model.layers),
            "first": float(self.model.timing.centres(1)[0]) / 2,
            "hop": self.model.timing.hop_samples,
            "digest": checkpoint_digest(self.run.checkpoint) if self.run.checkpoint else "",
        }
        if self.probe is not None:
            about["classes"] = list(self.probe.classes)
            about["accuracy"] = [round(float(value), 3) for value in self.probe.accuracy]
            about["chance"] = round(self.probe.chance, 3)
            about["best"] = self.probe.best_layer()
        if self.tones is not None:
            accuracy = [round(float(value), 3) for value in self.tones.accuracy]
            about["tone"] = {"classes": list(self.tones.classes), "accuracy": accuracy}
            about["tone"]["chance"] = round(self.tones.chance, 3)
            about.setdefault("best", self.tones.best_layer())
        return about


def open_listener(
    run: Run, corpus: Corpus, utterances: pd.DataFrame, settings: ListenSettings, device: str, seed: int
) -> Listener:
    """Open a checkpoint for the lanes of a corpus, and fit the probes that are shown.

    Parameters
    ----------
    run : which checkpoint
    utterances : rows of the corpus that the probes are fitted on and hear
    settings : lanes, and settings of the probes
    device : where the model runs
    seed : of the probes

    Raises
    ------
    AnalysisError
        A probe cannot be fitted, or a recogniser or an encoder reads waveforms of another rate.
    """
    recogniser = encoder = None
    if run.checkpoint is not None:
        if "spelling" in settings.lanes and has_ctc_head(read_config(Path(run.checkpoint))):
            recogniser = load_predictor(run.checkpoint, device=device)
        if "mixing" in settings.lanes:
            encoder = recogniser.encoder if recogniser else load_speech_model(run.checkpoint, device=device)
    for part in (recogniser, encoder):
        if part is not None:
            _check_rate(part.sample_rate_hz, run, corpus)
    opened = recogniser.encoder if recogniser is not None else encoder
    model = opened or model_opener(features=run.features, checkpoint=run.checkpoint, device=device)[0]()
    probe = hear_phones(model, corpus, utterances, settings, seed=seed) if "probe" in settings.lanes else None
    tones = hear_tones(model, corpus, utterances, settings, seed=seed) if "tone" in settings.lanes else None
    return Listener(run, model, probe, tones, recogniser, encoder)


def check_lanes(listeners: Sequence[Listener], settings: ListenSettings, corpus: str) -> None:
    """Require at least one checkpoint for each lane that not every model can show.

    Raises
    ------
    AnalysisError
        No checkpoint is a recogniser for the lane ``spelling``, or has an encoder for the lane ``mixing``.
    """
    opened = ", ".join(listener.run.key for listener in listeners)
    for lane, what, found in (
        ("spelling", "a recogniser with a CTC head", [listener.recogniser for listener in listeners]),
        ("mixing", "an encoder with attention", [listener.encoder for listener in listeners]),
    ):
        if lane in settings.lanes and not any(found):
            raise AnalysisError(
                f"expected {what} for the lane {lane} of corpus {corpus!r}, found none among {opened}; take the lane "
                "out of the study's section listen, or name another model"
            )


def _check_rate(rate_hz: int, run: Run, corpus: Corpus) -> None:
    rates = set(corpus.utterances["sample_rate_hz"])
    if rates != {rate_hz}:
        raise AnalysisError(
            f"expected recordings at {rate_hz} Hz, which {run.key} reads, found {', '.join(map(str, sorted(rates)))} "
            f"Hz in corpus {corpus.name!r}; take the model, or the lanes spelling and mixing, out of the study's "
            "section listen"
        )
