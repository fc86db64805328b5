"""Removing units: closed forms of a linear model, Shapley values by brute force, captum on the same coalitions."""

from itertools import permutations

import numpy as np
import pytest
import torch
from captum._utils.models.linear_model import SkLearnRidge
from captum.attr import FeatureAblation, KernelShap, LimeBase, Occlusion
from tiny_predictors import noise, tiny_predictor

from auscult.analyses.attribution.perturbation import (
    Game,
    ablation,
    kernel_shap,
    lime,
    lime_coalitions,
    n_coalitions,
    occlusion,
    occlusion_spans,
    shapley_coalitions,
    solve_lime,
    solve_shapley,
)
from auscult.errors import AnalysisError

WEIGHTS = torch.tensor([2.0, -1.0, 0.5, 3.0, 1.0, -2.0])
VALUES = torch.tensor([1.0, 2.0, -4.0, 0.5, 1.0, 1.0])
SPANS = np.array([[0, 2], [2, 3], [4, 6]])
# Position 3 belongs to no unit: it is never removed.
EXPECTED = [2 - 2, -2, 1 - 2]


def linear(batch):
    return batch @ WEIGHTS + 7


def crossed(batch):
    """A game of five players in which pairs and triples matter."""
    a, b, c, d, e = batch.T
    return a + 2 * b * c - 3 * a * d * e + torch.tanh(b + e) + 5


def game_of(function, n_players, **more):
    spans = np.stack([np.arange(n_players), np.arange(1, n_players + 1)], axis=1)
    return Game(function, torch.ones(n_players), torch.zeros(n_players), spans, **more)


def brute_force(game):
    """Average what each player adds over all orders of arrival."""
    scores = np.zeros(game.n_players)
    orders = list(permutations(range(game.n_players)))
    for order in orders:
        present = np.zeros((game.n_players + 1, game.n_players), dtype=bool)
        for place, player in enumerate(order):
            present[place + 1 :, player] = True
        scores[list(order)] += np.diff(game(present))
    return scores / len(orders)


@pytest.fixture(scope="module")
def model():
    predictor = tiny_predictor("hubert-classes")
    values = predictor.prepare(noise(4000))
    spans = np.array([[0, 700], [700, 1500], [1500, 1900], [1900, 2600], [2600, 3300], [3300, 4000]])
    return lambda batch: predictor.from_waveform(batch)[:, 1], values, spans


def mask_of(spans):
    return torch.from_numpy(np.repeat(np.arange(len(spans)), np.diff(spans)[:, 0]))[None]


def test_of_a_linear_model_every_method_gives_weights_times_inputs():
    game = Game(linear, VALUES, torch.zeros(6), SPANS)
    np.testing.assert_allclose(ablation(game), EXPECTED, atol=1e-6)
    np.testing.assert_allclose(kernel_shap(game, 64, seed=0), EXPECTED, atol=1e-6)
    coalitions = lime_coalitions(3, 64, seed=0)
    np.testing.assert_allclose(solve_lime(coalitions, game(coalitions), penalty=0), EXPECTED, atol=1e-6)


@pytest.mark.parametrize("n_players", [9, 30])
def test_sampled_coalitions_are_exact_for_a_linear_model_too(n_players):
    weights = torch.linspace(-1, 2, n_players)
    game = game_of(lambda batch: batch @ weights, n_players)
    np.testing.assert_allclose(kernel_shap(game, 2 * n_players + 20, seed=1), weights, atol=1e-5)


def test_kernel_shap_of_five_players_is_the_shapley_value():
    game = game_of(crossed, 5)
    np.testing.assert_allclose(kernel_shap(game, 30, seed=0), brute_force(game), atol=1e-6)


def test_sampled_kernel_shap_comes_near_the_shapley_value_and_sums_to_the_difference():
    game = game_of(lambda batch: crossed(batch[:, :5]) + batch[:, 5:].sum(1) * batch[:, 0], 8)
    scores = kernel_shap(game, 200, seed=0)
    assert scores.sum() == pytest.approx(game.full - game.empty, abs=1e-6)
    np.testing.assert_allclose(scores, kernel_shap(game, 2**8, seed=0), atol=0.35)


def test_a_single_player_has_all_of_the_difference():
    game = game_of(lambda batch: 3 * batch[:, 0], 1)
    assert kernel_shap(game, 8, seed=0) == pytest.approx([3])
    assert ablation(game) == pytest.approx([3])


def test_sampled_coalitions_come_with_their_complements_and_hold_some_but_not_all():
    coalitions, weights = shapley_coalitions(12, 101, seed=3)
    assert len(coalitions) == len(weights) == 100
    np.testing.assert_array_equal(coalitions[::2], ~coalitions[1::2])
    assert set(coalitions.sum(axis=1)) <= set(range(1, 12))
    np.testing.assert_array_equal(coalitions, shapley_coalitions(12, 101, seed=3)[0])


def test_too_few_samples_for_the_units_are_refused():
    with pytest.raises(AnalysisError, match=r"expected at least 80 samples for 40 units, found 60; raise n_samples"):
        shapley_coalitions(40, 60, seed=0)


