"""The fast forward pass gives the values and gradients of transformers."""

import pytest
import torch

from auscult.models.training.architecture import build_encoder
from auscult.models.training.fast_forward import encode, encode_frames, front_end, is_supported

SMALL = {"hidden": 16, "layers": 2, "heads": 2, "feed_forward": 32, "position_groups": 2, "codes": 16}
FRONT_ENDS = {
    "default": {"conv_dim": (8, 8, 12, 12, 8, 8, 8)},
    "kernels of whole strides": {
        "conv_dim": (8, 8, 12, 6, 6),
        "conv_kernel": (10, 8, 8, 4, 2),
        "conv_stride": (5, 4, 4, 2, 2),
    },
    "kernels of no whole strides": {"conv_dim": (6, 8, 5), "conv_kernel": (13, 7, 5), "conv_stride": (5, 4, 8)},
    "one layer": {"conv_dim": (8,), "conv_kernel": (400,), "conv_stride": (320,)},
}


def untrained(recipe: str, **sizes):
    """Return an encoder whose every parameter is drawn: as built, scales are 1, offsets and the mask 0."""
    encoder = build_encoder(recipe, {**SMALL, **sizes}, 0)
    with torch.no_grad(), torch.random.fork_rng():
        torch.manual_seed(1)
        for parameter in encoder.parameters():
            parameter.add_(0.1 * torch.randn_like(parameter))
    return encoder.train()


@pytest.mark.parametrize("front", FRONT_ENDS)
@pytest.mark.parametrize("n_samples", [8000, 8123])
def test_front_end_equals_the_convolutions_of_transformers(front, n_samples):
    encoder = untrained("masked_prediction", **FRONT_ENDS[front])
    waveforms = 3 * torch.randn(3, n_samples) + 1
    expected = encoder.feature_extractor(waveforms).transpose(1, 2)
    torch.testing.assert_close(front_end(encoder, waveforms), expected, rtol=1e-3, atol=1e-5)


@pytest.mark.parametrize("recipe", ["masked_prediction", "contrastive"])
@pytest.mark.parametrize("position_kernel", [5, 8, 32])
def test_values_and_gradients_equal_those_of_transformers(recipe, position_kernel):
    encoder = untrained(recipe, position_kernel=position_kernel, **FRONT_ENDS["kernels of whole strides"])
    waveforms, mask = torch.randn(3, 8000), torch.zeros(3, 24, dtype=torch.bool)
    mask[0, 3:8] = mask[2, 20:] = True
    expected = encoder(waveforms.clone(), mask_time_indices=mask)
    last, features = encode(encoder, waveforms, mask)
    torch.testing.assert_close(last, expected.last_hidden_state, rtol=1e-4, atol=1e-5)
    if recipe == "contrastive":
        torch.testing.assert_close(features, expected.extract_features, rtol=1e-4, atol=1e-5)
    weights = torch.randn_like(last)
    by_hand, gradients = (
        torch.autograd.grad((frames * weights).sum(), list(encoder.parameters()), allow_unused=True)
        for frames in (expected.last_hidden_state, last)
    )
    scale = max(gradient.abs().max() for gradient in by_hand if gradient is not None)
    for (name, _), one, other in zip(encoder.named_parameters(), by_hand, gradients):
        assert (one is None) == (other is None), name
        if one is not None:
            torch.testing.assert_close(other, one, rtol=1e-3, atol=1e-5 * float(scale), msg=name)


def test_a_constant_crop_gives_finite_gradients():
    encoder = untrained("masked_prediction", **FRONT_ENDS["default"])
    last, _ = encode(encoder, torch.zeros(1, 8000), torch.zeros(1, 24, dtype=torch.bool))
    gradients = torch.autograd.grad(last.square().sum(), list(encoder.parameters()), allow_unused=True)
    assert all(gradient.isfinite().all() for gradient in gradients if gradient is not None)


@pytest.mark.parametrize("recipe", ["masked_prediction", "contrastive"])
def test_padded_utterances_equal_single_ones_of_transformers(recipe):
    encoder = untrained(recipe, **FRONT_ENDS["kernels of whole strides"]).eval()
    assert is_supported(encoder)
    waveforms = [torch.randn(1, n_samples) for n_samples in (8000, 5000, 6500)]
    last, n_frames = encode_frames(encoder, [front_end(encoder, waveform)[0] for waveform in waveforms])
    for waveform, frames, n in zip(waveforms, last, n_frames):
        torch.testing.assert_close(frames[:n], encoder(waveform).last_hidden_state[0], rtol=1e-3, atol=1e-4)


def test_other_layouts_are_left_to_transformers():
    encoder = untrained("masked_prediction", **FRONT_ENDS["default"])
    for key, value in (("do_stable_layer_norm", True), ("feat_extract_norm", "layer"), ("layerdrop", 0.1)):
        before = getattr(encoder.config, key)
        setattr(encoder.config, key, value)
        assert not is_supported(encoder)
        setattr(encoder.config, key, before)
