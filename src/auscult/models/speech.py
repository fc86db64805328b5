"""Speech encoders of the Hugging Face families as layers of frames, each frame with its time.

Layers: ``cnn``, the output of the convolutional front end (for wav2vec2-BERT, which has none, its stacked filterbank);
``embed``, the input of the first transformer block; ``T1 … TL``, the outputs of the blocks, the last one after the
final normalisation where the architecture has one.

Waveforms pass the front end unpadded: models with group norm normalise over time there, so that padding would change
every frame (fairseq #3227, transformers #21534). The front end's frames are then padded, and the transformer blocks
run on the whole batch with the padding masked. A waveform's frames thus do not depend on the rest of the batch.
"""

import hashlib
import json
import os
import warnings
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.nn.utils.rnn import pad_sequence
from transformers import PretrainedConfig, PreTrainedModel, SeamlessM4TFeatureExtractor, WhisperFeatureExtractor

from auscult.devices import pick_device
from auscult.errors import AudioError, CheckpointError
from auscult.models.checkpoint_format import (
    FAMILIES,
    TEXT_FAMILIES,
    TRANSLATOR_FAMILIES,
    read_config,
    read_preprocessor,
)
from auscult.models.checkpoints import load_encoder
from auscult.models.frames import FrameTiming

__all__ = ["SpeechModel", "load_speech_model"]

# oneDNN compiles a convolution for every new length, which takes longer than running it. It keeps 1024 of them, fewer
# than the recordings of a corpus need, so that each checkpoint of a sweep would compile them again.
os.environ.setdefault("ONEDNN_PRIMITIVE_CACHE_CAPACITY", "4096")
# Whisper pads every clip to 30 s; only this number of clips runs at once, to limit memory.
_WHISPER_WINDOWS = 4


def load_speech_model(
    folder: str | Path, *, device: str | torch.device = "cpu", dtype: torch.dtype | None = None
) -> "SpeechModel":
    """Load a checkpoint folder as a :class:`SpeechModel`.

    Parameters
    ----------
    folder : a checkpoint of one of :data:`auscult.models.checkpoint_format.FAMILIES`: a folder that Auscult sealed,
        whose hashes are checked, or a plain Hugging Face folder (``config.json``, ``model.safetensors`` and, if there
        are any, the feature extractor's settings in ``preprocessor_config.json`` or ``processor_config.json``)
    device : where it runs; ``auto`` takes a GPU where there is one
    dtype : of weights and frames; float32 by default

    Raises
    ------
    CheckpointError, ManifestError
        The folder is no complete checkpoint of a speech encoder (see
        :func:`auscult.models.checkpoints.load_encoder`).
    ConfigError
        A GPU is asked for and there is none.
    """
    found = read_config(Path(folder)).get("model_type")
    if found in TEXT_FAMILIES + TRANSLATOR_FAMILIES:
        does, family = ("reads text", "text") if found in TEXT_FAMILIES else ("translates", "translation")
        raise CheckpointError(
            f"expected a speech encoder ({', '.join(FAMILIES)}) in {folder}, found {found!r}, which {does}; name "
            f"it in analyses of {family} only"
        )
    return SpeechModel(load_encoder(folder), read_preprocessor(Path(folder)), device=pick_device(device), dtype=dtype)


