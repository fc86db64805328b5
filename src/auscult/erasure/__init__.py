"""Erasers of a concept: fitted, stored, and applied inside a running model."""
