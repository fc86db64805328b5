"""Translators ready to use: what each stage makes of waveforms, and the text that is written from it."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from safetensors import SafetensorError
from torch import Tensor

from auscult.devices import pick_device
from auscult.errors import CheckpointError
from auscult.manifests import check_folder
from auscult.models.checkpoint_format import TRANSLATOR_FAMILIES, VOCABULARY, read_preprocessor
from auscult.models.checkpoints import read_architecture_config, require_all
from auscult.models.speech import SpeechModel
from auscult.models.translators.architecture import LONGEST, Translator, padded
from auscult.models.translators.published import PublishedTranslator, load_published_translator
from auscult.models.translators.subwords import Pieces

__all__ = ["SpeechTranslator", "load_translator"]


class SpeechTranslator:
    """A translator of :mod:`auscult.models.translators.architecture` that hears waveforms.

    Parameters
    ----------
    model : put into evaluation mode
    pieces : what it writes with
    preprocessor : settings of its feature extractor
    device : where it runs
    """

    def __init__(self, model: Translator, pieces: Pieces, preprocessor: dict[str, Any], device: str = "cpu"):
        self.model, self.pieces = model.to(device).eval().requires_grad_(False), pieces
        self.speech = SpeechModel(model.encoder, preprocessor, device=device)
        adapted = model.config.adapter["mechanism"] != "end-to-end"
        self.stages = ("encoder", "adapter") if adapted else ("encoder",)

    def states(self, waveforms: Sequence[np.ndarray]) -> dict[str, list[Tensor]]:
        """Return the states of each stage, the last of which the decoder reads [shape=(n_states, n_dims) each].

        ``encoder`` is its last layer, ``adapter`` what the adapter makes of it. Other waveforms of the batch change
        them by the rounding of matrix products only (1e-5 of their scale).
        """
        for place, waveform in enumerate(waveforms):
            self.speech.timing.require_frame(len(waveform), f"waveform {place} of the batch")
        with torch.inference_mode():
            encoded = self.model.encode(self.speech.front_end(waveforms))
            parts = dict(zip(self.stages, (encoded, self.model.adapter(*encoded))))
        return {
            stage: [row[:n] for row, n in zip(states, lengths.tolist())] for stage, (states, lengths) in parts.items()
        }

    def write(self, states: Sequence[Tensor | np.ndarray], languages: Sequence[str]) -> list[str]:
        """Return the translation of each utterance into a language from the states of the last stage (greedy).

        Raises
        ------
        CorpusError
            The translator was not trained on a language.
        """
        tags = torch.tensor([self.pieces.tag(language) for language in languages], device=self.speech.device)
        rows = [torch.as_tensor(row, device=self.speech.device) for row in states]
        return [self.pieces.decode(row) for row in self.model.write(*padded(rows), tags, LONGEST)]


def load_translator(folder: str | Path, *, device: str = "cpu") -> SpeechTranslator | PublishedTranslator:
    """Load a sealed checkpoint folder of :func:`auscult.models.training.translation.train_translators`, or of a hub.

    Raises
    ------
    ManifestError
        The folder is unfinished or its bytes have changed.
    CheckpointError
        It holds no translator, or not all of its weights.
    """
    folder = Path(folder)
    check_folder(folder, remedy="delete the checkpoint folder and train it again")
    config = read_architecture_config(folder)
    if config.model_type in TRANSLATOR_FAMILIES:
        return load_published_translator(folder, device=pick_device(device))
    if not getattr(config, "adapter", None):
        raise CheckpointError(
            f"expected a translator (config.json with the entry 'adapter') in {folder}, found "
            f"{config.model_type!r}; name a model of source translator"
        )
    try:
        model, report = Translator.from_pretrained(
            folder,
            config=config,
            output_loading_info=True,
            ignore_mismatched_sizes=True,
            use_safetensors=True,
            local_files_only=True,
            trust_remote_code=False,
            dtype=torch.float32,
        )
    except (SafetensorError, RuntimeError, ValueError, OSError) as error:
        raise CheckpointError(f"expected weights that load from {folder}, found: {error}; train it again") from None
    require_all(report, folder, "Translator")
    numbers = json.loads((folder / VOCABULARY).read_text(encoding="utf-8"))
    pieces = Pieces(tuple(sorted(numbers, key=numbers.get)))
    return SpeechTranslator(model, pieces, read_preprocessor(folder), pick_device(device))
