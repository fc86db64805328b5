"""Activations: what models hold of a corpus, extracted once and read by every analysis."""
