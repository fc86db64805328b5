"""Speech encoders of the Hugging Face families as layers of frames, each frame with its time.

Layers: ``cnn``, the output of the convolutional front end (for wav2vec2-BERT, which has none, its stacked filterbank);
``embed``, the input of the first transformer block; ``T1 … TL``, the outputs of the blocks, the last one after the
final normalisation where the architecture has one.

Waveforms pass the front end unpadded: models with group norm normalise over time there, so that padding would change
every frame (fairseq #3227, transformers #21534). The front end's frames are then padded, and the transformer blocks
run on the whole batch with the padding masked. A waveform's frames thus do not depend on the rest of the batch.
Architectures whose blocks would see the padding all the same (convolutions within blocks, pooled frames), and those
that this module does not name, run on waveforms of equal length only.

In models that pool frames before the blocks (SEW), each pooled frame stands for the frames that it was made of, in
``embed`` and ``T1 … TL-1``; the last layer is upsampled by the model itself.
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
    CONFIG,
    FAMILIES,
    TEXT_FAMILIES,
    TRANSLATOR_FAMILIES,
    read_config,
    read_preprocessor,
)
from auscult.models.checkpoints import load_encoder
from auscult.models.frames import FrameTiming

__all__ = ["MASKED", "SpeechModel", "load_speech_model", "replaced_front"]

# oneDNN compiles a convolution for every new length, which takes longer than running it. It keeps 1024 of them, fewer
# than the recordings of a corpus need, so that each checkpoint of a sweep would compile them again.
os.environ.setdefault("ONEDNN_PRIMITIVE_CACHE_CAPACITY", "4096")
# Whisper pads every clip to 30 s; only this number of clips runs at once, to limit memory.
_WHISPER_WINDOWS = 4
# Their blocks are independent of masked padding.
MASKED = ("wav2vec2", "hubert", "wavlm", "data2vec-audio", "unispeech", "unispeech-sat", "wav2vec2-bert")


def load_speech_model(
    folder: str | Path,
    *,
    device: str | torch.device = "cpu",
    dtype: torch.dtype | None = None,
    preprocessor: Mapping[str, Any] | None = None,
) -> "SpeechModel":
    """Load a checkpoint folder as a :class:`SpeechModel`.

    Parameters
    ----------
    folder : a checkpoint of one of :data:`auscult.models.checkpoint_format.FAMILIES`, or of another encoder of
        transformers with convolutions before its blocks: a folder that Auscult sealed, whose hashes are checked, or a
        plain Hugging Face folder (``config.json``, ``model.safetensors`` and the feature extractor's settings in
        ``processor_config.json`` or ``preprocessor_config.json``)
    device : where it runs; ``auto`` takes a GPU where there is one
    dtype : of weights and frames; float32 by default
    preprocessor : settings of the feature extractor that the folder lacks, see
        :func:`auscult.models.checkpoint_format.read_preprocessor`

    Raises
    ------
    CheckpointError, ManifestError
        The folder is no complete checkpoint of a speech encoder (see
        :func:`auscult.models.checkpoints.load_encoder`), or lacks settings of its feature extractor.
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
    settings = read_preprocessor(Path(folder), preprocessor)
    return SpeechModel(load_encoder(folder), settings, device=pick_device(device), dtype=dtype)


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
        self.timing = _timing(encoder.config, self._settings)
        self._blocks = _find_blocks(self.encoder)
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
            if self.timing.n_frames(len(waveform)) < getattr(self.encoder.config, "squeeze_factor", 1):
                raise AudioError(
                    f"expected at least {self.encoder.config.squeeze_factor} frames, which {self.name!r} pools, found "
                    f"{len(waveform)} samples in waveform {i} of the batch; leave it out of the corpus"
                )
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
            return self._masked(front) if self.name in MASKED else self._alike(front)

    @property
    def hears_waveforms(self) -> bool:
        """Whether the front end reads the waveform itself, not a filterbank."""
        return self._extractor is None

    @property
    def window_s(self) -> float | None:
        """Length of the only window that the encoder reads, in seconds; None if it reads waveforms of any length."""
        return self._extractor.n_samples / self.sample_rate_hz if self.name == "whisper" else None

    def front_end(self, waveforms: Sequence[np.ndarray], *, prepared: bool = False) -> list[Tensor]:
        """Return the layer ``cnn`` of each waveform; waveforms of equal length run together, and none is padded.

        ``prepared`` waveforms have been through :meth:`prepare`, as parts of longer ones have.
        """
        if self._extractor is not None:
            return [self._filterbank(waveform) for waveform in waveforms]
        features: dict[int, Tensor] = {}
        for length in sorted({len(waveform) for waveform in waveforms}):
            same = [i for i, waveform in enumerate(waveforms) if len(waveform) == length]
            ready = [torch.from_numpy(waveforms[i]) if prepared else self.prepare(waveforms[i]) for i in same]
            batch = torch.stack(ready).to(self.device, self.dtype)
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

    def _alike(self, cnn: list[Tensor]) -> dict[str, list[Tensor]]:
        """Run the whole encoder on the output of its front end, recordings of equal length together."""
        found: dict[int, list[Tensor]] = {}
        for n_frames in sorted({len(frames) for frames in cnn}):
            same = [i for i, frames in enumerate(cnn) if len(frames) == n_frames]
            batch = torch.stack([cnn[i] for i in same])
            with _record(self._blocks) as recorded, replaced_front(self.encoder, batch.transpose(1, 2)):
                last = self.encoder(batch[:, :, 0])[0]
            recorded[-1] = last
            layers = [self._at_every_frame(states, n_frames) for states in recorded]
            found |= {i: [layer[place] for layer in layers] for place, i in enumerate(same)}
        rest = {layer: [found[i][depth] for i in range(len(cnn))] for depth, layer in enumerate(self.layers[1:])}
        return {"cnn": cnn, **rest}

    def _at_every_frame(self, states: Tensor, n_frames: int) -> Tensor:
        """Return states with one vector per frame of the front end: pooled ones stand for the frames they pool."""
        pooled = int(getattr(self.encoder.config, "squeeze_factor", 1))
        if states.shape[1] == n_frames // pooled and pooled > 1:
            # A rest of frames that fills no pooled one is heard by none; the last one is the nearest.
            states = states.repeat_interleave(pooled, dim=1)
            states = torch.nn.functional.pad(states, (0, 0, 0, n_frames - states.shape[1]), mode="replicate")
        if states.shape[1] != n_frames:
            raise CheckpointError(
                f"expected {n_frames} frames in every layer of {self.name!r}, as many as its front end returns, found "
                f"{states.shape[1]}; bring its states as arrays (source: arrays)"
            )
        return states

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

    def features(self, waveforms: Sequence[np.ndarray]) -> Tensor:
        """Return the log-mel windows that Whisper's encoder reads [shape=(n, n_mels, n_window), on the device].

        Raises
        ------
        AudioError
            A waveform is longer than the window.
        """
        window = self._extractor.n_samples
        for i, waveform in enumerate(waveforms):
            if len(waveform) > window:
                raise AudioError(
                    f"expected at most {window} samples (Whisper's window), found {len(waveform)} in waveform {i} of "
                    "the batch; cut longer recordings into utterances"
                )
        rate = self.sample_rate_hz
        mel = self._extractor(list(waveforms), sampling_rate=rate, return_tensors="pt")["input_features"]
        return mel.to(self.device, self.dtype)

    def _windows(self, waveforms: Sequence[np.ndarray]) -> dict[str, list[Tensor]]:
        mel = self.features(waveforms)
        front: list[Tensor] = []
        hook = self.encoder.conv2.register_forward_hook(lambda _, __, output: front.append(output))
        with ExitStack() as hooks, _record(self._blocks) as recorded:
            hooks.callback(hook.remove)
            last = self.encoder(mel)[0]
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


