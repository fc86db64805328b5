"""Checkpoints of a model hub."""
