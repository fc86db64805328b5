"""Fine-tuned speech models: logits of a recogniser or classifier, differentiable with respect to the input.

Two heads are supported: a classifier of utterances (``…ForSequenceClassification``) and a recogniser of letters trained
by CTC (``…ForCTC``). A batch holds waveforms of one length: padding would change frames through group norm over time.
"""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Literal

import numpy as np
import torch
from torch import Tensor
from transformers import PreTrainedModel

from auscult.devices import pick_device
from auscult.errors import AnalysisError, CheckpointError
from auscult.models.checkpoint_format import (
    CONFIG,
    VOCABULARY,
    check_checkpoint,
    is_speech_encoder,
    read_preprocessor,
)
from auscult.models.checkpoints import load_model
from auscult.models.seals import check_seal
from auscult.models.speech import SpeechModel, replaced_front
from auscult.models.vocabulary import Vocabulary, plain_vocabulary, read_vocabulary

__all__ = ["HEADS", "VOCABULARY", "Predictor", "load_predictor"]

HEADS: dict[str, Literal["ctc", "classes"]] = {"ForCTC": "ctc", "ForSequenceClassification": "classes"}
# Their front ends read filterbanks, not waveforms.
_NO_WAVEFORMS = ("wav2vec2-bert", "whisper")


def load_predictor(
    folder: str | Path, *, device: str | torch.device = "cpu", preprocessor: Mapping[str, Any] | None = None
) -> "Predictor":
    """Load a checkpoint folder, sealed or plain, whose architecture has a CTC head or a classifier.

    Parameters
    ----------
    folder : checkpoint folder
    device : where it runs; ``auto`` takes a GPU where there is one
    preprocessor : settings of the feature extractor that the folder lacks, see
        :func:`auscult.models.checkpoint_format.read_preprocessor`

    Raises
    ------
    ManifestError
        The folder is sealed and a file has changed, or the folder is unfinished.
    CheckpointError
        The architecture has neither head, weights or settings of the feature extractor are missing, or the tokenizer
        does not fit the head.
    """
    folder = Path(folder)
    check_seal(folder)
    settings = check_checkpoint(folder)
    architecture = (settings.get("architectures") or [""])[0] or ""
    head = next((head for head in HEADS if architecture.endswith(head)), None)
    family = settings["model_type"]
    if head is None or not is_speech_encoder(settings) or family in _NO_WAVEFORMS:
        raise CheckpointError(
            f"expected an architecture of transformers ending in {' or '.join(HEADS)} that reads waveforms in "
            f"{folder / CONFIG}, found {architecture!r} of {family}; choose a fine-tuned model, or ask for "
            "states of the encoder only: heads of a class of their own are never run"
        )
    model = load_model(folder)
    heard = read_preprocessor(folder, preprocessor)
    if HEADS[head] == "classes":
        return Predictor(model, _class_names(model), heard, device=pick_device(device))
    vocabulary = read_vocabulary(folder, model.config.vocab_size, model.config.pad_token_id)
    return Predictor(model, vocabulary.labels, heard, device=pick_device(device), vocabulary=vocabulary)


