"""Muon trains the matrices of the transformer layers, AdamW everything else, each at its own rate."""

import numpy as np
import pytest
import torch
from torch import nn
from transformers import BertConfig, BertForMaskedLM

from auscult.models.training import arithmetic
from auscult.models.training.architecture import build_encoder
from auscult.models.training.arithmetic import describe_arithmetic, products_are_exact, training_arithmetic
from auscult.models.training.muon import Muon, orthogonalise
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


@pytest.mark.parametrize("shape", [(24, 24), (16, 40), (40, 16)])
def test_orthogonalised_matrices_agree_with_a_slow_iteration_on_singular_values(shape):
    matrix = np.random.default_rng(0).normal(size=shape) * np.geomspace(1, 0.05, shape[1])
    left, values, right = np.linalg.svd(matrix, full_matrices=False)
    values = values / np.linalg.norm(values)
    for _ in range(5):
        values = 3.4445 * values - 4.775 * values**3 + 2.0315 * values**5
    expected = (left * values) @ right
    found = orthogonalise(torch.from_numpy(matrix)).numpy()
    np.testing.assert_allclose(found, expected, atol=2e-5)


def test_steps_are_those_of_torch_up_to_the_rounding_of_bfloat16():
    generator = torch.Generator().manual_seed(0)
    shapes = [(12, 12), (8, 30), (30, 8)]
    ours, theirs = ([nn.Parameter(torch.ones(shape)) for shape in shapes] for _ in range(2))
    options = {"lr": 0.05, "weight_decay": 0.1, "momentum": 0.9, "nesterov": True}
    optimisers = Muon(ours, **options), torch.optim.Muon(theirs, **options)
    for _ in range(4):
        for one, other in zip(ours, theirs):
            one.grad = torch.randn(one.shape, generator=generator)
            other.grad = one.grad.clone()
        for optimiser in optimisers:
            optimiser.step()
    for one, other in zip(ours, theirs):
        torch.testing.assert_close(one, other, atol=0.004, rtol=0)
        assert not torch.allclose(one, torch.ones_like(one), atol=0.05)
    # Momentum does not pass through bfloat16, so a training goes on from the state of either.
    for one, other in zip(*(list(optimiser.state.values()) for optimiser in optimisers)):
        torch.testing.assert_close(one["momentum_buffer"], other["momentum_buffer"])


@pytest.mark.parametrize(("maker", "taken"), [("AuthenticAMD", True), ("", True), ("GenuineIntel", False)])
def test_products_are_those_of_onednn_unless_the_processor_is_intels(monkeypatch, maker, taken):
    monkeypatch.setattr(arithmetic, "processor_maker", lambda: maker)
    monkeypatch.setattr(arithmetic, "products_are_exact", lambda precision: True)
    assert describe_arithmetic() == ("float32 (oneDNN)" if taken else "float32")
    with training_arithmetic(1):
        assert torch.get_float32_matmul_precision() == ("medium" if taken else "highest")


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
    monkeypatch.setattr(arithmetic, "processor_maker", lambda: "AuthenticAMD")
    assert describe_arithmetic() == "float32"
    products_are_exact.cache_clear()
