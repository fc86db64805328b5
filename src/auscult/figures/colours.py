"""Colours of models. Nothing is imported, so that a study can choose them before any library is loaded."""

__all__ = ["MODEL_COLOURS"]

# Okabe & Ito (2008) without black and yellow, then six of Tol's bright and vibrant schemes (2021): neighbours are told
# apart with every common colour vision.
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
