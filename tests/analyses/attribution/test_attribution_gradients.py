"""Gradients where they have closed forms, and against captum where they have none."""

import pytest
import torch
from captum.attr import InputXGradient, IntegratedGradients, Saliency
from tiny_predictors import noise, tiny_predictor

from auscult.analyses.attribution.gradients import (
    complete_integrated_gradients,
    gradients,
    input_x_gradient,
    integrated_gradients,
    saliency,
)

WEIGHTS = torch.tensor([2.0, -1.0, 0.5, 3.0])
VALUES = torch.tensor([1.0, 2.0, -4.0, 0.0])


def linear(batch):
    return batch @ WEIGHTS + 7


@pytest.fixture(scope="module")
def model():
    predictor = tiny_predictor("hubert-classes")
    return lambda batch: predictor.from_waveform(batch)[:, 1], predictor.prepare(noise(4000))


def test_of_a_linear_model_gradients_are_weights_and_integrated_gradients_weights_times_differences():
    value, gradient = gradients(linear, VALUES[None])
    torch.testing.assert_close(value, linear(VALUES[None]))
    torch.testing.assert_close(saliency(gradient[0]), WEIGHTS.abs())
    torch.testing.assert_close(input_x_gradient(gradient[0], VALUES), WEIGHTS * VALUES)
    scores, gap = integrated_gradients(linear, VALUES, torch.ones(4), n_steps=3)
    torch.testing.assert_close(scores, WEIGHTS * (VALUES - 1))
    assert abs(gap) < 1e-5


def test_integrated_gradients_of_a_polynomial_are_complete():
    # Three Gauss points integrate the gradient of x⁴, a polynomial of degree 3, exactly.
    scores, gap = integrated_gradients(lambda x: x.pow(4).sum(1), VALUES, torch.zeros(4), n_steps=3)
    torch.testing.assert_close(scores, VALUES.pow(4))
    assert abs(gap) < 1e-3


def test_gradients_equal_captum(model):
    function, values = model
    batch = values[None].clone().requires_grad_()
    _, gradient = gradients(function, values[None])
    torch.testing.assert_close(saliency(gradient), Saliency(function).attribute(batch))
    torch.testing.assert_close(input_x_gradient(gradient, values), InputXGradient(function).attribute(batch))


@pytest.mark.parametrize("chunk", [1, 3, 20])
def test_integrated_gradients_equal_captum_for_every_chunk_size(model, chunk):
    function, values = model
    baseline = 0.1 * torch.ones_like(values)
    expected = IntegratedGradients(function).attribute(values[None], baseline[None], n_steps=20)[0]
    scores, gap = integrated_gradients(function, values, baseline, n_steps=20, chunk=chunk)
    # Rounding of float32 sums in another order, relative to the largest score.
    torch.testing.assert_close(scores, expected, rtol=0, atol=1e-4 * float(expected.abs().max()))
    with torch.no_grad():
        difference = float(function(values[None]) - function(baseline[None]))
    assert gap == pytest.approx(difference - float(expected.sum()), abs=1e-4)


def test_the_gap_shrinks_as_steps_are_added():
    def function(batch):
        return torch.tanh(batch @ WEIGHTS)

    gaps = [abs(integrated_gradients(function, VALUES, torch.zeros(4), n_steps=n)[1]) for n in (2, 4, 16)]
    assert gaps[0] > gaps[1] > gaps[2] - 1e-6
    assert gaps[-1] < 1e-5


def test_denser_steps_near_the_baseline_find_what_equal_steps_miss():
    """The utterance is normalised as group norm does: all that happens, happens near silence."""

    def function(batch):
        return (batch / (batch.var(1, keepdim=True) + 1e-5).sqrt()) @ WEIGHTS

    def gap(power, n_steps=50):
        return abs(integrated_gradients(function, VALUES, torch.zeros(4), n_steps=n_steps, power=power)[1])

    difference = abs(float(function(VALUES[None])))
    assert gap(1) > 0.05 * difference
    assert gap(4) < 0.01 * difference


