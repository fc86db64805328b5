"""Names of columns and values in the tables of the tone analysis."""

from auscult.tables import RESULT_COLUMNS

__all__ = ["PUBLISHED", "SELECTED", "CONTOUR", "TONE_COLUMNS", "ITEM_COLUMNS"]

SELECTED = "selected"
# Metric of the published mode: strings held out only, one split, layer and penalty chosen on test items.
PUBLISHED = "published_accuracy"
# Pooling of the baselines; no pooling of a study can have this name, since names contain no spaces.
CONTOUR = "21 frames"
TONE_COLUMNS = (
    *RESULT_COLUMNS,
    "pooling",
    "chance",
    "n_classes",
    "n_strings",
    "held_out",
    "speaker_overlap",
    "string_overlap",
    "resampling_unit",
    "n_folds",
    "valid_value",
    "penalty",
    "selected_layer",
    "n_dropped",
    "train",
)
ITEM_COLUMNS = (
    "corpus",
    "model",
    "step",
    "target",
    "pooling",
    "utterance",
    "index",
    "speaker",
    "string",
    "label",
    "citation",
    "predicted",
    "chance",
)
