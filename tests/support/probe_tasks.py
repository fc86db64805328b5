"""Probing tasks on planted activations."""

from auscult.probes.tasks import make_task

PHONE = {"name": "phone", "tier": "phone", "column": "label", "held_out": "speaker"}


GENDER = PHONE | {"name": "gender", "column": "gender"}


def task_of(index, target, **settings):
    settings = {"n_folds": 4, "n_permutations": 1, "min_class_size": 5, "max_items": None, "seed": 0} | settings
    return make_task(index, target, **settings)
