"""Encoding: which linguistic levels a model encodes at each checkpoint and layer, by trained probes and without any."""
