"""Trained probes: what they are asked, how they are fitted and validated, and their controls."""
