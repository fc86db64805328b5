"""Studies: checking a configuration before anything runs, and deriving checkpoints, runs and looks from it."""
