"""Concept erasure: erasers are fitted, stored, and applied inside a running model."""
