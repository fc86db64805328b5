"""A study's configuration: checked whole before anything runs, and what follows from it."""
