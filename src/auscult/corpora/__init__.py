"""Corpora: synthesised, downloaded or your own, all read as the same two tables and a folder of recordings."""
