"""Reduction: two-dimensional maps of activations, drawn from some speakers and judged on others."""