class SpeechModel:
    """A speech encoder behind the interface of :class:`auscult.models.interface.FrameModel`.

    Parameters
    ----------
    encoder : base model of a family, or Whisper's encoder; put into evaluation mode, so that layer-drop, dropout
        and SpecAugment are off
    preprocessor : settings of the checkpoint's feature extractor. ``do_normalize`` (default True, as in transformers)
        normalises each waveform to zero mean and unit variance.
    device, dtype : where and in which precision it runs
    """

    def __init__(
        self,
        encoder: PreTrainedModel,
        preprocessor: Mapping[str, Any] | None = None,
        *,
        device: str | torch.device = "cpu",
        dtype: torch.dtype | None = None,
    ):
        self.name = encoder.config.model_type
        self.device, self.dtype = torch.device(device), dtype or torch.float32
        # Any: transformers declares no type for the parts of an encoder.
        self.encoder: Any = encoder.eval().requires_grad_(False)
        self.encoder.to(self.device, self.dtype)
        self._settings = dict(preprocessor or {})
        self.sample_rate_hz = int(self._settings.get("sampling_rate", 16000))
        self.timing = _timing(encoder.config)
        self._blocks = list(self.encoder.layers if self.name == "whisper" else self.encoder.encoder.layers)
        self.layers = ("cnn", "embed", *(f"T{i}" for i in range(1, len(self._blocks) + 1)))
        self._extractor = _extractor(encoder.config, self._settings)

    def frames(self, waveforms: Sequence[np.ndarray], *, front: list[Tensor] | None = None) -> dict[str, list[Tensor]]:
        """Return for each layer one tensor [shape=(n_frames, n_dims), on the device] per waveform.

        Batched and single runs agree to the rounding of the matrix products (float32: 1e-5 of a layer's scale).
        ``front`` is the output of :meth:`front_end` for these waveforms, from this model or one with an equal
        :attr:`front_end_digest`; the front end is then not run again.

        Raises
        ------
        AudioError
            A waveform is shorter than the receptive field, or longer than Whisper's window.
        """
        for i, waveform in enumerate(waveforms):
            self.timing.require_frame(len(waveform), f"waveform {i} of the batch")
        if not waveforms:
            return {layer: [] for layer in self.layers}
        with torch.inference_mode():
            if self.name != "whisper":
                return self.from_front_end(self.front_end(waveforms) if front is None else front)
            parts = [
                self._windows(waveforms[start : start + _WHISPER_WINDOWS])
                for start in range(0, len(waveforms), _WHISPER_WINDOWS)
            ]
            return {layer: [frames for part in parts for frames in part[layer]] for layer in self.layers}

    def from_front_end(self, front: list[Tensor]) -> dict[str, list[Tensor]]:
        """Return the same as :meth:`frames`, from the stored output of :meth:`front_end`."""
        with torch.inference_mode():
            return self._masked(front)

    def front_end(self, waveforms: Sequence[np.ndarray]) -> list[Tensor]:
        """Return the layer ``cnn`` of each waveform; waveforms of equal length run together, and none is padded."""
        if self._extractor is not None:
            return [self._filterbank(waveform) for waveform in waveforms]
        features: dict[int, Tensor] = {}
        for length in sorted({len(waveform) for waveform in waveforms}):
            same = [i for i, waveform in enumerate(waveforms) if len(waveform) == length]
            batch = torch.stack([self.prepare(waveforms[i]) for i in same]).to(self.device, self.dtype)
            features |= dict(zip(same, self.encoder.feature_extractor(batch).transpose(1, 2)))
        return [features[i] for i in range(len(waveforms))]

    @cached_property
    def front_end_digest(self) -> str | None:
        """Hash of everything that :meth:`front_end` depends on; None for Whisper, which has no separate front end.

        Checkpoints of a model whose front end was frozen in training share it.
        """
        if self.name == "whisper":
            return None
        front = getattr(self.encoder, "feature_extractor", None)
        shape = {key: value for key, value in self.encoder.config.to_dict().items() if key.startswith(("conv", "feat"))}
        settings = [self.name, str(self.device), str(self.dtype), self._settings, shape]
        content = hashlib.sha256(json.dumps(settings, sort_keys=True, default=str).encode())
        for name, weights in front.state_dict().items() if front is not None else ():
            content.update(name.encode() + weights.float().cpu().numpy().tobytes())
        return content.hexdigest()

    @property
    def n_bytes(self) -> int:
        """Memory of the weights, in bytes."""
        return sum(weights.nbytes for weights in self.encoder.parameters())

    def prepare(self, waveform: np.ndarray) -> Tensor:
        """Return a waveform as input of the front end, normalised if the checkpoint's settings say so, on the CPU."""
        waveform = np.asarray(waveform, dtype=np.float32)
        if self._settings.get("do_normalize", True):
            waveform = (waveform - waveform.mean()) / np.sqrt(waveform.var() + 1e-7)
        return torch.from_numpy(waveform)

    def _masked(self, cnn: list[Tensor]) -> dict[str, list[Tensor]]:
        lengths = torch.tensor([len(frames) for frames in cnn], device=self.device)
        real = torch.arange(int(lengths.max()), device=self.device) < lengths[:, None]
        projected = self.encoder.feature_projection(pad_sequence(cnn, batch_first=True))
        hidden = projected[0] if isinstance(projected, tuple) else projected
        mask = real if bool((~real).any()) else None
        with _record(self._blocks) as recorded, self._silent_padding(mask), warnings.catch_warnings():
            # WavLM passes torch a boolean mask and a float bias, which works; the warning does not concern users.
            warnings.filterwarnings("ignore", message="Support for mismatched key_padding_mask")
            last = self.encoder.encoder(hidden, attention_mask=mask)[0]
        recorded[-1] = last
        layers = {layer: [x[: len(c)] for x, c in zip(batch, cnn)] for layer, batch in zip(self.layers[1:], recorded)}
        return {"cnn": cnn, **layers}

    @contextmanager
    def _silent_padding(self, mask: Tensor | None) -> Iterator[None]:
        """Zero the padding in front of every convolution of the positional embedding, as for a single waveform.

        Otherwise a stack of convolutions (data2vec) or a preceding normalisation (HuBERT with batch norm) fills it.
        """
        positional = getattr(self.encoder.encoder, "pos_conv_embed", None)
        with ExitStack() as hooks:
            if mask is not None and positional is not None:
                silence = mask[:, None]
                for module in positional.modules():
                    if isinstance(module, torch.nn.Conv1d):
                        hook = module.register_forward_pre_hook(lambda _, inputs: (inputs[0] * silence,))
                        hooks.callback(hook.remove)
            yield

    def _windows(self, waveforms: Sequence[np.ndarray]) -> dict[str, list[Tensor]]:
        window = self._extractor.n_samples
        for i, waveform in enumerate(waveforms):
            if len(waveform) > window:
                raise AudioError(
                    f"expected at most {window} samples (Whisper's window), found {len(waveform)} in waveform {i} of "
                    "the batch; cut longer recordings into utterances"
                )
        rate = self.sample_rate_hz
        mel = self._extractor(list(waveforms), sampling_rate=rate, return_tensors="pt")["input_features"]
        front: list[Tensor] = []
        hook = self.encoder.conv2.register_forward_hook(lambda _, __, output: front.append(output))
        with ExitStack() as hooks, _record(self._blocks) as recorded:
            hooks.callback(hook.remove)
            last = self.encoder(mel.to(self.device, self.dtype))[0]
        recorded[-1] = last
        batches = [torch.nn.functional.gelu(front[0]).transpose(1, 2), *recorded]
        n_frames = [int(self.timing.n_frames(len(waveform))) for waveform in waveforms]
        return {layer: [x[:n] for x, n in zip(batch, n_frames)] for layer, batch in zip(self.layers, batches)}

    def _filterbank(self, waveform: np.ndarray) -> Tensor:
        # Unpadded: an odd last filterbank frame has no partner to be stacked with; the stock model masks it, too.
        features = self._extractor(
            np.asarray(waveform, dtype=np.float32),
            sampling_rate=self.sample_rate_hz,
            padding=False,
            return_tensors="np",
        )["input_features"][0]
        return torch.from_numpy(features).to(self.device, self.dtype)


