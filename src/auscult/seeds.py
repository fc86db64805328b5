"""Names of models that differ only in their seed: the seed is the number at the end of the name."""

import re

__all__ = ["task_of", "condition_label"]


def task_of(model: str) -> str:
    """Return a model's name without its seed: ``keyword`` for ``keyword-2``, ``bert`` for ``bert-seed3``."""
    return re.sub(r"-(seed)?\d+$", "", model)


def condition_label(label: str) -> str:
    """Return a model's label without its seed: ``HuBERT (English)`` for ``HuBERT (English), seed 2``."""
    return re.sub(r",? seed \d+$", "", label)
