"""Context mixing: equal to its definition in every model family, and independent of other segments and memory."""

import numpy as np
import pytest
import torch
from mixing_reference import plain_value_zeroing
from tiny_models import ENCODERS, LAYER_NORM, tiny_encoder
from transformers import BertConfig, BertModel

from auscult.analyses.mixing.roles import find_roles, record
from auscult.analyses.mixing.waveforms import METHODS, frame_spans, mix_text, mix_waveform
from auscult.errors import AnalysisError, AudioError
from auscult.models.acoustic import acoustic_model
from auscult.models.speech import SpeechModel

# Rows sum to 1; what is left is the rounding of float32 products that run in another order.
TOLERANCE = 1e-5
# Of the other architectures, frames are pooled before the blocks or also mixed by convolutions: they are refused.
REFUSED = ("sew", "sew-d", "wav2vec2-conformer")
FAMILIES = [name for name in ENCODERS if name not in ("wav2vec2-bert", *REFUSED)]
WAVEFORM = np.random.default_rng(0).normal(0, 0.1, 9000).astype(np.float32)
SPANS = np.array([[0, 5], [5, 6], [8, 20], [20, 27]])
BERT = {
    "vocab_size": 20,
    "hidden_size": 32,
    "num_hidden_layers": 2,
    "num_attention_heads": 2,
    "intermediate_size": 48,
    "max_position_embeddings": 16,
}
TOKENS = [3, 7, 1, 4, 4, 9]


@pytest.fixture(scope="module")
def hubert():
    return SpeechModel(tiny_encoder("hubert"))


def tiny_bert(**settings):
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        return BertModel(BertConfig(**(BERT | settings))).eval()


def stack(scores):
    return np.stack(list(scores.values()))


@pytest.mark.parametrize("name", FAMILIES)
def test_value_zeroing_is_zero_rerun_compare_in_every_layer(name):
    model = SpeechModel(tiny_encoder(name))
    found = mix_waveform(model, WAVEFORM, SPANS, methods=["value_zeroing"])["value_zeroing"]
    expected = plain_value_zeroing(model.encoder, lambda: model.frames([WAVEFORM]), SPANS)
    np.testing.assert_allclose(stack(found), expected, atol=TOLERANCE)


@pytest.mark.parametrize("name", REFUSED)
def test_architectures_whose_frames_mix_otherwise_are_refused(name):
    model = SpeechModel(tiny_encoder(name))
    with pytest.raises(AnalysisError, match="analyses: mixing: models"):
        mix_waveform(model, WAVEFORM, SPANS, methods=["value_zeroing"])


def test_value_zeroing_of_a_hubert_with_layer_norm_passes_its_final_normalisation():
    model = SpeechModel(tiny_encoder("hubert", **LAYER_NORM))
    assert find_roles(model.encoder).final_norm is model.encoder.encoder.layer_norm
    found = mix_waveform(model, WAVEFORM, SPANS, methods=["value_zeroing"])["value_zeroing"]
    expected = plain_value_zeroing(model.encoder, lambda: model.frames([WAVEFORM]), SPANS)
    np.testing.assert_allclose(stack(found), expected, atol=TOLERANCE)


def test_value_zeroing_of_single_frames_is_the_definition(hubert):
    spans = frame_spans(27)
    found = mix_waveform(hubert, WAVEFORM, spans, methods=["value_zeroing"])["value_zeroing"]
    expected = plain_value_zeroing(hubert.encoder, lambda: hubert.frames([WAVEFORM]), spans)
    np.testing.assert_allclose(stack(found), expected, atol=TOLERANCE)


def test_value_zeroing_of_a_text_model_is_the_definition():
    model, spans = tiny_bert(), np.array([[0, 1], [1, 3], [3, 6]])
    found = mix_text(model, TOKENS, spans, methods=["value_zeroing"])["value_zeroing"]
    expected = plain_value_zeroing(model, lambda: model(torch.tensor([TOKENS])), spans)
    np.testing.assert_allclose(stack(found), expected, atol=TOLERANCE)


