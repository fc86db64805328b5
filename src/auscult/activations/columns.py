"""Names of derived columns. This module imports nothing, so that a study can be checked before any library loads."""

__all__ = ["DERIVED", "ACOUSTIC", "CUED", "DURATION"]

DERIVED = ("context", "bigram", "duration_s", "log_duration", "position", "noun_number", "verb_number")
# The acoustic baseline whose vectors, pooled over the same segments, hold the value.
ACOUSTIC = {"log_f0": "f0", "energy": "mel"}
# The part of speech whose number is read where only another word marks it.
CUED = {"noun_number": "NOUN", "verb_number": "VERB"}
# Columns that measure the duration of a segment.
DURATION = ("log_duration", "duration_s")
