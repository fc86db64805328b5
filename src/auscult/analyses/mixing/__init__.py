"""Does a method find the word that a representation must have used? Mass on a known cue, layer by layer."""
