"""Names of metrics and targets in the tables of the syntax analysis."""

__all__ = ["LOSS", "UAS", "FIXED_OFFSET", "ACCURACY", "ALL", "ONSET", "STEEPEST", "RATIO", "CORRELATION"]

LOSS, UAS, FIXED_OFFSET, ACCURACY = "loss", "uas", "uas_fixed_offset", "accuracy"
ALL = "all"  # arcs, words or paradigms together
ONSET, STEEPEST, RATIO, CORRELATION = "onset_step", "steepest_step", "onset_ratio", "onset_correlation"
