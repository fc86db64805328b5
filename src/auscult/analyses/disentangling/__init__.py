"""Disentangling: whether a layer keeps phone class, gender and language apart, and what runs through each."""
