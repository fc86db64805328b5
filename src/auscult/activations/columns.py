"""Names of derived columns. Nothing is imported, so that a study is checked before any library is loaded."""

__all__ = ["DERIVED", "ACOUSTIC", "CUED"]

DERIVED = ("context", "duration_s", "log_duration", "position", "noun_number", "verb_number")
# Features of the acoustic baseline that holds the value, pooled over the same segments.
ACOUSTIC = {"log_f0": "f0", "energy": "mel"}
# Parts of speech whose number only another word marks.
CUED = {"noun_number": "NOUN", "verb_number": "VERB"}