@pytest.mark.parametrize("name", ["hubert", "wavlm"])
def test_value_zeroing_of_one_head_zeroes_that_head_alone(name):
    model = SpeechModel(tiny_encoder(name))
    found = mix_waveform(model, WAVEFORM, SPANS, methods=["value_zeroing"], per_head=True)["value_zeroing"]
    for head in range(2):
        expected = plain_value_zeroing(model.encoder, lambda: model.frames([WAVEFORM]), SPANS, head=head)
        np.testing.assert_allclose(stack(found)[:, head], expected, atol=TOLERANCE)


@pytest.mark.parametrize("name", ["hubert", "wavlm", "whisper"])
def test_attention_is_the_mean_of_the_models_own_weights(name):
    model = SpeechModel(tiny_encoder(name))
    found = mix_waveform(model, WAVEFORM, SPANS, methods=["attention"])["attention"]
    kernel = model.encoder.config._attn_implementation
    model.encoder.set_attn_implementation("eager")
    roles = find_roles(model.encoder)
    with record(roles) as calls:
        model.frames([WAVEFORM])
    model.encoder.set_attn_implementation(kernel)
    for layer, call in zip(found.values(), calls):
        weights = call["attention" if name != "whisper" else "self_attn"].output[1][0].mean(0)
        expected = np.array([[weights[a:b, c:d].mean() for c, d in SPANS] for a, b in SPANS])
        np.testing.assert_allclose(layer, expected / expected.sum(1, keepdims=True), atol=TOLERANCE)


def test_norms_of_single_frames_equal_a_loop_over_vectors():
    model = tiny_bert()
    methods = ["attention_norm", "attention_norm_residual", "attention_norm_layer_norm"]
    found = mix_text(model, TOKENS, methods=methods)
    model.set_attn_implementation("eager")
    states = model(torch.tensor([TOKENS]), output_attentions=True, output_hidden_states=True)
    for place, block in enumerate(model.encoder.layer):
        hidden, weights = states.hidden_states[place][0], states.attentions[place][0]
        values = block.attention.self.value(hidden).unflatten(-1, (2, 16))
        dense, norm = block.attention.output.dense, block.attention.output.LayerNorm
        joined = torch.einsum("hij,jhd->ijhd", weights, values).flatten(2)
        vectors = joined @ dense.weight.T
        kept = vectors + torch.eye(len(TOKENS))[..., None] * hidden
        deviation = (kept.sum(1) + dense.bias).std(-1, unbiased=False)
        normed = (kept - kept.mean(-1, keepdim=True)) / deviation[:, None, None] * norm.weight
        for method, expected in zip(methods, (vectors, kept, normed)):
            expected = expected.norm(dim=-1).detach()
            expected /= expected.sum(1, keepdim=True)
            np.testing.assert_allclose(found[method][f"T{place + 1}"], expected, atol=TOLERANCE)


def test_the_norm_of_one_head_is_its_weight_times_its_vector():
    model = tiny_bert()
    found = mix_text(model, TOKENS, methods=["attention_norm", "attention"], per_head=True)
    block = model.encoder.layer[0]
    hidden = model.embeddings(torch.tensor([TOKENS]))[0]
    values = block.attention.self.value(hidden)[:, 16:] @ block.attention.output.dense.weight[:, 16:].T
    expected = found["attention"]["T1"][1] * values.norm(dim=-1).detach().numpy()
    np.testing.assert_allclose(
        found["attention_norm"]["T1"][1], expected / expected.sum(1, keepdims=True), atol=TOLERANCE
    )


