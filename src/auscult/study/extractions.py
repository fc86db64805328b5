"""Extraction jobs of a study: the checkpoints to run on each corpus, for all analyses together."""

from collections.abc import Iterator, Mapping
from typing import Any

from auscult.study.configuration import runs_of, steps_of
from auscult.study.families import families
from auscult.study.probing import probed_runs, training_names

__all__ = ["extracted_sweeps"]


def extracted_sweeps(config: Mapping[str, Any]) -> Iterator[tuple[str, str, list[tuple[str, str]]]]:
    """Yield (corpus, name, runs) for every extraction job; ``runs`` are the (model, step) pairs that it extracts.

    The job of a model has the model's name and covers all steps that any analysis reads. The acoustic baselines share
    one job with an empty name. They are extracted for every corpus, since they also serve as reference spaces and as
    labels.
    """
    read: dict[str, set[tuple[str, str]]] = {}
    readers = [family.name for family in families() if family.reads_activations]
    for family in readers:
        for corpus, model, step in runs_of(config, family) if family in config["analyses"] else ():
            read.setdefault(corpus, set()).add((model, step))
    if "targets" in config["analyses"].get("probing", {}):
        for corpus in config["analyses"]["probing"]["corpora"]:
            for other in training_names(dict(config), corpus):
                read.setdefault(other, set()).update(probed_runs(dict(config), corpus))
    for corpus, other in config["analyses"].get("tone", {}).get("train", {}).items():
        read.setdefault(other, set()).update(
            (model, step) for name, model, step in runs_of(config, "tone") if name == corpus
        )
    acoustic = [(name, "final") for name, model in config["models"].items() if model["source"] == "acoustic"]
    for corpus, wanted in read.items():
        if acoustic:
            yield corpus, "", acoustic
        for name, model in config["models"].items():
            runs = [(name, step) for step in steps_of(name, model) if (name, step) in wanted - {*acoustic}]
            if runs:
                yield corpus, name, runs
