"""Similarity: how alike two spaces are — the layers of one model, of two models, and of a model and a reference."""
