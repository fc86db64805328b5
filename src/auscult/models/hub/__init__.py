"""Download of checkpoints from a model hub, every file verified."""
