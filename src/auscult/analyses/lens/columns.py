"""Columns of the results of lens, and values that stand for ways of reading in them."""

from auscult.tables import RESULT_COLUMNS

__all__ = ["LENS_COLUMNS", "AFFINE", "DIRECT", "OTHER_MAP"]

LENS_COLUMNS = (
    *RESULT_COLUMNS,
    "lens",
    "control",
    "map_of",
    "chance",
    "n_fit",
    "n_fit_frames",
    "resampling_unit",
    "example",
    "example_of",
)
# How a layer is read: after the final normalisation only, or through an affine map to the last layer's states.
DIRECT, AFFINE = "direct", "affine"
# Control of the affine map: a layer read through the map of another one.
OTHER_MAP = "other_map"
