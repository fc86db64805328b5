"""Whether a recogniser spells number right where only a cue tells it: with the cue heard, and with the cue silenced."""
