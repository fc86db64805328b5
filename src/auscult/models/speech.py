"""Speech encoders of the Hugging Face families as layers of frames, each frame with its time.

Layers: ``cnn``, what leaves the convolutional front end (of wav2vec2-BERT, which has none, its stacked filterbank);
``embed``, the input of the first transformer block; ``T1 … TL``, the outputs of the blocks, the last one after the
final normalisation where the architecture has one.

Waveforms pass the front end one by one, unpadded: models with group norm normalise over time there, so that padding
would change every frame (fairseq #3227, transformers #21534). Its frames are then padded, and transformer blocks run
on the whole batch with the padding masked. So a waveform's frames do not depend on what else is in the batch.
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
from transformers import PreTrainedModel, SeamlessM4TFeatureExtractor, WhisperFeatureExtractor

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

# oneDNN compiles a convolution for every new length, which takes longer than to run it, and keeps 1024 of them: fewer
# than a front end needs for the recordings of a corpus, so that each checkpoint of a sweep would compile them again.
os.environ.setdefault("ONEDNN_PRIMITIVE_CACHE_CAPACITY", "4096")
# Windows of 30 s that Whisper runs at once: short clips are padded to one each, which would multiply a batch's memory.
_WHISPER_WINDOWS = 4


def load_speech_model(
    folder: str | Path, *, device: str | torch.device = "cpu", dtype: torch.dtype | None = None
) -> "SpeechModel":
    """Load a sealed checkpoint folder as a :class:`SpeechModel`.

    Parameters
    ----------
    folder : a checkpoint of one of :data:`auscult.models.checkpoint_format.FAMILIES`
    device : where it runs; ``auto`` is a GPU where there is one
    dtype : of weights and frames, float32 unless told otherwise

    Raises
    ------
    CheckpointError, ManifestError
        The folder is not a whole checkpoint (see :func:`auscult.models.checkpoints.load_encoder`), or one of text.
    ConfigError
        A GPU is asked for and there is none.
    """
    found = read_config(Path(folder)).get("model_type")
    if found in TEXT_FAMILIES + TRANSLATOR_FAMILIES:
        what, where = ("reads text", "text") if found in TEXT_FAMILIES else ("translates", "translation")
        raise CheckpointError(
            f"expected a speech encoder ({', '.join(FAMILIES)}) in {folder}, found {found!r}, which {what}; name "
            f"it in analyses of {where} only"
        )
    return SpeechModel(load_encoder(folder), read_preprocessor(Path(folder)), device=pick_device(device), dtype=dtype)


class SpeechModel:
    """A speech encoder behind the interface of :class:`auscult.models.interface.FrameModel`.

    Parameters
    ----------
    encoder : base model of a family, of Whisper the encoder; put into evaluation mode, so that layer-drop, dropout
        and SpecAugment are off
    preprocessor : settings of the checkpoint's feature extractor. ``do_normalize`` (default True, as in transformers)
        brings each waveform to zero mean and unit variance over its own samples.
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
        self.encoder = encoder.to(self.device, self.dtype).eval().requires_grad_(False)
        self._settings = dict(preprocessor or {})
        self.sample_rate_hz = int(self._settings.get("sampling_rate", 16000))
        self.timing = _timing(encoder.config)
        self._blocks = list(encoder.layers if self.name == "whisper" else encoder.encoder.layers)
        self.layers = ("cnn", "embed", *(f"T{i}" for i in range(1, len(self._blocks) + 1)))
        self._extractor = _extractor(encoder.config, self._settings)

    def frames(self, waveforms: Sequence[np.ndarray], *, front: list[Tensor] | None = None) -> dict[str, list[Tensor]]:
        """Return for each layer one tensor [shape=(n_frames, n_dims), on the device] per waveform.

        Batched and single runs agree to the rounding of the matrix products (float32: 1e-5 of a layer's scale).
        ``front`` is what :meth:`front_end` returned of these waveforms, of this model or one with equal
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
        """Return what :meth:`frames` does from what :meth:`front_end` returned, where that has been kept."""
        with torch.inference_mode():
            return self._masked(front)

    def front_end(self, waveforms: Sequence[np.ndarray]) -> list[Tensor]:
        """Return the layer ``cnn`` of each waveform; equal lengths run together, others one by one, never padded."""
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
        """What :meth:`front_end` depends on, as a hash; None of Whisper, which has no front end apart.

        Checkpoints of a model that was trained with its front end frozen have the same.
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
        """Memory that the weights take."""
        return sum(weights.nbytes for weights in self.encoder.parameters())

    def prepare(self, waveform: np.ndarray) -> Tensor:
        """Return a waveform as the front end takes it, normalised if the checkpoint asks for it, on the CPU."""
        waveform = np.asarray(waveform, dtype=np.float32)
        if self._settings.get("do_normalize", True):
            waveform = (waveform - waveform.mean()) / np.sqrt(waveform.var() + 1e-7)
        return torch.from_numpy(waveform)

    def _masked(self, cnn: list[Tensor]) -> dict[str, list[Tensor]]:
        lengths = torch.tensor([len(frames) for frames in cnn], device=self.device)
        mask = torch.arange(int(lengths.max()), device=self.device) < lengths[:, None]
        projected = self.encoder.feature_projection(pad_sequence(cnn, batch_first=True))
        hidden = projected[0] if isinstance(projected, tuple) else projected
        mask = mask if bool((~mask).any()) else None
        with _record(self._blocks) as recorded, self._silent_padding(mask), warnings.catch_warnings():
            # WavLM hands torch a boolean mask beside a float bias, which works, and is none of the user's business.
            warnings.filterwarnings("ignore", message="Support for mismatched key_padding_mask")
            last = self.encoder.encoder(hidden, attention_mask=mask)[0]
        recorded[-1] = last
        layers = {layer: [x[: len(c)] for x, c in zip(batch, cnn)] for layer, batch in zip(self.layers[1:], recorded)}
        return {"cnn": cnn, **layers}

    @contextmanager
    def _silent_padding(self, mask: Tensor | None) -> Iterator[None]:
        """Let every convolution of the positional embedding see zeros beyond the end, as a single waveform does.

        A stack of them (data2vec) or a normalisation in front (HuBERT with batch norm) fills the padding otherwise.
        """
        positional = getattr(self.encoder.encoder, "pos_conv_embed", None)
        with ExitStack() as hooks:
            for module in [] if mask is None or positional is None else positional.modules():
                if isinstance(module, torch.nn.Conv1d):
                    hook = module.register_forward_pre_hook(lambda _, inputs: (inputs[0] * mask[:, None],))
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
        # Unpadded: a last odd filterbank frame has no partner to be stacked with, and the stock model masks it too.
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

    def keep_input(_, args, kwargs):
        recorded.append(args[0] if args else kwargs["hidden_states"])

    def keep_output(_, __, output):
        recorded.append(output[0] if isinstance(output, tuple) else output)

    with ExitStack() as hooks:
        hooks.callback(blocks[0].register_forward_pre_hook(keep_input, with_kwargs=True).remove)
        for block in blocks:
            hooks.callback(block.register_forward_hook(keep_output).remove)
        yield recorded


def _timing(config: Any) -> FrameTiming:
    match config.model_type:
        case "whisper":
            # Mel frames of 400 samples, one each 160, centred on their time; convolutions of 3 and 3 with stride 2.
            return FrameTiming(400 + 4 * 160, 320, offset_samples=-520)
        case "wav2vec2-bert":
            return FrameTiming(400 + 160, 320)
        case _:
            return FrameTiming.from_convolutions(config.conv_kernel, config.conv_stride)


def _extractor(config: Any, settings: Mapping[str, Any]) -> Any:
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
