"""Forced alignment: where the words and characters, or phones, of a known text lie in its recording."""