def test_rollout_multiplies_half_attention_and_half_identity_over_the_layers(hubert):
    attention = mix_waveform(hubert, WAVEFORM, frame_spans(27), methods=["attention", "rollout"])
    first, second = (0.5 * layer + 0.5 * np.eye(27) for layer in attention["attention"].values())
    np.testing.assert_allclose(attention["rollout"]["T1"], first, atol=TOLERANCE)
    np.testing.assert_allclose(attention["rollout"]["T2"], second @ first, atol=TOLERANCE)
    alone = mix_waveform(hubert, WAVEFORM, frame_spans(27), methods=["rollout"], layers=["T2"])["rollout"]
    np.testing.assert_array_equal(alone["T2"], attention["rollout"]["T2"])


def test_value_zeroing_and_not_attention_ignores_an_attended_token_without_content():
    """Every token looks at one whose value vector is null; Hadamard rows pass the layer norms as they are."""
    signs = torch.tensor([[(-1.0) ** (i & j).bit_count() for j in range(16)] for i in range(1, 6)])
    sizes = {"hidden_size": 16, "num_attention_heads": 1, "num_hidden_layers": 1, "intermediate_size": 16}
    model = tiny_bert(vocab_size=5, **sizes)
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.zero_()
        block, null = model.encoder.layer[0], signs[0]
        for norm in (model.embeddings.LayerNorm, block.attention.output.LayerNorm, block.output.LayerNorm):
            norm.weight.fill_(1)
        model.embeddings.word_embeddings.weight.copy_(signs)
        block.attention.self.query.bias.copy_(null)
        block.attention.self.key.weight.copy_(torch.eye(16))
        block.attention.self.value.weight.copy_(torch.eye(16) - torch.outer(null, null) / 16)
        block.attention.output.dense.weight.copy_(torch.eye(16))
    scores = mix_text(model, [0, 1, 2, 3, 4])
    assert scores["attention"]["T1"][:, 0].min() > 0.9
    assert scores["rollout"]["T1"][1:, 0].min() > 0.4
    assert scores["value_zeroing"]["T1"][:, 0].max() < 1e-6
    assert scores["attention_norm"]["T1"][:, 0].max() < 1e-6
    assert (scores["value_zeroing"]["T1"][0, 1:] > 0.2).all()


@pytest.mark.parametrize("method", METHODS)
def test_rows_sum_to_one_and_rows_of_targets_equal_rows_of_the_whole(hubert, method):
    whole = stack(mix_waveform(hubert, WAVEFORM, SPANS, methods=[method])[method])
    some = stack(mix_waveform(hubert, WAVEFORM, SPANS, methods=[method], targets=[2, 0])[method])
    np.testing.assert_allclose(whole.sum(axis=2), 1)
    assert whole.min() >= 0
    np.testing.assert_allclose(some, whole[:, [2, 0]], atol=TOLERANCE)


def test_scores_depend_neither_on_memory_nor_on_which_segments_are_zeroed_together(hubert, monkeypatch):
    settings = {"methods": ["value_zeroing"], "layers": ["T2"]}
    at_once = mix_waveform(hubert, WAVEFORM, SPANS, **settings)["value_zeroing"]["T2"]
    with monkeypatch.context() as patch:
        patch.setattr("auscult.analyses.mixing.memory._COPIES_MB", 0)
        one_by_one = mix_waveform(hubert, WAVEFORM, SPANS, **settings)["value_zeroing"]["T2"]
    np.testing.assert_allclose(one_by_one, at_once, atol=TOLERANCE)
    pair = mix_waveform(hubert, WAVEFORM, SPANS[[1, 2]], **settings)["value_zeroing"]["T2"]
    expected = at_once[1:3, 1:3] / at_once[1:3, 1:3].sum(axis=1, keepdims=True)
    np.testing.assert_allclose(pair, expected, atol=TOLERANCE)


def test_the_model_is_left_as_it_was(hubert):
    before = hubert.frames([WAVEFORM])["T2"][0]
    kernel = hubert.encoder.config._attn_implementation
    mix_waveform(hubert, WAVEFORM, SPANS)
    assert hubert.encoder.config._attn_implementation == kernel == "sdpa"
    assert not any("forward" in vars(module) for module in hubert.encoder.modules())
    assert torch.equal(hubert.frames([WAVEFORM])["T2"][0], before)


