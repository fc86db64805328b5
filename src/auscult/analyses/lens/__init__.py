"""Lens: what a recogniser would write if its output read an earlier layer, as it is or through a fitted map."""
