"""The forward pass of encoders as matrix products: the results of transformers, in half the time.

On one core, most of a training step of a narrow encoder is spent in convolutions, whose kernels are optimised for wide
layers. Three reformulations give the same numbers, except for rounding:

* a convolution whose kernel spans m strides is a sum of m matrix products of the sequence, cut into strides and shifted
  by one stride each; with channels last, nothing is copied;
* the first layer has one input channel, so mean and variance of its outputs over time follow from mean and covariance
  of the waveform's windows: the group norm becomes a scale and an offset of the filters, per crop;
* the positional convolution, whose kernel is a third of a crop, is a product of spectra.

Queries, keys and values of a layer are one product, and attention is explicit: torch's fused attention is slow on
processors on which :mod:`auscult.models.training.arithmetic` chooses other products.
"""

import warnings
from collections.abc import Sequence
from typing import Any

import torch
from scipy.fft import next_fast_len
from torch import Tensor
from torch.nn import functional
from torch.nn.utils.rnn import pad_sequence
from transformers import PreTrainedModel

__all__ = ["encode", "front_end", "transform", "is_supported", "encode_frames"]


def encode(encoder: PreTrainedModel, waveforms: Tensor, mask: Tensor) -> tuple[Tensor, Tensor]:
    """Return the last layer and the front end's normalised frames, as ``encoder(waveforms, mask_time_indices=mask)``.

    Parameters
    ----------
    encoder : a ``HubertModel`` or ``Wav2Vec2Model`` built by
        :func:`~auscult.models.training.architecture.build_encoder`: group norm in the first layer, no layer-drop
    waveforms : crops of equal length [shape=(n_crops, n_samples)]
    mask : frames masked in the transformer's input [shape=(n_crops, n_frames), bool]

    Returns
    -------
    last layer [shape=(n_crops, n_frames, hidden)], ``extract_features`` [shape=(n_crops, n_frames, conv_dim[-1])]
    """
    parts: Any = encoder  # transformers declares no type for the parts of a model
    projection, stack = parts.feature_projection, parts.encoder
    features = projection.layer_norm(front_end(encoder, waveforms))
    hidden = projection.dropout(projection.projection(features))
    hidden = torch.where(mask[..., None], parts.masked_spec_embed, hidden)
    return transform(stack, hidden), features


def is_supported(encoder: PreTrainedModel) -> bool:
    """Return whether this module computes an encoder: HuBERT or wav2vec 2.0 in the layout of their base models."""
    config: Any = encoder.config
    return (
        config.model_type in ("hubert", "wav2vec2")
        and config.feat_extract_norm == "group"
        and not config.conv_bias
        and not config.do_stable_layer_norm
        and not config.layerdrop
        and not getattr(config, "conv_pos_batch_norm", False)
        and getattr(config, "feat_proj_layer_norm", True)
    )


def encode_frames(encoder: PreTrainedModel, cnn: Sequence[Tensor], mask: Tensor | None = None) -> tuple[Tensor, Tensor]:
    """Return the last layer for utterances of any lengths from their front-end frames; padding does not change it.

    Parameters
    ----------
    encoder : an encoder with feature projection and transformer; those that are not supported here are run by
        transformers
    cnn : front-end frames of each utterance, computed without padding [shape=(n_frames, n_dims)]
    mask : frames to replace by the embedding of masked frames; values at padded frames do not matter
        [shape=(n_utterances, longest n_frames), bool]

    Returns
    -------
    last layer : [shape=(n_utterances, longest n_frames, hidden)]
    n_frames : of each utterance [shape=(n_utterances,)]
    """
    parts: Any = encoder
    n_frames = torch.tensor([len(frames) for frames in cnn], device=cnn[0].device)
    real = torch.arange(int(n_frames.max()), device=n_frames.device) < n_frames[:, None]
    projected = parts.feature_projection(pad_sequence(list(cnn), batch_first=True))
    hidden = projected[0] if isinstance(projected, tuple) else projected
    if mask is not None:
        hidden = torch.where(mask[..., None], parts.masked_spec_embed.to(hidden.dtype), hidden)
    padding = real if bool((~real).any()) else None
    if is_supported(encoder) and hidden.device.type == "cpu":
        return transform(parts.encoder, hidden, padding), n_frames
    with warnings.catch_warnings():
        # WavLM passes torch a boolean mask and a float bias, which works; the warning does not concern users.
        warnings.filterwarnings("ignore", message="Support for mismatched key_padding_mask")
        return parts.encoder(hidden, attention_mask=padding)[0], n_frames


