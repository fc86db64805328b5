"""Corpora: synthesised, fetched and one's own, all read as the same two tables and a folder of audio."""
