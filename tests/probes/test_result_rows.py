import numpy as np
import pytest
from probe_tasks import PHONE, task_of
from reference import plant

from auscult.probes.cross_validation import Outcome
from auscult.probes.result_rows import score_rows
from auscult.statistics.intervals import count_classes, macro_f1


def outcome_of(task, predicted):
    shape = (task.n_folds, task.labels.shape[1])
    return Outcome(predicted, np.zeros(shape), np.zeros(shape), np.full(shape, "T1", dtype=object))


def test_macro_f1_of_several_permutations_is_the_mean_of_theirs():
    task = task_of(plant().index, PHONE, n_permutations=2)
    truth = task.labels[:, 0]
    constant = np.zeros_like(truth)
    found = score_rows(task, outcome_of(task, np.column_stack([truth, truth, constant])), n_resamples=100, seed=0)
    row = next(row for row in found if (row["labels"], row["metric"]) == ("shuffled", "macro_f1"))
    alone = macro_f1(count_classes(truth, constant, task.speakers, 4).sum(axis=0))
    assert row["value"] == pytest.approx((1 + alone) / 2)
    assert row["ci_low"] < row["value"] < row["ci_high"]