def transform(stack: Any, hidden: Tensor, real: Tensor | None = None) -> Tensor:
    """Return the last layer of a transformer [shape=(n_sequences, n_frames, hidden)].

    Parameters
    ----------
    stack : ``HubertEncoder`` or ``Wav2Vec2Encoder``
    hidden : projected frames, masked ones replaced [shape=(n_sequences, n_frames, hidden)]
    real : False for frames that are padding [shape=(n_sequences, n_frames), bool]
    """
    bias = None
    if real is not None:
        hidden = hidden * real[..., None]
        bias = torch.zeros(real.shape, dtype=hidden.dtype, device=hidden.device)
        bias = bias.masked_fill(~real, torch.finfo(hidden.dtype).min)[:, None, None]
    hidden = stack.dropout(stack.layer_norm(hidden + _positions(stack.pos_conv_embed, hidden)))
    for layer in stack.layers:
        hidden = _layer(layer, hidden, bias)
    return hidden


def _layer(layer: Any, hidden: Tensor, bias: Tensor | None) -> Tensor:
    """Return the output of a transformer layer with the layer norms after attention and feed-forward."""
    attention = layer.attention
    inputs = (attention.q_proj, attention.k_proj, attention.v_proj)
    n, n_frames, width = hidden.shape
    weight, offset = torch.cat([each.weight for each in inputs]), torch.cat([each.bias for each in inputs])
    split = functional.linear(hidden, weight, offset).view(n, n_frames, 3, attention.num_heads, -1)
    queries, keys, values = split.permute(2, 0, 3, 1, 4)
    scores = queries * attention.scaling @ keys.transpose(2, 3)
    weights = functional.softmax(scores if bias is None else scores + bias, dim=-1)
    weights = functional.dropout(weights, attention.dropout, attention.training)
    mixed = (weights @ values).transpose(1, 2).reshape(n, n_frames, width)
    hidden = layer.layer_norm(hidden + layer.dropout(attention.out_proj(mixed)))
    return layer.final_layer_norm(hidden + layer.feed_forward(hidden))


def front_end(encoder: PreTrainedModel, waveforms: Tensor) -> Tensor:
    """Return the output of the convolutions [shape=(n_crops, n_frames, conv_dim[-1])]."""
    parts: Any = encoder
    first, *others = parts.feature_extractor.conv_layers
    hidden = first.activation(_first_layer(first, waveforms))
    for layer in others:
        hidden = layer.activation(_convolve(hidden, layer.conv.weight, layer.conv.stride[0]))
    return hidden


def _first_layer(layer: Any, waveforms: Tensor) -> Tensor:
    """Convolve and normalise each channel over time (group norm), the norm folded into the filters of each crop."""
    kernels = layer.conv.weight[:, 0]
    windows = waveforms.unfold(1, kernels.shape[1], layer.conv.stride[0]).contiguous()
    mean = windows.mean(dim=1)
    centred = windows - mean[:, None]
    covariance = centred.transpose(1, 2) @ centred / windows.shape[1]
    variance = torch.einsum("ck,nkl,cl->nc", kernels, covariance, kernels)
    norm = layer.layer_norm
    scaled = kernels * (norm.weight * torch.rsqrt(variance + norm.eps))[..., None]
    return torch.baddbmm(norm.bias, centred, scaled.transpose(1, 2))


def _convolve(frames: Tensor, weight: Tensor, stride: int) -> Tensor:
    """Convolve along time without padding, frames [shape=(n_crops, n_frames, n_channels)]."""
    n_crops, n_frames, n_channels = frames.shape
    n_out, _, kernel = weight.shape
    n_blocks, n_new = -(-kernel // stride), (n_frames - kernel) // stride + 1
    blocked = (n_new + n_blocks - 1) * stride
    if blocked != n_frames:  # negative padding cuts off
        frames = functional.pad(frames, (0, 0, 0, blocked - n_frames))
    weight = functional.pad(weight, (0, n_blocks * stride - kernel)).permute(2, 1, 0)
    weights = weight.reshape(n_blocks, stride * n_channels, n_out)
    products = frames.reshape(n_crops, -1, stride * n_channels) @ torch.cat(list(weights), dim=1)
    parts = products.split(n_out, dim=-1)
    return sum(part[:, i : i + n_new] for i, part in enumerate(parts))


def _positions(module: Any, hidden: Tensor) -> Tensor:
    """Return the positional embedding, a grouped convolution with 'same' padding, by products of spectra over time."""
    weight, groups = module.conv.weight, module.conv.groups
    n_crops, n_frames, _ = hidden.shape
    width, kernel = weight.shape[1:]
    length = next_fast_len(n_frames + kernel - 1, real=True)
    spectra = torch.fft.rfft(hidden, length, dim=1).reshape(n_crops, -1, groups, width)
    filters = torch.fft.rfft(weight, length, dim=2).conj().reshape(groups, width, width, -1)
    rows = spectra.permute(1, 2, 0, 3).reshape(-1, n_crops, width)
    products = rows @ filters.permute(3, 0, 2, 1).reshape(-1, width, width)
    products = products.reshape(-1, groups, n_crops, width).permute(2, 0, 1, 3).reshape(n_crops, -1, groups * width)
    output = torch.fft.irfft(products, length, dim=1).roll(kernel // 2, dims=1)[:, :n_frames]
    return module.activation(output + module.conv.bias)
