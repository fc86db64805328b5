"""Tone and consonants of Mandarin while a model learns: what a ridge classifier reads of them at each checkpoint."""
