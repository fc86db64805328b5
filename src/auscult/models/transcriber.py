"""Whisper with its decoder: transcripts of waveforms, read from the encoder's states as they come, changed or not."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from transformers import PreTrainedModel, PreTrainedTokenizerFast
from transformers.modeling_outputs import BaseModelOutput

from auscult.devices import pick_device
from auscult.errors import CheckpointError
from auscult.models.checkpoint_format import CONFIG, check_checkpoint, read_preprocessor
from auscult.models.checkpoints import load_model, quiet
from auscult.models.seals import check_seal
from auscult.models.speech import SpeechModel

__all__ = ["Transcriber", "load_transcriber"]

# Tokens per second of speech that are written at most, and in any case: speech has about four words per second. A model
# whose states were changed may otherwise repeat itself up to the end of its positions.
_TOKENS_PER_S, _FEWEST_TOKENS = 8, 10
# Transcripts that are written at once from given states, to limit memory.
_BATCH = 16


def load_transcriber(folder: str | Path, *, device: str | torch.device = "cpu") -> "Transcriber":
    """Load a checkpoint folder of Whisper, sealed or plain, with its decoder and tokenizer.

    Raises
    ------
    ManifestError
        The folder is sealed and a file has changed, or the folder is unfinished.
    CheckpointError
        The folder is no Whisper with a decoder, weights or settings are missing, or there is no tokenizer.
    """
    folder = Path(folder)
    check_seal(folder)
    settings = check_checkpoint(folder)
    architecture = (settings.get("architectures") or [""])[0]
    if settings["model_type"] != "whisper" or architecture != "WhisperForConditionalGeneration":
        raise CheckpointError(
            f"expected WhisperForConditionalGeneration in {folder / CONFIG}, found {architecture!r} of "
            f"{settings['model_type']}; choose a Whisper with its decoder"
        )
    if not (folder / "tokenizer.json").is_file():
        raise CheckpointError(
            f"expected {folder / 'tokenizer.json'}, found no such file; copy it from the model's source"
        )
    tokenizer = PreTrainedTokenizerFast.from_pretrained(str(folder), local_files_only=True)
    return Transcriber(load_model(folder), tokenizer, read_preprocessor(folder), device=pick_device(device))


class Transcriber:
    """Whisper's encoder and decoder.

    Parameters
    ----------
    model : ``WhisperForConditionalGeneration``
    tokenizer : of its decoder
    preprocessor : settings of its feature extractor
    device : where it runs

    Attributes
    ----------
    encoder : a :class:`~auscult.models.speech.SpeechModel` on the same weights
    """

    def __init__(
        self,
        model: PreTrainedModel,
        tokenizer: Any,
        preprocessor: Any,
        *,
        device: str | torch.device = "cpu",
    ):
        # Any: transformers declares no type for the parts of a model.
        self.model: Any = model.eval().requires_grad_(False)
        self.model.to(device)
        self._tokenizer = tokenizer
        self.encoder = SpeechModel(self.model.model.encoder, preprocessor, device=device)

    def features(self, waveforms: Sequence[np.ndarray]) -> torch.Tensor:
        """Return the log-mel windows of waveforms, the encoder's input [shape=(n, n_mels, n_window)]."""
        return self.encoder.features(waveforms)

    def transcribe(self, waveforms: Sequence[np.ndarray]) -> list[str]:
        """Return greedy transcripts, special tokens left out, as the model punctuates them.

        Hooks on the encoder, such as :func:`auscult.erasure.hooks.erased`, act on what the decoder reads.

        Raises
        ------
        AudioError
            A waveform is longer than Whisper's window.
        """
        longest = max(len(waveform) for waveform in waveforms)
        return self._write(self._n_tokens(longest), input_features=self.features(waveforms))

    def encoder_states(self, features: torch.Tensor) -> list[torch.Tensor]:
        """Return the encoder's states of one window: the input of the first block, then the output of every block.

        Parameters
        ----------
        features : as returned by :meth:`features`, of one waveform [shape=(1, n_mels, n_window)]

        Returns
        -------
        states of the whole window, padding included; the last ones are normalised [shapes=(n_positions, n_dims)]
        """
        with torch.inference_mode():
            found = self.model.model.encoder(features, output_hidden_states=True).hidden_states
        return [states[0] for states in found]

    def normalise(self, states: torch.Tensor) -> torch.Tensor:
        """Return states after the final normalisation of the encoder [shape=(..., n_dims)]."""
        with torch.inference_mode():
            return self.model.model.encoder.layer_norm(states)

    def transcribe_states(self, states: torch.Tensor, n_samples: int) -> list[str]:
        """Return greedy transcripts of what the decoder reads from given states, as :meth:`transcribe` does.

        Parameters
        ----------
        states : in place of the encoder's last ones, normalised [shape=(n, n_positions, n_dims)]
        n_samples : length of the recording, which limits the transcripts
        """
        texts = []
        for part in states.split(_BATCH):
            texts += self._write(self._n_tokens(n_samples), encoder_outputs=BaseModelOutput(last_hidden_state=part))
        return texts

    def _n_tokens(self, n_samples: int) -> int:
        return _FEWEST_TOKENS + int(_TOKENS_PER_S * n_samples / self.encoder.sample_rate_hz)

    def _write(self, n_tokens: int, **read: Any) -> list[str]:
        with torch.inference_mode(), quiet():
            tokens = self.model.generate(**read, max_new_tokens=n_tokens, num_beams=1, do_sample=False)
        return [text.strip() for text in self._tokenizer.batch_decode(tokens, skip_special_tokens=True)]
