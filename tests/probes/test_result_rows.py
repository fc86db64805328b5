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


@pytest.mark.parametrize("kind", ["classes", "values"])
def test_where_types_are_held_out_intervals_resample_them_as_well(kind):
    index = plant(n_speakers=12, n_items=96).index
    word = np.tile(np.arange(96) % 12, 12)
    index["word"] = [f"w{number:02d}" for number in word]
    index["height"] = np.random.default_rng(0).normal(size=len(index))
    target = PHONE | {"type": "word"} | ({"column": "height", "kind": "values"} if kind == "values" else {})
    widths, units = {}, {}
    for held_out in ("speaker", "speaker+type"):
        task = task_of(index, target | {"held_out": held_out})
        truth = task.labels[:, 0]
        # Half of the types are told and half are not, for every speaker alike.
        predicted = np.where(np.isin(index["word"].to_numpy()[task.rows], [f"w{n:02d}" for n in range(6)]), truth, 0)
        found = list(score_rows(task, outcome_of(task, np.column_stack([predicted] * 2)), n_resamples=300, seed=0))
        rows = [row for row in found if row["labels"] == "true"]
        widths[held_out] = [row["ci_high"] - row["ci_low"] for row in rows]
        units[held_out] = {row["resampling_unit"] for row in rows}
        assert all(row["ci_low"] <= row["value"] <= row["ci_high"] for row in rows)
    assert (np.array(widths["speaker+type"]) > 2 * np.array(widths["speaker"])).all()
    assert units == {"speaker": {"speaker"}, "speaker+type": {"speaker and type"}}
