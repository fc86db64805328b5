"""Columns of the results of disentangling, and names of parts and latents in them."""

from auscult.tables import RESULT_COLUMNS

__all__ = ["DISENTANGLING_COLUMNS", "LATENT_COLUMNS", "LATENTS", "REST"]

DISENTANGLING_COLUMNS = (
    *RESULT_COLUMNS,
    "analysis",
    "factor",
    "method",
    "readout",
    "component",
    "chance",
    "null",
    "null_low",
    "null_median",
    "null_high",
    "share_of_null_below",
    "verdict",
    "tier",
    "held_out",
    "resampling_unit",
)
LATENT_COLUMNS = (
    *RESULT_COLUMNS,
    "analysis",
    "factor",
    "method",
    "readout",
    "chance",
    "tier",
    "held_out",
    "n_classes",
    "n_train",
    "resampling_unit",
)
LATENTS = ("textual", "acoustic")
# Part of a vector outside the subspaces of all factors.
REST = "rest"