class Predictor:
    """A speech model with its head: differentiable functions of a waveform or of the front end's frames.

    Parameters
    ----------
    model : ``…ForCTC`` or ``…ForSequenceClassification``; put into evaluation mode, its parameters without gradients
    labels : class names, or the tokens of the CTC head, in order of their index
    preprocessor : settings of the checkpoint's feature extractor, see :class:`auscult.models.speech.SpeechModel`
    device : where it runs
    vocabulary : of the CTC head; by default ``labels`` with ``|`` between words

    Attributes
    ----------
    task : ``ctc`` or ``classes``
    blank : index of the CTC blank (the padding token, as in transformers); None for a classifier
    vocabulary : tokens of the CTC head and how they spell; None for a classifier
    encoder : a :class:`~auscult.models.speech.SpeechModel` on the same weights
    sample_rate_hz, timing : those of the encoder
    """

    def __init__(
        self,
        model: PreTrainedModel,
        labels: Sequence[str],
        preprocessor: Mapping[str, Any] | None = None,
        *,
        device: str | torch.device = "cpu",
        vocabulary: Vocabulary | None = None,
    ):
        # Any: transformers declares no type for the parts of a model.
        self.model: Any = model.eval().requires_grad_(False)
        self.model.to(device)
        self.task = next(task for head, task in HEADS.items() if type(model).__name__.endswith(head))
        self.labels = tuple(labels)
        self.vocabulary = vocabulary
        if self.task == "ctc" and vocabulary is None:
            self.vocabulary = plain_vocabulary(labels, int(model.config.pad_token_id or 0))
        self.blank = self.vocabulary.blank if self.vocabulary is not None else None
        self.encoder = SpeechModel(self.model.base_model, preprocessor, device=device)
        self.device, self.timing = self.encoder.device, self.encoder.timing
        self.sample_rate_hz = self.encoder.sample_rate_hz
        self._normalise = bool((preprocessor or {}).get("do_normalize", True))

    def prepare(self, waveform: np.ndarray) -> Tensor:
        """Return a waveform as input of the model [shape=(n_samples,), float32, on the device].

        If the checkpoint's feature extractor normalises, the result has zero mean and unit variance.

        Raises
        ------
        AudioError
            The waveform is shorter than the model's receptive field.
        """
        self.timing.require_frame(len(waveform), "the waveform")
        waveform = np.asarray(waveform, dtype=np.float32)
        if self._normalise:
            waveform = (waveform - waveform.mean()) / np.sqrt(waveform.var() + 1e-7)
        return torch.from_numpy(waveform).to(self.device)

    def from_waveform(self, batch: Tensor) -> Tensor:
        """Return logits of prepared waveforms of one length [shape=(n_batch, n_samples)].

        Returns
        -------
        logits [shape=(n_batch, n_classes)], or [shape=(n_batch, n_frames, n_tokens)] of a CTC head
        """
        return self.model(batch).logits

    def cnn(self, batch: Tensor) -> Tensor:
        """Return the output of the convolutional front end [shape=(n_batch, n_frames, n_dims)]."""
        return self.encoder.encoder.feature_extractor(batch).transpose(1, 2)

    def from_cnn(self, batch: Tensor) -> Tensor:
        """Return the logits of :meth:`from_waveform` from front-end frames [shape=(n_batch, n_frames, n_dims)].

        The model itself runs unchanged; only its front end is replaced, by a function that returns these frames.
        """
        with replaced_front(self.encoder.encoder, batch.transpose(1, 2)):
            return self.model(batch[:, :, 0]).logits

    def head(self, frames: Tensor) -> Tensor:
        """Return the logits of a CTC head from frames of the last layer, as the encoder returns them.

        Parameters
        ----------
        frames : [shape=(..., n_frames, n_dims)]

        Raises
        ------
        AnalysisError
            The model is a classifier, or has an adapter or upsampling between its last block and its head.
        """
        config = self.model.config
        if self.task != "ctc" or getattr(config, "add_adapter", False) or getattr(config, "squeeze_factor", 1) > 1:
            raise AnalysisError(
                "expected a CTC head that reads the last layer's frames, found a classifier or an "
                "adapter in between; choose another model"
            )
        with torch.inference_mode():
            return self.model.lm_head(frames)

    def label_index(self, label: str) -> int:
        """Return the index of a class or token.

        Raises
        ------
        AnalysisError
            The model has no such class or token.
        """
        if label not in self.labels:
            kind = "classes" if self.task == "classes" else "tokens"
            raise AnalysisError(
                f"expected one of the model's {kind} ({', '.join(self.labels)}), found {label!r}; correct the target"
            )
        return self.labels.index(label)

    def transcribe(self, waveforms: Sequence[np.ndarray]) -> list[str]:
        """Return greedy CTC transcripts: the best token of each frame, repeats and special tokens removed.

        Raises
        ------
        AnalysisError
            The model is a classifier.
        """
        if self.task != "ctc":
            raise AnalysisError("expected a model with a CTC head to transcribe, found a classifier; choose another")
        with torch.inference_mode():
            best = [self.from_waveform(self.prepare(waveform)[None])[0].argmax(-1).tolist() for waveform in waveforms]
        return [self.spell(tokens) for tokens in best]

    def layer_logits(self, waveform: np.ndarray) -> dict[str, Tensor]:
        """Return the logits of the CTC head if it reads each layer instead of the last: ``embed``, ``T1`` … ``TL``.

        The head was trained on the last layer alone, so that it may miss what another layer holds in other directions.
        In models that normalise before their blocks, the final norm is applied to every layer.

        Returns
        -------
        logits by layer [shape=(n_frames, n_tokens)]

        Raises
        ------
        AnalysisError
            As :meth:`head`.
        """
        found = self.encoder.frames([waveform])
        return {layer: self.head(self.as_last(layer, *found[layer])) for layer in self.encoder.layers[1:]}

    def as_last(self, layer: str, frames: Tensor) -> Tensor:
        """Return frames of a layer as the head reads those of the last one [shape=(n_frames, n_dims)].

        In models that normalise before their blocks, the final norm is applied, which the last layer's have had.
        """
        if not self._normalises_first or layer == self.encoder.layers[-1]:
            return frames
        with torch.inference_mode():
            return self.encoder.encoder.encoder.layer_norm(frames)

    def transcribe_layers(self, waveform: np.ndarray) -> dict[str, str]:
        """Return what the CTC head spells if it reads each layer instead of the last, see :meth:`layer_logits`.

        Raises
        ------
        AnalysisError
            As :meth:`head`.
        """
        found = self.layer_logits(waveform)
        return {layer: self.spell(logits.argmax(-1).tolist()) for layer, logits in found.items()}

    @property
    def _normalises_first(self) -> bool:
        return bool(getattr(self.model.config, "do_stable_layer_norm", False))

    def spell(self, tokens: Sequence[int]) -> str:
        """Return the text of the best tokens of successive frames: repeats merged, then special tokens dropped.

        Raises
        ------
        AnalysisError
            The model is a classifier.
        """
        if self.vocabulary is None:
            raise AnalysisError("expected a model with a CTC head to spell, found a classifier; choose another")
        return self.vocabulary.spell(tokens)


def _class_names(model: PreTrainedModel) -> tuple[str, ...]:
    config: Any = model.config
    return tuple(str(config.id2label[i]) for i in range(config.num_labels))
