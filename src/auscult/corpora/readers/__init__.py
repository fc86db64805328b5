"""Readers of published corpora and of your own, one module per layout."""
