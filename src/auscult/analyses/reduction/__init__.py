"""Reduction: two-dimensional maps of activations and their quality on held-out speakers."""
