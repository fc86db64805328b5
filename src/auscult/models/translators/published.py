"""Published speech translators behind the interface of :class:`auscult.models.translators.interface.SpeechTranslator`.

Two families that transformers knows: Speech2Text (Wang et al., 2020) and SeamlessM4T v2 (Barrault et al., 2023).
Others, such as ZeroSwot, bring code of their own, which is never run here. The papers search with beams; here the
likeliest piece is written at every step.
"""

from collections.abc import Sequence
from contextlib import nullcontext
from pathlib import Path
from typing import Any

import numpy as np
import torch
import transformers
from torch import Tensor, nn
from transformers import AutoTokenizer, PreTrainedModel
from transformers.modeling_outputs import BaseModelOutput

from auscult.errors import CheckpointError, CorpusError
from auscult.manifests import check_folder
from auscult.models.checkpoint_format import TRANSLATOR_FAMILIES, read_preprocessor
from auscult.models.checkpoints import read_architecture_config, require_all

__all__ = ["PublishedTranslator", "load_published_translator"]

# The class that hears and writes, its feature extractor, and the piece that asks for a language.
_CLASSES = {
    "speech_to_text": ("Speech2TextForConditionalGeneration", "Speech2TextFeatureExtractor", "<lang:{}>"),
    "seamless_m4t_v2": ("SeamlessM4Tv2ForSpeechToText", "SeamlessM4TFeatureExtractor", "__{}__"),
}
_CODES = {
    "speech_to_text": {"spanish": "es", "french": "fr", "italian": "it"},
    "seamless_m4t_v2": {"spanish": "spa", "french": "fra", "italian": "ita"},
}
_LONGEST = 200


class PublishedTranslator:
    """A translator of a hub: states and translations of one utterance at a time, so that nothing is padded.

    Parameters
    ----------
    model : ``Speech2TextForConditionalGeneration`` or ``SeamlessM4Tv2ForSpeechToText``
    extractor : its feature extractor
    tokenizer : its tokenizer
    device : where it runs
    """

    def __init__(self, model: PreTrainedModel, extractor: Any, tokenizer: Any, device: str = "cpu"):
        self.model, self.extractor, self.tokenizer = model.to(device).eval(), extractor, tokenizer
        self.device, self.family = device, model.config.model_type
        adapted = self.family == "seamless_m4t_v2" and model.config.add_adapter
        self.stages = ("encoder", "adapter") if adapted else ("encoder",)

    def states(self, waveforms: Sequence[np.ndarray]) -> dict[str, list[Tensor]]:
        """Return the states of each stage, the last of which the decoder reads [shape=(n_states, n_dims) each]."""
        found: dict[str, list[Tensor]] = {stage: [] for stage in self.stages}
        for waveform in waveforms:
            for stage, states in zip(self.stages, self._hear(waveform)):
                found[stage].append(states)
        return found

    def write(self, states: Sequence[Tensor | np.ndarray], languages: Sequence[str]) -> list[str]:
        """Return the translation of each utterance into a language (greedy).

        Raises
        ------
        CorpusError
            The translator does not write a language.
        """
        return [self._write(torch.as_tensor(row, device=self.device), name) for row, name in zip(states, languages)]

    def _hear(self, waveform: np.ndarray) -> list[Tensor]:
        features = self.extractor(waveform, sampling_rate=16000, return_tensors="pt").to(self.device)
        inner: list[Tensor] = []
        encoder = self.model.get_encoder() if self.family == "speech_to_text" else self.model.speech_encoder
        with torch.inference_mode(), _kept(encoder.encoder, inner) if len(self.stages) > 1 else nullcontext():
            last = encoder(features["input_features"], attention_mask=features["attention_mask"])[0]
        return [part[0] for part in (*inner, last)]

    @torch.no_grad()
    def _write(self, states: Tensor, language: str) -> str:
        # Speech2Text begins with the end of a sentence, then the language; SeamlessM4T with the language.
        before = [self.model.config.decoder_start_token_id] if self.family == "speech_to_text" else []
        written = torch.tensor([[*before, self._language(language)]], device=self.device)
        outputs, asked, cache = BaseModelOutput(last_hidden_state=states[None].clone()), written, None
        for _ in range(_LONGEST):
            # Not by `generate`, which takes a mask of states for one of input frames and shortens it once more.
            found = self.model(encoder_outputs=outputs, decoder_input_ids=asked, past_key_values=cache, use_cache=True)
            asked, cache = found.logits[:, -1:].argmax(dim=-1), found.past_key_values
            written = torch.cat([written, asked], dim=1)
            if int(asked) == self.model.config.eos_token_id:
                break
        return self.tokenizer.decode(written[0], skip_special_tokens=True).strip()

    def _language(self, language: str) -> int:
        codes = _CODES[self.family]
        if language not in codes:
            raise CorpusError(
                f"expected a target language among {', '.join(codes)} for {self.family}, found "
                f"{language!r}; correct the table of references"
            )
        return self.tokenizer.convert_tokens_to_ids(_CLASSES[self.family][2].format(codes[language]))


def load_published_translator(folder: str | Path, *, device: str = "cpu") -> PublishedTranslator:
    """Load a sealed checkpoint folder of a published translator, with its feature extractor and tokenizer.

    Raises
    ------
    ManifestError
        The folder is unfinished or its bytes have changed.
    CheckpointError
        It is of another family, lacks weights, or has no tokenizer that can be opened.
    """
    folder = Path(folder)
    check_folder(folder)
    config = read_architecture_config(folder)
    if config.model_type not in TRANSLATOR_FAMILIES:
        raise CheckpointError(
            f"expected a translator of {', '.join(TRANSLATOR_FAMILIES)} in {folder}, found "
            f"{config.model_type!r}; choose another, code of its own is never run"
        )
    architecture, extractor, _ = (getattr(transformers, name, name) for name in _CLASSES[config.model_type])
    model, report = architecture.from_pretrained(
        folder,
        config=config,
        output_loading_info=True,
        use_safetensors=True,
        local_files_only=True,
        trust_remote_code=False,
        dtype=torch.float32,
    )
    # Of a model of many tasks, what writes speech and reads text is left over.
    require_all({**report, "unexpected_keys": []}, folder, architecture.__name__)
    settings = {key: value for key, value in read_preprocessor(folder).items() if not key.endswith(("_type", "_class"))}
    try:
        tokenizer = AutoTokenizer.from_pretrained(folder, local_files_only=True, trust_remote_code=False)
    except Exception as error:  # of a missing package, a missing file or a damaged one, each an error of its own
        raise CheckpointError(
            f"expected a tokenizer in {folder}, found: {error}; some need the package sentencepiece"
        ) from None
    return PublishedTranslator(model, extractor(**settings), tokenizer, device)


class _kept:
    """Append what a module returns to a list while the context lasts."""

    def __init__(self, module: nn.Module, found: list[Tensor]):
        self.module, self.found = module, found

    def __enter__(self) -> None:
        self.hook = self.module.register_forward_hook(lambda _, __, output: self.found.append(output[0]))

    def __exit__(self, *_) -> None:
        self.hook.remove()
