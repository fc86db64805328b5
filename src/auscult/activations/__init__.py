"""Activations: vectors of a model's layers for the segments of a corpus, extracted once and read by every analysis."""
