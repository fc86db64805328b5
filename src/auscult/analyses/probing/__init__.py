"""Probing: accuracy of classifiers on each layer for held-out speakers or types, with controls."""
