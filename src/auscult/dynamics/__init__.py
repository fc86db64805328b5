"""Curves of a score over training steps: fits, midpoints and onsets."""
