"""Scrubbing: erase gender from a recogniser, then measure gender probes by layer and word error rates."""
