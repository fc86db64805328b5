"""Auscult: interpretability of speech models, from activations to figures."""

__version__ = "0.1.0"
