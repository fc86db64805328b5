"""Disentangling: whether a layer separates phone class, gender and language, and how much each prediction uses them."""
