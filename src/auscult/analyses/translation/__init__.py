"""Translation: whether the gender written by a speech translator follows a gender probe of its states."""
