"""Results of single items: truth, prediction and probability by layer, confusion matrices and fitted probes."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from auscult.manifests import write_file
from auscult.probes.cross_validation import Outcome
from auscult.probes.tasks import Task

__all__ = ["ITEM_COLUMNS", "CONFUSION_COLUMNS", "KeptResults", "item_table", "confusion_table"]

ITEM_COLUMNS = (
    "corpus",
    "model",
    "step",
    "target",
    "layer",
    "probe",
    "utterance",
    "tier",
    "index",
    "onset_s",
    "offset_s",
    "speaker",
    "fold",
    "truth",
    "prediction",
    "probability",
    "probability_of_truth",
    "true_value",
    "predicted_value",
)
CONFUSION_COLUMNS = ("corpus", "model", "step", "target", "layer", "probe", "truth", "prediction", "n", "share")
_NAMES = ("corpus", "model", "step", "target", "layer", "probe")


@dataclass
class KeptResults:
    """Collector that :func:`~auscult.analyses.probing.analysis.probe_activations` fills.

    Attributes
    ----------
    items : one table per model and target, see :func:`item_table`
    probes : weights [shape=(n_dims, n_outputs)] and intercepts [shape=(n_outputs,)] of the probe of each test, by
        ``MODEL/STEP/TARGET/LAYER/FOLD/weights`` and ``…/intercepts``; they apply to vectors as they are stored
    classes : names of the outputs of each target; empty for values
    """

    items: list[pd.DataFrame] = field(default_factory=list)
    probes: dict[str, npt.NDArray[np.float32]] = field(default_factory=dict)
    classes: dict[str, list[str]] = field(default_factory=dict)

    def add(
        self, task: Task, index: pd.DataFrame, outcomes: Mapping[str, Outcome], probe: str, names: Mapping[str, str]
    ) -> None:
        """Keep what the shown probe of a target did at every layer.

        Parameters
        ----------
        task, index : items of the target, and the index that their rows are positions in
        outcomes : outcome of each layer
        probe : name of the probe
        names : ``corpus``, ``model`` and ``step``
        """
        self.classes[task.name] = list(task.classes)
        for layer, outcome in outcomes.items():
            about = {**names, "target": task.name, "layer": layer, "probe": probe}
            self.items.append(item_table(task, index, outcome, about))
            for fold, fitted in enumerate(outcome.probes):
                place = f"{names['model']}/{names['step']}/{task.name}/{layer}/{fold}"
                self.probes[f"{place}/weights"] = np.ascontiguousarray(fitted.weights, dtype=np.float32)
                self.probes[f"{place}/intercepts"] = np.ascontiguousarray(fitted.intercepts, dtype=np.float32)

    def table(self) -> pd.DataFrame:
        """Return the items of all targets and models, columns :data:`ITEM_COLUMNS`."""
        return pd.concat(self.items, ignore_index=True) if self.items else pd.DataFrame(columns=list(ITEM_COLUMNS))

    def write_probes(self, path: str | Path) -> None:
        """Write the fitted probes as safetensors, with the names of classes as JSON in the metadata ``classes``."""
        from safetensors.numpy import save_file

        with write_file(path) as partial:
            save_file(self.probes, partial, metadata={"classes": json.dumps(self.classes, ensure_ascii=False)})


def item_table(task: Task, index: pd.DataFrame, outcome: Outcome, about: Mapping[str, str]) -> pd.DataFrame:
    """Return one row per tested item with the prediction of the probe that had not met it.

    Parameters
    ----------
    task, index : items, and the index that their rows are positions in
    outcome : predictions, of which those from true labels are kept
    about : values of the columns that name corpus, model, step, target, layer and probe

    Returns
    -------
    columns :data:`ITEM_COLUMNS`. ``fold`` is the number of the test; classes are in ``truth`` and ``prediction``,
    numbers in ``true_value`` and ``predicted_value``; ``probability`` is that of the prediction by a logistic probe,
    otherwise missing; times are missing where the index has none
    """
    tested = task.tested
    items = index.iloc[task.rows[tested]].reset_index(drop=True)
    truth, predicted = task.labels[tested, 0], outcome.predicted[tested, 0]
    found: dict[str, Any] = {name: items[name] for name in ("utterance", "tier", "index", "speaker")}
    if "sample_rate_hz" in items:
        found |= {f"{name}_s": items[name] / items["sample_rate_hz"] for name in ("onset", "offset")}
    found["fold"] = task.test_of[tested]
    if task.kind == "classes":
        classes = np.array(task.classes, dtype=object)
        found |= {"truth": classes[truth.astype(int)], "prediction": classes[predicted.astype(int)]}
    else:
        found |= {"true_value": truth, "predicted_value": predicted}
    if outcome.confidence is not None:
        confidence = outcome.confidence[tested]
        found |= {"probability": confidence[:, 0], "probability_of_truth": confidence[:, 1]}
    table = pd.DataFrame(found).assign(**about).reindex(columns=list(ITEM_COLUMNS))
    # Columns that a target lacks still have the type that they have for others.
    texts = [name for name in ("truth", "prediction") if name not in found]
    return table.astype(dict.fromkeys(texts, object)).astype({"true_value": float, "predicted_value": float})


def confusion_table(items: pd.DataFrame) -> pd.DataFrame:
    """Count how often each class is taken for each other.

    Parameters
    ----------
    items : as returned by :func:`item_table`, of one or several targets, models and layers

    Returns
    -------
    columns :data:`CONFUSION_COLUMNS`: ``n`` items of class ``truth`` were predicted to be ``prediction``, a ``share``
    (0 to 1) of all items of this class. Pairs that do not occur have no row
    """
    classes = items[items["truth"].notna()]
    counts = (
        classes.groupby([*_NAMES, "truth", "prediction"], sort=False, observed=True).size().rename("n").reset_index()
    )
    totals = counts.groupby([*_NAMES, "truth"], sort=False)["n"].transform("sum")
    return counts.assign(share=counts["n"] / totals)[list(CONFUSION_COLUMNS)]
