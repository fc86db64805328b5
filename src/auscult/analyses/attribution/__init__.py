"""Feature attribution over a corpus: which stretches of what a model hears its predictions rest on."""
