"""Folds, moments and intervals."""
