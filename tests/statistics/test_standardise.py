import numpy as np
import pytest

from auscult.statistics.standardise import standardise_by_others


def test_each_group_is_standardised_by_all_others():
    rng = np.random.default_rng(0)
    x, groups = rng.normal(3, 2, size=(60, 4)), rng.integers(0, 3, 60)
    found = standardise_by_others(x, groups)
    for group in range(3):
        others = x[groups != group]
        expected = (x[groups == group] - others.mean(axis=0)) / others.std(axis=0)
        assert found[groups == group] == pytest.approx(expected, abs=1e-5)


def test_a_large_offset_changes_nothing_and_a_constant_dimension_is_zero():
    rng = np.random.default_rng(0)
    x, groups = rng.normal(size=(60, 4)), np.arange(60) % 5
    x[:, 3] = 0.1
    found = standardise_by_others(x + 1e4, groups)
    assert found == pytest.approx(standardise_by_others(x, groups), abs=1e-5)
    assert (found[:, 3] == 0).all()


def test_a_single_group_is_standardised_by_itself():
    x = np.random.default_rng(0).normal(2, 3, size=(50, 2))
    assert standardise_by_others(x, np.zeros(50, dtype=int)) == pytest.approx((x - x.mean(0)) / x.std(0), abs=1e-5)
