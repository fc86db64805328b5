"""Names of metrics and targets in the tables of the syntax analysis."""

__all__ = [
    "LOSS",
    "UAS",
    "FIXED_OFFSET",
    "UAS_OFF",
    "FIXED_OFF",
    "ACCURACY",
    "FREQUENCY",
    "ALL",
    "ONSET",
    "STEEPEST",
    "RATIO",
    "CORRELATION",
]

LOSS, ACCURACY = "loss", "accuracy"
# Attachment of all arcs, and of those away from the commonest offset of their relation; each with what one fixed offset
# finds of the same arcs.
UAS, FIXED_OFFSET = "uas", "uas_fixed_offset"
UAS_OFF, FIXED_OFF = "uas_off_offset", "uas_off_offset_fixed"
FREQUENCY = "accuracy_word_frequency"  # of the sentence whose words are more frequent in the training text
ALL = "all"  # arcs, words or paradigms together
ONSET, STEEPEST, RATIO, CORRELATION = "onset_step", "steepest_step", "onset_ratio", "onset_correlation"
