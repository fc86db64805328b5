"""Reliability of attributions: agreement, faithfulness, pointing game and sanity check."""
