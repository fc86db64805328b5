"""Columns of the tables of reduction and the values in them that have a meaning of their own."""

from auscult.tables import RESULT_COLUMNS

__all__ = ["NO_MAP", "FITTED", "HELD_OUT", "NEIGHBOURHOOD", "SHAPE", "REDUCTION_COLUMNS", "COORDINATE_COLUMNS"]

# Method of rows that describe the layer itself, in all its dimensions.
NO_MAP = "none"
# Parts of the items: those of speakers who fit the maps, and the others.
FITTED, HELD_OUT = "fit", "held-out"
# Targets of trustworthiness and stability; the target of a silhouette is a factor.
NEIGHBOURHOOD, SHAPE = "neighbourhood", "shape"
REDUCTION_COLUMNS = (
    *RESULT_COLUMNS,
    "tier",
    "method",
    "supervised",
    "n_components",
    "n_neighbours",
    "chance",
    "resampling_unit",
    "held_out",
    "n_seeds",
)
COORDINATE_COLUMNS = (
    "corpus",
    "model",
    "step",
    "layer",
    "method",
    "supervised",
    "x",
    "y",
    "part",
    "utterance",
    "index",
    "label",
)
