"""A language model followed through training: its loss, the syntax in its attention, and the grammar it has learnt."""
