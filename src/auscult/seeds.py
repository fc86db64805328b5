"""Models that differ in nothing but their seed: their names differ in a number at the end."""

import re

__all__ = ["task_of"]


def task_of(model: str) -> str:
    """Return the name that models of all seeds share: without the number at the end (``keyword-2``, ``bert-seed3``)."""
    return re.sub(r"-(seed)?\d+$", "", model)
