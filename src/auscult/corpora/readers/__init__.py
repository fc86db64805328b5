"""Readers of published and of one's own corpora, one module a layout."""