@contextmanager
def replaced_front(encoder: Any, output: Tensor) -> Iterator[None]:
    """Let the convolutional front end of an encoder return ``output`` [shape=(n_batch, n_dims, n_frames)] unseen."""
    module = encoder.feature_extractor
    module.forward = lambda _: output
    try:
        yield
    finally:
        del module.forward


def _find_blocks(encoder: Any) -> list[torch.nn.Module]:
    """Return the transformer blocks of an encoder, in order of depth.

    In an architecture without a name here they are the list of ``num_hidden_layers`` modules with attention.
    """
    name, config = encoder.config.model_type, encoder.config
    if name == "whisper":
        return list(encoder.layers)
    if name in MASKED:
        return list(encoder.encoder.layers)
    lists = [
        module
        for module in encoder.modules()
        if isinstance(module, torch.nn.ModuleList) and len(module) == config.num_hidden_layers and _attend(module)
    ]
    if not lists or not hasattr(encoder, "feature_extractor"):
        missing = "blocks with attention" if not lists else "a convolutional front end named feature_extractor"
        raise CheckpointError(
            f"expected an encoder with convolutions and {config.num_hidden_layers} transformer blocks, found "
            f"no {missing} in {type(encoder).__name__} ({name!r} in {CONFIG}); bring its states as arrays "
            "(source: arrays)"
        )
    return list(lists[0])


def _attend(blocks: torch.nn.ModuleList) -> bool:
    return all(any("att" in part.lower() for part, _ in block.named_modules()) for block in blocks)


def _timing(config: PretrainedConfig, settings: Mapping[str, Any]) -> FrameTiming:
    match config.model_type:
        case "whisper":
            # Mel frames, centred on their time (by default 400 samples every 160), then kernels of 3 and 3, the second
            # with stride 2.
            window, hop = int(settings.get("n_fft", 400)), int(settings.get("hop_length", 160))
            return FrameTiming(window + 4 * hop, 2 * hop, offset_samples=-(window // 2 + 2 * hop))
        case "wav2vec2-bert":
            n_stacked = int(settings.get("stride", 2))
            return FrameTiming(400 + 160 * (n_stacked - 1), 160 * n_stacked)
        case _:
            return FrameTiming.from_convolutions(config.conv_kernel, config.conv_stride)


def _extractor(config: PretrainedConfig, settings: Mapping[str, Any]) -> Any:
    settings = {key: value for key, value in settings.items() if not key.endswith(("_type", "_class"))}
    match config.model_type:
        case "whisper":
            if settings.get("feature_size", config.num_mel_bins) != config.num_mel_bins:
                raise CheckpointError(
                    f"expected a filterbank of {config.num_mel_bins} bands, which Whisper's encoder reads, found "
                    f"feature_size: {settings['feature_size']} among the feature extractor's settings; correct it"
                )
            hop, rate = settings.get("hop_length", 160), settings.get("sampling_rate", 16000)
            window_s = config.max_source_positions * 2 * hop // rate
            settings |= {"feature_size": config.num_mel_bins, "chunk_length": window_s}
            return WhisperFeatureExtractor(**settings)
        case "wav2vec2-bert":
            return SeamlessM4TFeatureExtractor(**settings)
        case _:
            return None