@pytest.mark.parametrize("power", [1, 2, 4])
def test_the_integral_is_the_same_however_the_steps_lie(power):
    expected = torch.tanh(VALUES) * 1.0
    scores, _ = integrated_gradients(lambda x: torch.tanh(x).sum(1), VALUES, torch.zeros(4), n_steps=60, power=power)
    torch.testing.assert_close(scores, expected, atol=1e-4, rtol=0)


def test_steps_are_added_where_the_function_bends_until_the_scores_are_complete():
    """A sharp rise near the end of the path, which twenty steps miss."""

    def function(batch):
        return torch.tanh(400 * (batch @ WEIGHTS + 1.9))

    values, n_runs = VALUES, []

    def counted(batch):
        n_runs.append(len(batch))
        return function(batch)

    difference = float(function(values[None]) - function(torch.zeros(1, 4)))
    assert abs(integrated_gradients(function, values, torch.zeros(4), n_steps=20)[1]) > 0.05 * abs(difference)
    scores, gap = complete_integrated_gradients(counted, values, torch.zeros(4), largest_gap=0.05, max_steps=192)
    assert abs(gap) < 0.05 * abs(difference)
    assert float(scores.sum()) == pytest.approx(difference - gap, abs=1e-4)
    assert sum(n_runs) <= 192


def test_at_the_largest_number_of_steps_the_gap_is_stated():
    def jump(batch):
        return torch.sigmoid(1e6 * (batch @ WEIGHTS + 1.9))

    n_runs = []

    def counted(batch):
        n_runs.append(len(batch))
        return jump(batch)

    scores, gap = complete_integrated_gradients(counted, VALUES, torch.zeros(4), max_steps=40)
    assert sum(n_runs) <= 40
    difference = float(jump(VALUES[None]) - jump(torch.zeros(1, 4)))
    assert abs(gap) > 0.05 * abs(difference)
    assert gap == pytest.approx(difference - float(scores.sum()), abs=1e-4)


@pytest.mark.parametrize("power", [1, 3])
def test_adaptive_steps_equal_many_fixed_ones(model, power):
    function, values = model
    baseline = 0.5 * values.flip(0)
    expected, _ = integrated_gradients(function, values, baseline, n_steps=100)
    scores, _ = complete_integrated_gradients(function, values, baseline, largest_gap=1e-3, max_steps=400, power=power)
    torch.testing.assert_close(scores, expected, rtol=0, atol=1e-2 * float(expected.abs().max()))


def test_steps_near_the_baseline_save_gradients_where_f_changes_there():
    def sharp(batch):
        return torch.tanh(150 * (batch @ WEIGHTS) / float(VALUES @ WEIGHTS))

    def n_gradients(power):
        n_runs = []

        def counted(batch):
            n_runs.append(len(batch))
            return sharp(batch)

        _, gap = complete_integrated_gradients(counted, VALUES, torch.zeros(4), power=power)
        assert abs(gap) <= 0.05 * float(sharp(VALUES[None]))
        return sum(n_runs)

    assert n_gradients(3) < n_gradients(1)


def test_a_small_difference_between_large_swings_is_still_completed():
    """Along the path f rises and falls by 30 times what is to be explained, close to silence."""

    def function(batch):
        place = (batch @ WEIGHTS) / float(VALUES @ WEIGHTS)
        return 0.2 * place + 6 * torch.exp(-(((place - 0.01) / 0.004) ** 2))

    scores, gap = complete_integrated_gradients(function, VALUES, torch.zeros(4))
    difference = float(function(VALUES[None]) - function(torch.zeros(1, 4)))
    assert float(scores.sum()) == pytest.approx(difference, abs=0.05 * abs(difference))
    assert gap == pytest.approx(difference - float(scores.sum()), abs=1e-4)
