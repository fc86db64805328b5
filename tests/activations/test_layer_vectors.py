import numpy as np
import pytest
from reference import PlantedActivations, plant

from auscult.activations import layer_vectors as vectors
from auscult.activations.layer_vectors import LayerVectors
from auscult.errors import AnalysisError


class Counting(PlantedActivations):
    loads = 0

    def load(self, layer, rows=None):
        self.loads += rows is None or len(rows) > 1
        return super().load(layer, rows)


@pytest.fixture
def planted():
    source = plant()
    return Counting(source.layers, source.index, source.vectors)


def test_a_layer_that_fits_is_read_once(planted):
    layer, rows = LayerVectors(planted, "T1"), np.array([7, 3, 400])
    for _ in range(3):
        assert np.array_equal(layer.take(rows, "phone"), planted.vectors["T1"][rows])
    assert planted.loads == 1


def test_a_layer_that_does_not_fit_gives_the_same_vectors(planted, monkeypatch):
    monkeypatch.setattr(vectors, "_CHUNK", 100)
    layer = LayerVectors(planted, "T1", max_bytes=480 * 16 * 4 - 1)
    assert np.array_equal(layer.take(np.arange(480), "phone"), planted.vectors["T1"])
    assert planted.loads == 5


def test_only_vectors_that_are_asked_for_must_be_finite(planted):
    planted.vectors["T1"] = planted.vectors["T1"].copy()
    planted.vectors["T1"][3] = np.nan
    layer = LayerVectors(planted, "T1")
    assert len(layer.take(np.arange(4, 480), "phone")) == 476
    with pytest.raises(AnalysisError, match="'phone': expected finite vectors, found NaN or infinity in 1 of 4 rows"):
        layer.take(np.arange(4), "phone")
