"""Probing: what a classifier of unknown voices reads from each layer, with the controls that say what it means."""
