import numpy as np
import pytest
from reference import plant

from auscult.analyses.similarity.items import Items
from auscult.analyses.similarity.settings import Measures


def items_of(n_speakers, metrics=("cka", "pwcca"), n_folds=4):
    planted = plant(n_speakers=n_speakers, n_items=5)
    measures = Measures(metrics=metrics, n_folds=n_folds)
    return planted.index, Items.of(planted.index, np.arange(len(planted.index)), measures, seed=0)


def test_up_to_forty_speakers_are_resampled_each_for_itself():
    _, items = items_of(40)
    assert (items.groups == items.speakers).all()
    assert (len(items.folds), items.unit) == (40, "speaker")


@pytest.mark.parametrize(("metrics", "n_folds"), [(("cka", "pwcca"), 4), (("cka", "pwcca"), 7), (("cka",), 4)])
def test_more_speakers_are_resampled_in_forty_groups_at_most_within_folds(metrics, n_folds):
    _, items = items_of(130, metrics, n_folds)
    group_of = dict(zip(items.speakers, items.groups, strict=True))
    assert all(group_of[s] == g for s, g in zip(items.speakers, items.groups))
    sizes = np.bincount(list(group_of.values()))
    assert 30 <= len(sizes) == len(items.folds) <= 40
    assert sizes.max() - sizes.min() <= 1
    assert np.ptp(np.bincount(items.folds)) <= 1
    assert items.unit == "speaker group"


def test_groups_of_speakers_mix_genders():
    index, items = items_of(200, ("cka",))
    share = [np.mean(index["gender"][items.groups == group] == "female") for group in range(40)]
    assert (np.min(share), np.max(share)) == pytest.approx((0.4, 0.6), abs=1e-9)


def test_conditions_are_the_most_frequent_labels():
    index, items = items_of(20)
    codes = items.conditions(2)
    frequent = index["label"].value_counts().index[:2]
    assert set(index["label"][codes >= 0]) == set(frequent)
    assert set(codes) == {-1, 0, 1}
