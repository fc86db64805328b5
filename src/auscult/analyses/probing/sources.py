"""What each target reads: activations of its corpus, or these joined with corpora that its probes are trained on."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pandas as pd

from auscult.activations.derived_columns import add_derived
from auscult.activations.interface import Activations
from auscult.activations.joined import join_activations
from auscult.errors import AnalysisError
from auscult.probes.confounds import WithoutConfound, is_numeric
from auscult.probes.target_checks import training_corpora, type_columns

__all__ = ["Source", "open_sources"]


@dataclass(frozen=True)
class Source:
    """Items of a target.

    Parameters
    ----------
    target : the target; where probes are trained on other corpora, ``test`` names its own
    activations : vectors, from which a confound may have been taken out
    index : index with derived columns
    """

    target: Mapping[str, Any]
    activations: Activations = field(repr=False)
    index: pd.DataFrame = field(repr=False)


def open_sources(
    activations: Activations,
    targets: Sequence[Mapping[str, Any]],
    *,
    corpus: str,
    training: Mapping[str, Activations],
    acoustics: Mapping[str, Activations] | None,
    segments: pd.DataFrame | None,
) -> list[Source]:
    """Return the source of each target; targets with equal sources share one object.

    Parameters
    ----------
    activations, targets, corpus, training, acoustics, segments : as in
        :func:`~auscult.analyses.probing.analysis.probe_activations`

    Raises
    ------
    AnalysisError
        A corpus to train on has no activations; a column to hold fixed is missing or holds no numbers.
    """
    columns = [name for target in targets for name in (target["column"], *type_columns(target))]
    columns += [target["given"] for target in targets if target.get("given")]
    own = _derived(activations, columns, acoustics, segments)
    opened: dict[tuple[str, ...], tuple[Activations, pd.DataFrame]] = {(): (activations, own)}
    found = []
    for target in targets:
        names = training_corpora(target)
        missing = [name for name in names if name not in training]
        if missing:
            raise AnalysisError(
                f"target {target['name']!r}: expected activations of corpora {', '.join(missing)} to train on, found "
                f"{', '.join(training) or 'none'}; give them as training"
            )
        if names not in opened:
            parts = {corpus: activations} | {name: training[name] for name in names}
            others = {name: _derived(training[name], columns, None, None) for name in names}
            joined = join_activations(parts, {corpus: own} | others)
            opened[names] = joined, joined.index
        read, index = opened[names]
        if names:
            target = {**target, "test": {"corpus": [corpus]} | dict(target.get("test") or {})}
        found.append(Source(target, _held_fixed(read, index, target), index))
    return found


def _derived(
    activations: Activations,
    columns: Sequence[str],
    acoustics: Mapping[str, Activations] | None,
    segments: pd.DataFrame | None,
) -> pd.DataFrame:
    # Vectors given as arrays may have no times; then there is no control by duration.
    timed = {"onset", "offset", "sample_rate_hz"} <= set(activations.index)
    return add_derived(activations.index, [*columns, *(["log_duration"] if timed else [])], acoustics, segments)


def _held_fixed(activations: Activations, index: pd.DataFrame, target: Mapping[str, Any]) -> Activations:
    """Return the activations a target reads: as they are, or with a confound taken out of the vectors of its tier."""
    column = target.get("given")
    if not column:
        return activations
    if not is_numeric(index, column):
        raise AnalysisError(
            f"target {target['name']!r}: expected a column of numbers to hold fixed, such as log_duration, found "
            f"{column!r}, which {'holds names' if column in index else 'the index lacks'}; correct 'given'"
        )
    rows = np.flatnonzero(index["tier"] == target["tier"])
    return WithoutConfound(activations, index[column].to_numpy(float), rows, column)
