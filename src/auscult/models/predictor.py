"""Fine-tuned speech models: logits of a recogniser or classifier, differentiable with respect to the input.

Two heads are supported: a classifier of utterances (``…ForSequenceClassification``) and a recogniser of letters trained
by CTC (``…ForCTC``). A batch holds waveforms of one length: padding would change frames through group norm over time.
"""

import json
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from itertools import groupby
from pathlib import Path
from typing import Any, Literal

import numpy as np
import torch
from torch import Tensor
from transformers import PreTrainedModel

from auscult.devices import pick_device
from auscult.errors import AnalysisError, CheckpointError
from auscult.models.checkpoint_format import CONFIG, VOCABULARY, check_checkpoint, read_preprocessor
from auscult.models.checkpoints import load_model
from auscult.models.seals import check_seal
from auscult.models.speech import SpeechModel

__all__ = ["HEADS", "VOCABULARY", "Predictor", "load_predictor"]

HEADS: dict[str, Literal["ctc", "classes"]] = {"ForCTC": "ctc", "ForSequenceClassification": "classes"}
_FAMILIES = ("wav2vec2", "hubert", "wavlm")


def load_predictor(folder: str | Path, *, device: str | torch.device = "cpu") -> "Predictor":
    """Load a checkpoint folder, sealed or plain, whose architecture has a CTC head or a classifier.

    Raises
    ------
    ManifestError
        The folder is sealed and a file has changed, or the folder is unfinished.
    CheckpointError
        The architecture has neither head, weights are missing, or ``vocab.json`` does not name every token.
    """
    folder = Path(folder)
    check_seal(folder)
    settings = check_checkpoint(folder)
    architecture = (settings.get("architectures") or [""])[0] or ""
    head = next((head for head in HEADS if architecture.endswith(head)), None)
    if head is None or settings["model_type"] not in _FAMILIES:
        raise CheckpointError(
            f"expected an architecture ending in {' or '.join(HEADS)} of {', '.join(_FAMILIES)} in {folder / CONFIG}, "
            f"found {architecture!r} of {settings['model_type']}; choose a fine-tuned model"
        )
    model = load_model(folder)
    labels = _class_names(model) if HEADS[head] == "classes" else _tokens(folder, model.config.vocab_size)
    return Predictor(model, labels, read_preprocessor(folder), device=pick_device(device))


class Predictor:
    """A speech model with its head: differentiable functions of a waveform or of the front end's frames.

    Parameters
    ----------
    model : ``…ForCTC`` or ``…ForSequenceClassification``; put into evaluation mode, its parameters without gradients
    labels : class names, or the tokens of the CTC head, in order of their index
    preprocessor : settings of the checkpoint's feature extractor, see :class:`auscult.models.speech.SpeechModel`
    device : where it runs

    Attributes
    ----------
    task : ``ctc`` or ``classes``
    blank : index of the CTC blank (the padding token, as in transformers); None for a classifier
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
    ):
        # Any: transformers declares no type for the parts of a model.
        self.model: Any = model.eval().requires_grad_(False)
        self.model.to(device)
        self.task = next(task for head, task in HEADS.items() if type(model).__name__.endswith(head))
        self.labels = tuple(labels)
        self.blank = int(model.config.pad_token_id or 0) if self.task == "ctc" else None
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
        with self._front_end(batch.transpose(1, 2)):
            return self.model(batch[:, :, 0]).logits

    def head(self, frames: Tensor) -> Tensor:
        """Return the logits of a CTC head from frames of the last layer, as the encoder returns them.

        Parameters
        ----------
        frames : [shape=(..., n_frames, n_dims)]

        Raises
        ------
        AnalysisError
            The model is a classifier, or has an adapter between its last layer and its head.
        """
        if self.task != "ctc" or getattr(self.model.config, "add_adapter", False):
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
        """Return greedy CTC transcripts: the best token of each frame, repeats and blanks removed, ``|`` as a space.

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

    def transcribe_layers(self, waveform: np.ndarray) -> dict[str, str]:
        """Return what the CTC head spells if it reads each layer instead of the last: ``embed``, ``T1`` … ``TL``.

        The head was trained on the last layer alone, so that it may miss what another layer holds in other directions.
        In models that normalise before their blocks, the final norm is applied to every layer.

        Raises
        ------
        AnalysisError
            As :meth:`head`.
        """
        norm = self.encoder.encoder.encoder.layer_norm if self._normalises_first else None
        layers = list(self.encoder.layers[1:])
        texts = {}
        for layer, (frames,) in self.encoder.frames([waveform]).items():
            if layer in layers:
                ready = norm(frames) if norm is not None and layer != layers[-1] else frames
                texts[layer] = self.spell(self.head(ready).argmax(-1).tolist())
        return texts

    @property
    def _normalises_first(self) -> bool:
        return bool(getattr(self.model.config, "do_stable_layer_norm", False))

    def spell(self, tokens: Sequence[int]) -> str:
        """Return the text of the best tokens of successive frames: repeats merged, then blanks dropped."""
        letters = (self.labels[token] for token, _ in groupby(tokens) if token != self.blank)
        text = "".join(letter for letter in letters if not (letter.startswith("<") and letter.endswith(">")))
        return " ".join(text.replace("|", " ").split())

    @contextmanager
    def _front_end(self, frames: Tensor) -> Iterator[None]:
        module = self.encoder.encoder.feature_extractor
        module.forward = lambda _: frames
        try:
            yield
        finally:
            del module.forward


def _class_names(model: PreTrainedModel) -> tuple[str, ...]:
    config: Any = model.config
    return tuple(str(config.id2label[i]) for i in range(config.num_labels))


def _tokens(folder: Path, vocab_size: int) -> tuple[str, ...]:
    path = folder / VOCABULARY
    try:
        vocabulary = {index: token for token, index in json.loads(path.read_text(encoding="utf-8")).items()}
    except FileNotFoundError:
        raise CheckpointError(
            f"expected {path}, the letters of the CTC head, found no such file; copy it from the model's source"
        ) from None
    except (OSError, ValueError, AttributeError, TypeError) as error:
        raise CheckpointError(f"expected a JSON object of tokens in {path}, found: {error}; fetch it again") from None
    missing = [index for index in range(vocab_size) if not isinstance(vocabulary.get(index), str)]
    if missing:
        raise CheckpointError(
            f"expected {vocab_size} tokens in {path}, as many as the head has, found none of index {missing[0]}; "
            "check that vocabulary and weights belong together"
        )
    return tuple(vocabulary[index] for index in range(vocab_size))
