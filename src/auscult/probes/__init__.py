"""Probes: targets and their items, fitting, cross-validation, and controls."""
