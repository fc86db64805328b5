import numpy as np
import pytest

from auscult.errors import AnalysisError
from auscult.probes.controls import check_control, control_labels, selectivity


def test_every_type_has_one_control_label_in_any_order_of_the_items():
    rng = np.random.default_rng(0)
    types, truth = rng.integers(50, size=400).astype(str), rng.integers(4, size=400)
    labels = control_labels(types, truth, seed=0)
    assert all(len(set(labels[types == name])) == 1 for name in types)
    order = rng.permutation(400)
    assert (control_labels(types[order], truth[order], seed=0) == labels[order]).all()
    assert (control_labels(types, truth, seed=1) != labels).any()


def test_control_labels_follow_the_empirical_distribution():
    truth = np.repeat([0, 1, 2], [7000, 2000, 1000])
    labels = control_labels(np.arange(10000), truth, seed=0)
    # Three standard errors of a share of 0.7 among 10,000.
    assert np.bincount(labels) / 10000 == pytest.approx([0.7, 0.2, 0.1], abs=0.014)


def test_selectivity_is_paired_within_speakers():
    rng = np.random.default_rng(0)
    level, speakers = rng.uniform(0.2, 0.9, size=12), np.repeat(np.arange(12), 50)
    hits = rng.random(600) < level[speakers]
    value, low, high = selectivity(hits, hits - 0.25, speakers, n_resamples=200, seed=0)
    # The speakers' levels differ widely, their differences not at all.
    assert (value, low, high) == pytest.approx((0.25, 0.25, 0.25))


def test_few_speakers_have_no_interval():
    assert np.isnan(selectivity(np.ones(4), np.zeros(4), np.arange(4), n_resamples=50, seed=0)[1:]).all()


def test_a_control_task_that_cannot_be_memorised_is_refused():
    expected = (
        "target 'gender': expected a control task whose types also occur in training, found that none of the 3 types "
        "of column 'speaker' does when speaker is held out; name another type"
    )
    with pytest.raises(AnalysisError, match=expected):
        check_control("gender", "speaker", np.array(list("aabc")), 0.0, "speaker")
