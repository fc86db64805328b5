"""Published speech translators behind the interface of :class:`auscult.models.translators.interface.SpeechTranslator`.

Two families that transformers implements: Speech2Text (Wang et al., 2020) and SeamlessM4T v2 (Barrault et al., 2023).
Others, such as ZeroSwot, need code of their own, which is never run here. We decode greedily; the papers use beam
search.
"""

from collections.abc import Callable, Sequence
from contextlib import nullcontext
from pathlib import Path
from typing import Any, Protocol, cast

import numpy as np
import torch
import transformers
from torch import Tensor, nn
from transformers import AutoTokenizer, BatchFeature, PreTrainedModel
from transformers.modeling_outputs import BaseModelOutput

from auscult.errors import CheckpointError, CorpusError
from auscult.models.checkpoint_format import TRANSLATOR_FAMILIES, check_checkpoint, read_preprocessor
from auscult.models.checkpoints import load_whole, read_architecture_config
from auscult.models.seals import check_seal

__all__ = ["PublishedTranslator", "load_published_translator"]

# For each family its translator class, its feature extractor, and the token that sets the target language.
_CLASSES = {
    "speech_to_text": ("Speech2TextForConditionalGeneration", "Speech2TextFeatureExtractor", "<lang:{}>"),
    "seamless_m4t_v2": ("SeamlessM4Tv2ForSpeechToText", "SeamlessM4TFeatureExtractor", "__{}__"),
}
_LANGUAGE_CODES = {
    "speech_to_text": {"spanish": "es", "french": "fr", "italian": "it"},
    "seamless_m4t_v2": {"spanish": "spa", "french": "fra", "italian": "ita"},
}
_MAX_TOKENS = 200  # of a translation


class Tokenizer(Protocol):
    """The part of a transformers tokenizer that translation needs."""

    def convert_tokens_to_ids(self, tokens: str, /) -> int:
        """Return the index of a token."""
        ...

    def decode(self, token_ids: Tensor, /, skip_special_tokens: bool = False) -> str:
        """Return the text of token indices."""
        ...


class PublishedTranslator:
    """A published translator; it runs one utterance at a time, so that nothing is padded.

    Parameters
    ----------
    model : ``Speech2TextForConditionalGeneration`` or ``SeamlessM4Tv2ForSpeechToText``
    extractor : its feature extractor, called with a waveform
    tokenizer : its tokenizer
    device : where it runs

    Attributes
    ----------
    stages : names of the stages, in order of depth: ``encoder`` and, if there is one, ``adapter``
    """

    def __init__(
        self,
        model: PreTrainedModel,
        extractor: Callable[..., BatchFeature],
        tokenizer: Tokenizer,
        device: str = "cpu",
    ):
        self.model: Any = model.eval()  # Any: transformers declares no type for the parts of a model
        self.model.to(device)
        self.extractor, self.tokenizer = extractor, tokenizer
        self.device, self.family = device, model.config.model_type
        adapted = self.family == "seamless_m4t_v2" and model.config.add_adapter
        self.stages = ("encoder", "adapter") if adapted else ("encoder",)

    def states(self, waveforms: Sequence[np.ndarray]) -> dict[str, list[Tensor]]:
        """Return the states of each stage, one tensor per waveform [shape=(n_states, n_dims)].

        The decoder reads the last stage.
        """
        found: dict[str, list[Tensor]] = {stage: [] for stage in self.stages}
        for waveform in waveforms:
            for stage, states in zip(self.stages, self._encode(waveform)):
                found[stage].append(states)
        return found

    def write(self, states: Sequence[Tensor | np.ndarray], languages: Sequence[str]) -> list[str]:
        """Return the translation of each utterance from its states of the last stage, by greedy decoding.

        Parameters
        ----------
        states : of the last stage, for each utterance
        languages : target language of each utterance

        Raises
        ------
        CorpusError
            The translator does not support a language.
        """
        return [self._write(torch.as_tensor(row, device=self.device), name) for row, name in zip(states, languages)]

    def _encode(self, waveform: np.ndarray) -> list[Tensor]:
        features = self.extractor(waveform, sampling_rate=16000, return_tensors="pt").to(self.device)
        inner: list[Tensor] = []
        encoder = self.model.get_encoder() if self.family == "speech_to_text" else self.model.speech_encoder
        with torch.inference_mode(), _recorded(encoder.encoder, inner) if len(self.stages) > 1 else nullcontext():
            last = encoder(features["input_features"], attention_mask=features["attention_mask"])[0]
        return [part[0] for part in (*inner, last)]

    @torch.no_grad()
    def _write(self, states: Tensor, language: str) -> str:
        # Speech2Text begins with the end-of-sentence token, then the language; SeamlessM4T with the language.
        start = [self.model.config.decoder_start_token_id] if self.family == "speech_to_text" else []
        written = torch.tensor([[*start, self._language_token(language)]], device=self.device)
        outputs, given, cache = BaseModelOutput(last_hidden_state=states[None].clone()), written, None
        for _ in range(_MAX_TOKENS):
            # Not by `generate`, which takes the mask of states for a mask of input frames and shortens it once more.
            found = self.model(encoder_outputs=outputs, decoder_input_ids=given, past_key_values=cache, use_cache=True)
            given, cache = found.logits[:, -1:].argmax(dim=-1), found.past_key_values
            written = torch.cat([written, given], dim=1)
            if int(given) == self.model.config.eos_token_id:
                break
        return self.tokenizer.decode(written[0], skip_special_tokens=True).strip()

    def _language_token(self, language: str) -> int:
        codes = _LANGUAGE_CODES[self.family]
        if language not in codes:
            raise CorpusError(
                f"expected a target language among {', '.join(codes)} for {self.family}, found "
                f"{language!r}; correct the table of references"
            )
        return self.tokenizer.convert_tokens_to_ids(_CLASSES[self.family][2].format(codes[language]))


