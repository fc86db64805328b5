"""Columns of the results of scrubbing, and values that stand for methods and layers in them."""

from auscult.tables import RESULT_COLUMNS

__all__ = ["SCRUBBING_COLUMNS", "ALL", "BLOCKS", "KIND", "NONE", "SHUFFLED", "SPEAKER"]

SCRUBBING_COLUMNS = (
    *RESULT_COLUMNS,
    "method",
    "fitted_on",
    "erased_at",
    "dose",
    "disjoint_in",
    "probe",
    "position",
    "gender",
    "chance",
    "valid_value",
    "penalty",
    "chosen_over",
    "p_value",
    "rank",
    "n_fit",
    "n_train",
    "resampling_unit",
)
# Erased at all layers, at all layers except the front end; nothing erased; LEACE for genders permuted over speakers.
ALL, BLOCKS, NONE, SHUFFLED = "all", "blocks", "none", "shuffled"
# What erasers, probes and tests do not share: kinds of voices, hence speakers, or speakers alone.
KIND, SPEAKER = "kind", "speaker"
