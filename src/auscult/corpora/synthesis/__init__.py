"""Synthesised corpora: speech by eSpeak NG, nonspeech sounds, and text drawn from a grammar."""