def load_published_translator(folder: str | Path, *, device: str = "cpu") -> PublishedTranslator:
    """Load a published translator, its feature extractor and its tokenizer from a checkpoint folder, sealed or plain.

    Raises
    ------
    ManifestError
        The folder is sealed and a file has changed, or the folder is unfinished.
    CheckpointError
        The model is of another family, lacks weights, or has no tokenizer that can be opened.
    """
    folder = Path(folder)
    check_seal(folder)
    check_checkpoint(folder, any_type=True)
    config = read_architecture_config(folder)
    if config.model_type not in TRANSLATOR_FAMILIES:
        raise CheckpointError(
            f"expected a translator of {', '.join(TRANSLATOR_FAMILIES)} in {folder}, found "
            f"{config.model_type!r}; choose another: code that comes with a model is never run"
        )
    architecture, extractor = (getattr(transformers, name) for name in _CLASSES[config.model_type][:2])
    # Weights are left over in a model of several tasks: its speech decoder and text encoder are not needed.
    model = load_whole(architecture, folder, config, allow_unexpected=True)
    settings = {key: value for key, value in read_preprocessor(folder).items() if not key.endswith(("_type", "_class"))}
    try:
        tokenizer = AutoTokenizer.from_pretrained(folder, local_files_only=True, trust_remote_code=False)
    except Exception as error:  # missing packages, missing files and damaged files raise errors of unrelated classes
        raise CheckpointError(
            f"expected a tokenizer in {folder}, found: {error}; some need the package sentencepiece"
        ) from None
    # transformers' methods return lists as well; for one token and one sentence, they return an index and a text.
    return PublishedTranslator(model, extractor(**settings), cast("Tokenizer", tokenizer), device)


class _recorded:
    """Append the first output of a module to a list, while the context lasts."""

    def __init__(self, module: nn.Module, found: list[Tensor]):
        self.module, self.found = module, found

    def __enter__(self) -> None:
        self.hook = self.module.register_forward_hook(lambda _, __, output: self.found.append(output[0]))

    def __exit__(self, *_: object) -> None:
        self.hook.remove()
