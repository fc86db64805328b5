"""Context mixing: which words each layer mixes into the representation of a word, with known cues."""
