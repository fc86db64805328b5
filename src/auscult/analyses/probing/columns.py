"""Columns of probing results and the values in them that have a meaning of their own."""

from auscult.tables import RESULT_COLUMNS

__all__ = ["SELECTED", "PEER", "NONLINEAR", "SAMPLED", "PROBING_COLUMNS"]

# Layer of rows at the layer that each test fold selects on validation data.
SELECTED = "selected"
# Linear probe with the training, validation and test items of the nonlinear probes.
PEER = "linear (sample)"
NONLINEAR = ("mlp", "attention")
# Probes of a random sample of items, not comparable with the probe of all items.
SAMPLED = (*NONLINEAR, PEER)
PROBING_COLUMNS = (
    *RESULT_COLUMNS,
    "tier",
    "probe",
    "labels",
    "held_out",
    "n_classes",
    "chance",
    "resampling_unit",
    "n_folds",
    "valid_value",
    "penalty",
    "selected_layer",
    "n_dropped",
    "text_overlap",
    "type",
    "type_overlap",
    "n_train",
    "given",
    "duration_alone",
    "train",
    "test",
)
