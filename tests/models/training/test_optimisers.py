"""Muon trains the matrices of the transformer layers, AdamW everything else, each at its own rate."""

import torch
from torch import nn
from transformers import BertConfig, BertForMaskedLM

from auscult.models.training.architecture import build_encoder
from auscult.models.training.arithmetic import describe_arithmetic, products_are_exact, training_arithmetic
from auscult.models.training.optimisers import build_optimisers, is_layer_matrix

SMALL = {"conv_dim": (8,) * 7, "hidden": 16, "layers": 2, "heads": 2, "feed_forward": 32, "position_groups": 2}
BERT = {"hidden_size": 16, "num_hidden_layers": 2, "num_attention_heads": 2, "intermediate_size": 32, "vocab_size": 40}


def matrices_of(module: nn.Module) -> set[str]:
    return {name for name, parameter in module.named_parameters() if is_layer_matrix(name, parameter)}


def test_layer_matrices_are_those_of_attention_and_feed_forward():
    speech = matrices_of(build_encoder("masked_prediction", SMALL, 0))
    assert len(speech) == 2 * 6
    assert all(name.startswith("encoder.layers.") for name in speech)
    text = matrices_of(BertForMaskedLM(BertConfig(**BERT)))
    assert len(text) == 2 * 6
    assert all(name.startswith("bert.encoder.layer.") for name in text)


def test_every_parameter_has_one_optimiser_and_its_rate():
    module = build_encoder("contrastive", SMALL, 0)
    module.feature_extractor.requires_grad_(False)
    muon, adamw = build_optimisers(
        module.named_parameters(), 5.0, lambda name: 0.1 if name.startswith("encoder.") else 1.0
    )
    assert isinstance(muon, torch.optim.Muon)
    shares = {
        id(parameter): group["share"]
        for optimiser in (muon, adamw)
        for group in optimiser.param_groups
        for parameter in group["params"]
    }
    wanted = {
        id(parameter): (0.1 if name.startswith("encoder.") else 1.0) * (5.0 if is_layer_matrix(name, parameter) else 1)
        for name, parameter in module.named_parameters()
        if parameter.requires_grad
    }
    assert shares == wanted


def test_without_a_rate_for_matrices_adamw_trains_all():
    module = build_encoder("masked_prediction", SMALL, 0)
    (adamw,) = build_optimisers(module.named_parameters())
    assert isinstance(adamw, torch.optim.AdamW)
    assert sum(len(group["params"]) for group in adamw.param_groups) == len(list(module.parameters()))


def test_an_update_by_muon_has_singular_values_of_like_size():
    layer = nn.ModuleDict({"layers": nn.ModuleList([nn.Linear(16, 16, bias=False)])})
    muon, _ = build_optimisers([*layer.named_parameters(), ("head", nn.Parameter(torch.zeros(3)))], 1.0)
    weight = layer["layers"][0].weight
    before = weight.detach().clone()
    steep = torch.diag(torch.logspace(0, -1, 16))  # AdamW's first step would be the sign of the gradient
    weight.grad = steep.clone()
    muon.step()
    update = torch.linalg.svdvals(before * (1 - 0.01) - weight.detach())
    assert 0.5 < update.min() <= update.max() < 1.6


def test_products_of_a_training_are_float32_and_the_setting_is_restored():
    before = torch.get_float32_matmul_precision(), torch.get_num_threads()
    left, right = torch.randn(2, 300, 300)
    with training_arithmetic(1):
        assert torch.get_num_threads() == 1
        error = (left @ right - left.double() @ right.double()).norm() / (left @ right).norm()
    assert error < 1e-5
    assert (torch.get_float32_matmul_precision(), torch.get_num_threads()) == before


def test_products_that_round_to_bfloat16_are_not_called_exact(monkeypatch):
    products_are_exact.cache_clear()
    product = torch.Tensor.__matmul__
    monkeypatch.setattr(
        torch.Tensor,
        "__matmul__",
        lambda a, b: product(a, b) if a.dtype == torch.float64 else (product(a.bfloat16(), b.bfloat16()).float()),
    )
    assert not products_are_exact("medium")
    assert describe_arithmetic() == "float32"
    products_are_exact.cache_clear()
