"""Corpora that are made here: speech by eSpeak NG, sounds, and text by a grammar."""
