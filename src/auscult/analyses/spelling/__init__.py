"""Spelling: whether a recogniser spells number correctly if only a cue marks it, with the cue audible and silenced."""
