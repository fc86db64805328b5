"""Pieces of slides: names of models that are as short as they can be."""

import pytest

from auscult.figures.slide import short_names


@pytest.mark.parametrize(
    ("labels", "short"),
    [
        (["HuBERT (Dutch, mel)", "HuBERT (English, mel)", "log-mel"], ["Dutch", "English", "log-mel"]),
        (["HuBERT (English)", "wav2vec 2.0 (English)"], ["HuBERT", "wav2vec 2.0"]),
        (
            ["HuBERT (English)", "HuBERT (French)", "recogniser (French)"],
            ["English", "HuBERT (French)", "recogniser (French)"],
        ),
        ([], []),
    ],
)
def test_short_names_tell_labels_from_each_other(labels, short):
    assert list(short_names(labels).values()) == short
