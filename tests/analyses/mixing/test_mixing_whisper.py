"""Whisper's decoder: both attentions by their definition, causal, with padding left out and limits checked."""

import numpy as np
import pytest
import torch
from mixing_reference import plain_value_zeroing
from tiny_models import tiny_model

from auscult.analyses.mixing.whisper import mix_decoder
from auscult.errors import AnalysisError

TOLERANCE = 1e-5
TOKENS = [1, 5, 9, 30, 7]
SPEECH = np.array([[0, 4], [4, 5], [9, 25]])


@pytest.fixture(scope="module")
def whisper():
    return tiny_model("whisper", decoder_layers=2, max_target_positions=8)


@pytest.fixture(scope="module")
def features():
    return torch.from_numpy(np.random.default_rng(0).normal(size=(80, 200)).astype(np.float32))


def run(model, features):
    return lambda: model.model(features[None], decoder_input_ids=torch.tensor([TOKENS]), use_cache=False)


def test_value_zeroing_of_self_attention_is_the_definition(whisper, features):
    found = mix_decoder(whisper, features, TOKENS, part="decoder", methods=["value_zeroing"])["value_zeroing"]
    spans = np.arange(5)[:, None] + [0, 1]
    expected = plain_value_zeroing(whisper, run(whisper, features), spans, "decoder")
    np.testing.assert_allclose(np.stack(list(found.values())), expected, atol=TOLERANCE)


def test_value_zeroing_of_cross_attention_is_the_definition(whisper, features):
    found = mix_decoder(
        whisper, features, TOKENS, part="cross", speech_spans=SPEECH, n_frames=30, methods=["value_zeroing"]
    )["value_zeroing"]
    spans = np.arange(5)[:, None] + [0, 1]
    expected = plain_value_zeroing(whisper, run(whisper, features), spans, "cross", SPEECH)
    np.testing.assert_allclose(np.stack(list(found.values())), expected, atol=TOLERANCE)


def test_no_token_takes_from_one_that_is_not_written_yet(whisper, features):
    scores = mix_decoder(whisper, features, TOKENS, part="decoder")
    for of_layers in scores.values():
        for matrix in of_layers.values():
            assert (matrix[np.triu_indices(5, 1)] == 0).all()
            np.testing.assert_allclose(matrix.sum(axis=1), 1)


def test_attention_to_the_encoder_is_the_models_own_over_the_frames_that_hold_speech(whisper, features):
    found = mix_decoder(whisper, features, TOKENS, part="cross", n_frames=30, targets=[4], methods=["attention"])
    whisper.set_attn_implementation("eager")
    stock = whisper.model(features[None], decoder_input_ids=torch.tensor([TOKENS]), output_attentions=True)
    whisper.set_attn_implementation("sdpa")
    for matrix, weights in zip(found["attention"].values(), stock.cross_attentions):
        expected = weights[0, :, 4, :30].mean(0).detach().numpy()
        np.testing.assert_allclose(matrix, (expected / expected.sum())[None], atol=TOLERANCE)
    assert matrix.shape == (1, 30)


def test_norms_of_the_two_attentions_have_rows_that_sum_to_one(whisper, features):
    methods = ["attention_norm", "attention_norm_residual", "attention_norm_layer_norm"]
    for part in ("decoder", "cross"):
        scores = mix_decoder(whisper, features, TOKENS, part=part, methods=methods)
        for of_layers in scores.values():
            np.testing.assert_allclose(of_layers["T2"].sum(axis=1), 1)
        same = np.array_equal(scores["attention_norm"]["T1"], scores["attention_norm_residual"]["T1"])
        assert same == (part == "cross")


def test_the_attention_kernel_is_restored(whisper, features):
    mix_decoder(whisper, features, TOKENS, part="cross", methods=["attention"])
    assert whisper.config._attn_implementation == "sdpa"


def test_more_tokens_than_positions_are_one_clear_line(whisper, features):
    with pytest.raises(AnalysisError, match=r"expected at most 8 tokens \(the decoder's positions\), found 9"):
        mix_decoder(whisper, features, [1] * 9, part="decoder")


def test_rollout_to_the_encoder_is_one_clear_line(whisper, features):
    with pytest.raises(AnalysisError, match=r"expected methods of cross-attention of .* found 'rollout'"):
        mix_decoder(whisper, features, TOKENS, part="cross", methods=["rollout"])


def test_speech_beyond_the_frames_is_one_clear_line(whisper, features):
    with pytest.raises(AnalysisError, match="segment 2 to contain frames within 0–20, found 9–25"):
        mix_decoder(whisper, features, TOKENS, part="cross", speech_spans=SPEECH, n_frames=20)
