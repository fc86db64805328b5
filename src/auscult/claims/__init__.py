"""Claims of the talk and its papers, and their verdicts, computed from the tables of a study."""
