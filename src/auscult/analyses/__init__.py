"""Analyses: one package a family, named as its key under ``analyses:`` in a study."""
