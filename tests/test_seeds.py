"""Names and labels of models that differ only in their seed."""

import pytest

from auscult.seeds import condition_label, task_of


@pytest.mark.parametrize(
    ("name", "task"),
    [("keyword-2", "keyword"), ("bert-seed3", "bert"), ("hubert-dutch", "hubert-dutch"), ("wav2vec2", "wav2vec2")],
)
def test_the_seed_is_the_number_at_the_end_of_a_name(name, task):
    assert task_of(name) == task


@pytest.mark.parametrize(
    ("label", "condition"),
    [
        ("HuBERT (English), seed 2", "HuBERT (English)"),
        ("BERT seed 10", "BERT"),
        ("HuBERT (Dutch, 2nd iteration)", "HuBERT (Dutch, 2nd iteration)"),
    ],
)
def test_the_label_of_a_condition_has_no_seed(label, condition):
    assert condition_label(label) == condition