def test_there_are_at_least_eight_coalitions_per_unit_and_all_if_no_more_exist():
    assert [n_coalitions(n, 256) for n in (5, 32, 33, 150)] == [256, 256, 264, 1200]
    assert len(shapley_coalitions(8, n_coalitions(8, 256), seed=0)[0]) == 2**8 - 2
    assert len(lime_coalitions(150, n_coalitions(150, 256), seed=0)) == 1200


def test_ablation_equals_captum(model):
    function, values, spans = model
    expected = FeatureAblation(function).attribute(values[None], feature_mask=mask_of(spans))[0]
    found = ablation(Game(function, values, torch.zeros_like(values), spans))
    np.testing.assert_allclose(found, expected[spans[:, 0]], atol=1e-5)


def test_occlusion_equals_captum(model):
    function, values, _ = model
    expected = Occlusion(function).attribute(values[None], sliding_window_shapes=(1200,), strides=(500,))[0]
    found = occlusion(function, values, torch.zeros_like(values), width=1200, stride=500)
    np.testing.assert_allclose(found, expected, atol=1e-5)


@pytest.mark.parametrize(
    ("n", "width", "stride", "starts"), [(10, 4, 3, [0, 3, 6]), (9, 4, 3, [0, 3, 6]), (3, 5, 2, [0])]
)
def test_windows_cover_the_input_and_its_end_cuts_the_last(n, width, stride, starts):
    spans = occlusion_spans(n, width, stride)
    assert spans[:, 0].tolist() == starts
    assert spans[-1, 1] == n


class SameShap(KernelShap):
    """captum's KernelSHAP on coalitions given to it."""

    coalitions = None

    def kernel_shap_perturb_generator(self, original_inp, **kwargs):
        n_players = self.coalitions.shape[1]
        for row in (np.zeros(n_players), np.ones(n_players), *self.coalitions):
            yield torch.from_numpy(np.asarray(row, dtype=int))[None]


def test_kernel_shap_equals_captum_on_the_same_coalitions(model):
    function, values, spans = model
    coalitions, weights = shapley_coalitions(6, 40, seed=0)
    peer = SameShap(function)
    peer.coalitions = coalitions
    peer.perturb_func = peer.kernel_shap_perturb_generator
    expected = peer.attribute(
        values[None], feature_mask=mask_of(spans), n_samples=2 + len(coalitions), return_input_shape=False
    )[0]
    game = Game(function, values, torch.zeros_like(values), spans)
    found = solve_shapley(coalitions, weights, game(coalitions), game.empty, game.full)
    # captum approaches the constraint by a weight of a million, in float32.
    np.testing.assert_allclose(found, expected, atol=2e-4 * np.abs(found).max())


def test_lime_equals_captum_on_the_same_coalitions(model):
    function, values, spans = model
    coalitions = np.random.default_rng(0).random((40, 6)) < 0.5
    rows = iter(torch.from_numpy(coalitions.astype(np.float32)))
    similarity = np.exp(-((1 - np.sqrt(coalitions.mean(axis=1))) ** 2) / (2 * 0.25**2))
    weights = iter(similarity)
    peer = LimeBase(
        function,
        SkLearnRidge(alpha=0.01 * similarity.sum()),
        lambda *_, **__: next(weights),
        lambda *_, **__: next(rows)[None],
        True,
        lambda present, original, **_: original * present[0][mask_of(spans)],
        lambda original, **_: None,
    )
    expected = peer.attribute(values[None], n_samples=40)[0]
    game = Game(function, values, torch.zeros_like(values), spans)
    np.testing.assert_allclose(solve_lime(coalitions, game(coalitions)), expected, atol=1e-4)


def test_scores_depend_on_the_size_of_chunks_only_by_rounding(model):
    function, values, spans = model
    games = [Game(function, values, torch.zeros_like(values), spans, chunk=chunk) for chunk in (1, 7)]
    for method in (lambda game: lime(game, 30, seed=0), lambda game: kernel_shap(game, 30, seed=0), ablation):
        np.testing.assert_allclose(method(games[0]), method(games[1]), atol=1e-5)


def test_no_coalition_runs_twice_whichever_method_asks():
    sizes = []

    def function(batch):
        sizes.append(len(batch))
        return batch.sum(1)

    game = game_of(function, 4, chunk=5)
    kernel_shap(game, 14, seed=0), lime(game, 16, seed=0), ablation(game)
    assert sum(sizes) == 2**4
    assert max(sizes) <= 5


def test_bands_are_players_of_their_own():
    values = torch.arange(12.0).reshape(3, 4)
    game = Game(lambda batch: batch.sum((1, 2)), values, torch.zeros(3, 4), np.array([[0, 1], [1, 3]]), n_bands=2)
    assert ablation(game).tolist() == [0 + 1, 2 + 3, 4 + 5 + 8 + 9, 6 + 7 + 10 + 11]


def test_a_position_of_two_units_is_there_only_while_both_are():
    game = Game(lambda batch: batch.sum(1), torch.tensor([1.0, 10, 100]), torch.zeros(3), np.array([[0, 2], [1, 3]]))
    assert ablation(game).tolist() == [11, 110]
    assert game.empty == 0
