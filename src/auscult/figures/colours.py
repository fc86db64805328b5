"""Colours of models. This module imports nothing, so that reading a study does not load plotting libraries."""

__all__ = ["MODEL_COLOURS"]

# Okabe & Ito (2008) without black and yellow, then six colours from Tol's bright and vibrant schemes (2021). Neighbours
# are distinguishable with all common forms of colour vision.
MODEL_COLOURS = (
    "#0072B2",
    "#D55E00",
    "#009E73",
    "#CC79A7",
    "#E69F00",
    "#56B4E9",
    "#AA3377",
    "#228833",
    "#EE3377",
    "#4B3F99",
    "#8C6D1F",
    "#00B3B3",
)