def test_whispers_padding_is_no_segment():
    model = SpeechModel(tiny_encoder("whisper"))
    with pytest.raises(AnalysisError, match=r"segment 0 to contain frames within 0–28, found 20–40: frames that do"):
        mix_waveform(model, WAVEFORM[:8800], np.array([[20, 40]]))


def test_a_segment_without_frames_is_one_clear_line(hubert):
    with pytest.raises(
        AnalysisError,
        match=r"expected segment 1 to contain frames within 0–27, found 5–5: no frame; assign the nearest",
    ):
        mix_waveform(hubert, WAVEFORM, np.array([[0, 5], [5, 5]]))


def test_spans_that_are_no_ranges_are_one_clear_line(hubert):
    with pytest.raises(AnalysisError, match=r"expected a start and a stop frame \(integers\) for each segment, found"):
        mix_waveform(hubert, WAVEFORM, np.array([0.0, 5.0]))


def test_an_utterance_longer_than_the_models_window_is_one_clear_line():
    model = SpeechModel(tiny_encoder("whisper"))
    with pytest.raises(AudioError, match="expected at most 32000 samples"):
        mix_waveform(model, np.zeros(40000, np.float32), SPANS)


@pytest.mark.parametrize(
    ("method", "memory_mb", "found"),
    [
        (
            "attention",
            0.01,
            r"the attention weights of a layer with 2 heads and 27 frames \(0 MB\), found memory_mb: 0.01",
        ),
        ("attention_norm", 0.05, "the attention weights of a layer .*, found memory_mb: 0.05"),
        ("value_zeroing", 0.03, r"one altered copy of 25 frames \(0.0 MB\), found memory_mb: 0.03"),
    ],
)
def test_more_samples_than_memory_allows_are_one_clear_line(hubert, method, memory_mb, found):
    with pytest.raises(AnalysisError, match=f"expected room for .*{found}: more samples than memory allows; raise"):
        mix_waveform(hubert, WAVEFORM, SPANS, methods=[method], memory_mb=memory_mb)


def test_the_memory_limit_holds_for_the_weights_of_one_layer(hubert):
    # 2 heads, 27 frames, 4 bytes: 5832, three times.
    mix_waveform(hubert, WAVEFORM, SPANS, methods=["attention"], memory_mb=0.0175)
    with pytest.raises(AnalysisError, match="more samples than memory allows"):
        mix_waveform(hubert, WAVEFORM, SPANS, methods=["attention"], memory_mb=0.0174)


def test_a_text_longer_than_the_models_positions_is_one_clear_line():
    with pytest.raises(AnalysisError, match=r"expected at most 16 tokens \(the positions of 'bert'\), found 17"):
        mix_text(tiny_bert(), [1] * 17)


def test_a_model_without_attention_is_one_clear_line():
    with pytest.raises(AnalysisError, match="expected a transformer whose encoder has attention, found 'mfcc'"):
        mix_waveform(acoustic_model("mfcc"), WAVEFORM, SPANS)


def test_a_conformer_is_one_clear_line():
    with pytest.raises(AnalysisError, match="found a convolution in the blocks of 'wav2vec2-bert'"):
        mix_waveform(SpeechModel(tiny_encoder("wav2vec2-bert")), WAVEFORM, SPANS)


@pytest.mark.parametrize(
    ("settings", "found"),
    [
        ({"methods": ["attentoin"]}, "expected methods of attention, .* found 'attentoin'"),
        ({"methods": ["rollout"], "per_head": True}, "expected methods for each head of .* found 'rollout'"),
        ({"layers": ["T9"]}, "expected layers of T1, T2, found 'T9'"),
    ],
)
def test_what_does_not_exist_is_one_clear_line(hubert, settings, found):
    with pytest.raises(AnalysisError, match=found):
        mix_waveform(hubert, WAVEFORM, SPANS, **settings)
