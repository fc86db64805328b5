"""Modules are found by their roles, and left as they were whatever happens."""

import pytest
import torch
from tiny_models import tiny_encoder, tiny_model
from transformers import HubertConfig, HubertForCTC

from auscult.analyses.mixing.roles import eager, find_roles, record, substitute
from auscult.errors import AnalysisError


def test_a_model_with_a_head_has_the_roles_of_its_encoder():
    sizes = {"hidden_size": 32, "num_hidden_layers": 2, "num_attention_heads": 2, "intermediate_size": 48}
    model = HubertForCTC(HubertConfig(conv_dim=(16,) * 7, num_conv_pos_embeddings=16, **sizes))
    roles = find_roles(model)
    assert roles.layers == ("T1", "T2")
    assert roles.blocks == tuple(model.hubert.encoder.layers)
    assert (roles.norm, roles.final_norm) == ("layer_norm", None)


@pytest.mark.parametrize(
    ("part", "attention"),
    [
        ("encoder", "self_attn"),
        ("decoder", "self_attn"),
        ("cross", "encoder_attn"),
    ],
)
def test_whisper_has_three_attentions_and_normalises_at_the_end(part, attention):
    model = tiny_model("whisper")
    roles = find_roles(model, part)
    stack = model.model.encoder if part == "encoder" else model.model.decoder
    assert roles.attention == attention
    assert roles.final_norm is stack.layer_norm
    assert roles.norm is None


def test_an_encoder_has_no_decoder_to_look_at():
    with pytest.raises(AnalysisError, match="expected a transformer whose cross has attention, found 'hubert'"):
        find_roles(tiny_encoder("hubert"), "cross")


def test_kernel_hooks_and_forward_are_restored_after_an_error():
    model = tiny_encoder("hubert")
    block = model.encoder.layers[0]
    with pytest.raises(RuntimeError), eager(model), record(find_roles(model)), substitute({block: None}):
        raise RuntimeError
    assert model.config._attn_implementation == "sdpa"
    assert "forward" not in vars(block)
    assert not block._forward_hooks


def test_calls_hold_what_each_block_was_given_and_returned():
    model = tiny_encoder("hubert")
    with torch.inference_mode(), record(find_roles(model)) as calls:
        last = model(torch.zeros(1, 5000)).last_hidden_state
    torch.testing.assert_close(calls[1][""].first, last)
    assert calls[1][""].hidden is calls[0][""].first
