import numpy as np
import pytest

from auscult.dynamics.onsets import onset, steepest

STEPS = np.array([0, 9, 99, 999])


def test_onset_by_hand():
    # .5 of the way from 0 to 1 lies halfway between .25 at step 9 and .75 at step 99: at the square root of 10 · 100.
    assert onset(STEPS, np.array([0, 0.25, 0.75, 1])) == pytest.approx(1000**0.5 - 1)


def test_onset_of_a_fall_is_that_of_its_mirror_image():
    values = np.array([0, 0.1, 0.7, 1])
    assert onset(STEPS, 5 - 3 * values) == pytest.approx(onset(STEPS, values))


def test_an_early_peak_is_no_onset():
    assert onset(STEPS, np.array([0, 0.9, 0, 1])) > 99


def test_steepest_is_the_middle_of_the_fastest_interval():
    assert steepest(STEPS, np.array([0, 0.1, 0.9, 1])) == pytest.approx(1000**0.5 - 1)


def test_a_constant_curve_has_no_onset():
    assert np.isnan(onset(STEPS, np.ones(4)))
    assert np.isnan(steepest(STEPS, np.ones(4)))