@contextmanager
def _record(blocks: Sequence[torch.nn.Module]) -> Iterator[list[Tensor]]:
    """Yield a list that receives the input of the first block and then the output of every block."""
    recorded: list[Tensor] = []

    def keep_input(_: torch.nn.Module, args: tuple[Any, ...], kwargs: dict[str, Any]) -> None:
        recorded.append(args[0] if args else kwargs["hidden_states"])

    def keep_output(_: torch.nn.Module, __: Any, output: Any) -> None:
        recorded.append(output[0] if isinstance(output, tuple) else output)

    with ExitStack() as hooks:
        hooks.callback(blocks[0].register_forward_pre_hook(keep_input, with_kwargs=True).remove)
        for block in blocks:
            hooks.callback(block.register_forward_hook(keep_output).remove)
        yield recorded


def _timing(config: PretrainedConfig) -> FrameTiming:
    match config.model_type:
        case "whisper":
            # Mel frames of 400 samples every 160, centred on their time, then kernels of 3 and 3, the second stride 2.
            return FrameTiming(400 + 4 * 160, 320, offset_samples=-520)
        case "wav2vec2-bert":
            return FrameTiming(400 + 160, 320)
        case _:
            return FrameTiming.from_convolutions(config.conv_kernel, config.conv_stride)


def _extractor(config: PretrainedConfig, settings: Mapping[str, Any]) -> Any:
    settings = {key: value for key, value in settings.items() if not key.endswith(("_type", "_class"))}
    match config.model_type:
        case "whisper":
            window_s = config.max_source_positions * 320 // 16000
            settings |= {"feature_size": config.num_mel_bins, "chunk_length": window_s}
            return WhisperFeatureExtractor(**settings)
        case "wav2vec2-bert":
            return SeamlessM4TFeatureExtractor(**settings)
        case _:
            return None
