import numpy as np
import pytest

from auscult.dynamics.onsets import half_way, onset, steepest

STEPS = np.array([0, 9, 99, 999])
RISE = {"floor": 0.0, "best": 1.0, "share": 0.5}


def test_onset_by_hand():
    # .5 of the way from 0 to 1 lies halfway between .25 at step 9 and .75 at step 99: at the square root of 10 · 100.
    assert onset(STEPS, np.array([0, 0.25, 0.75, 1]), **RISE) == pytest.approx(1000**0.5 - 1)


def test_onset_of_a_fall_is_that_of_its_mirror_image():
    values = np.array([0, 0.1, 0.7, 1])
    fall = onset(STEPS, 5 - 3 * values, floor=5, best=2, share=0.5)
    assert fall == pytest.approx(onset(STEPS, values, **RISE))


def test_an_early_peak_is_no_onset():
    steps, values = np.array([*STEPS, 9999]), np.array([0, 0.9, 0, 1, 1])
    assert onset(steps, values, **RISE) > 99


def test_the_date_does_not_depend_on_where_training_ends():
    steps, values = np.array([0, 9, 99, 999, 9999, 99999]), np.array([0.1, 0.2, 0.3, 0.4, 0.7, 0.9])
    rule = {"floor": 0.1, "best": 1.0, "share": 0.2}
    assert len({onset(steps[:end], values[:end], **rule) for end in (4, 5, 6)}) == 1


def test_a_suppressed_curve_has_no_onset():
    """It rose from .137 to .180 in a trial, all of its change and still nothing."""
    assert np.isnan(onset(STEPS, np.array([0.137, 0.15, 0.18, 0.18]), floor=0.137, best=1.0, share=0.2))


def test_a_rise_that_is_never_certain_does_not_count():
    values, certain = np.array([0, 0.8, 0.8, 0.9]), np.array([False, False, True, True])
    assert onset(STEPS, values, **RISE, certain=certain) == onset(STEPS, values, **RISE)
    assert np.isnan(onset(STEPS, values, **RISE, certain=np.array([False, False, False, True])))


def test_half_way_by_hand_is_the_last_passage():
    assert half_way(STEPS, np.array([0, 0.25, 0.75, 1])) == pytest.approx(1000**0.5 - 1)
    assert half_way(STEPS, 5 - 3 * np.array([0, 0.9, 0, 1])) > 99
    assert np.isnan(half_way(STEPS, np.ones(4)))


def test_steepest_is_the_middle_of_the_fastest_interval():
    assert steepest(STEPS, np.array([0, 0.1, 0.9, 1])) == pytest.approx(1000**0.5 - 1)


def test_a_constant_curve_has_no_onset():
    assert np.isnan(onset(STEPS, np.zeros(4), **RISE))
    assert np.isnan(onset(STEPS, np.ones(4), floor=1.0, best=1.0, share=0.5))
    assert np.isnan(steepest(STEPS, np.ones(4)))
