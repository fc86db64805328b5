"""Speech translators ready to use: states of each stage for waveforms, and translations from the states."""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, cast

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn.utils.rnn import pad_sequence

from auscult.devices import pick_device
from auscult.errors import CheckpointError
from auscult.models.checkpoint_format import TRANSLATOR_FAMILIES, VOCABULARY, check_checkpoint, read_preprocessor
from auscult.models.checkpoints import load_whole, read_architecture_config
from auscult.models.seals import check_seal
from auscult.models.speech import SpeechModel
from auscult.models.translators.architecture import MAX_SUBWORDS, Translator, padded
from auscult.models.translators.published import PublishedTranslator, load_published_translator
from auscult.models.translators.subwords import PAD, Subwords

__all__ = ["SpeechTranslator", "load_translator"]


class SpeechTranslator:
    """A translator of :mod:`auscult.models.translators.architecture` with its feature extractor and vocabulary.

    Parameters
    ----------
    model : put into evaluation mode
    subwords : vocabulary of its decoder
    preprocessor : settings of its feature extractor
    device : where it runs

    Attributes
    ----------
    stages : names of the stages, in order of depth: ``encoder`` and, if there is one, ``adapter``
    """

    def __init__(self, model: Translator, subwords: Subwords, preprocessor: Mapping[str, Any], device: str = "cpu"):
        self.model, self.subwords = model.eval().requires_grad_(False), subwords
        cast("nn.Module", self.model).to(device)  # transformers' decorator hides the signature of its own `to`
        self.speech = SpeechModel(model.encoder, preprocessor, device=device)
        adapted = model.config.adapter["mechanism"] != "end-to-end"
        self.stages = ("encoder", "adapter") if adapted else ("encoder",)

    def states(self, waveforms: Sequence[np.ndarray]) -> dict[str, list[Tensor]]:
        """Return the states of each stage, one tensor per waveform [shape=(n_states, n_dims)].

        ``encoder`` is the encoder's last layer, ``adapter`` the adapter's output; the decoder reads the last stage.
        Other waveforms of the batch change states by the rounding of matrix products only (1e-5 of their scale).
        """
        for index, waveform in enumerate(waveforms):
            self.speech.timing.require_frame(len(waveform), f"waveform {index} of the batch")
        with torch.inference_mode():
            encoded = self.model.encode(self.speech.front_end(waveforms))
            parts = dict(zip(self.stages, (encoded, self.model.adapter(*encoded))))
        return {
            stage: [row[:n] for row, n in zip(states, lengths.tolist())] for stage, (states, lengths) in parts.items()
        }

    def write(self, states: Sequence[Tensor | np.ndarray], languages: Sequence[str]) -> list[str]:
        """Return the translation of each utterance from its states of the last stage, by greedy decoding.

        Parameters
        ----------
        states : of the last stage, for each utterance
        languages : target language of each utterance

        Raises
        ------
        CorpusError
            The translator was not trained on a language.
        """
        tags = torch.tensor([self.subwords.tag(language) for language in languages], device=self.speech.device)
        rows = [torch.as_tensor(row, device=self.speech.device) for row in states]
        return [self.subwords.decode(row) for row in self.model.write(*padded(rows), tags, MAX_SUBWORDS)]

    def log_probabilities(self, states: Sequence[Tensor | np.ndarray], tokens: Sequence[Sequence[int]]) -> np.ndarray:
        """Return the log probability of each given translation, in nats, from the states of the last stage.

        Parameters
        ----------
        states : of the last stage, for each utterance
        tokens : language tag, subwords and end of each translation

        Returns
        -------
        log_probabilities : sums over subwords and end [shape=(n_utterances,)]
        """
        rows = [torch.as_tensor(row, device=self.speech.device) for row in states]
        given = pad_sequence([torch.as_tensor(row) for row in tokens], batch_first=True, padding_value=PAD)
        given = given.to(self.speech.device)
        with torch.inference_mode():
            logits, _ = self.model.decode(*padded(rows), given[:, :-1])
            found = logits.log_softmax(dim=-1).gather(2, given[:, 1:, None])[..., 0]
            return (found * (given[:, 1:] != PAD)).sum(dim=1).double().cpu().numpy()


def load_translator(folder: str | Path, *, device: str = "cpu") -> SpeechTranslator | PublishedTranslator:
    """Load a translator from a checkpoint folder, sealed or plain: one that Auscult trained, or a published one.

    Raises
    ------
    ManifestError
        The folder is sealed and a file has changed, or the folder is unfinished.
    CheckpointError
        The folder holds no translator, lacks weights, or has no vocabulary.
    """
    folder = Path(folder)
    check_seal(folder)
    check_checkpoint(folder, any_type=True)
    config = read_architecture_config(folder)
    if config.model_type in TRANSLATOR_FAMILIES:
        return load_published_translator(folder, device=pick_device(device))
    if not getattr(config, "adapter", None):
        raise CheckpointError(
            f"expected a translator (config.json with the entry 'adapter') in {folder}, found "
            f"{config.model_type!r}; name a model of source translator"
        )
    model = load_whole(Translator, folder, config)
    return SpeechTranslator(model, _subwords(folder), read_preprocessor(folder), pick_device(device))


def _subwords(folder: Path) -> Subwords:
    path = folder / VOCABULARY
    try:
        numbers = json.loads(path.read_text(encoding="utf-8"))
        return Subwords(tuple(sorted(numbers, key=numbers.__getitem__)))
    except FileNotFoundError:
        raise CheckpointError(
            f"expected {path}, the subwords of the decoder, found no such file; copy it from the model's source"
        ) from None
    except (OSError, ValueError, AttributeError, TypeError) as error:
        raise CheckpointError(f"expected a JSON object of subwords in {path}, found: {error}; copy it again") from None
