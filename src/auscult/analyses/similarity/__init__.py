"""Similarity of representation spaces: layers of one model, of two models, and of a model and a reference space."""
