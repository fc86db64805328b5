"""What a figure of encoding shows: which levels and models, on which axis of steps, and in which words."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.ticker import NullLocator

from auscult.dynamics.curves import FIT, SigmoidFit, doublings
from auscult.figures import plotting

__all__ = [
    "StepAxis",
    "fit_of",
    "levels_of",
    "models_of",
    "mapped",
    "plain_name",
    "title",
    "describe",
    "differences",
    "note",
]


class StepAxis:
    """The axis of training steps, in doublings, so that step 0 has a place."""

    def __init__(self, scores: pd.DataFrame, curves: pd.DataFrame):
        self.offset = float(curves["offset"].iloc[0]) if len(curves) else 1.0
        steps = sorted({int(step) for step in scores["step"] if step != "final"})
        self.steps = steps or [0]
        self.at = doublings(self.steps, self.offset)

    def place(self, steps: Sequence[float]) -> np.ndarray:
        """Return where steps stand."""
        return doublings(np.asarray(steps, dtype=float), self.offset)

    def set(self, axes: Axes, label: bool = True, room: float = 0.11) -> None:
        """Give axes this axis, with labels that are at least a share of its length apart."""
        span, kept = max(np.ptp(self.at), 1.0), []
        for place in self.at[::-1]:
            kept += [place] if not kept or kept[-1] - place > room * span else []
        axes.set_xlim(self.at[0] - 0.04 * span, self.at[-1] + 0.04 * span)
        axes.set_xticks(kept, [f"{self.steps[list(self.at).index(place)]}" for place in kept])
        axes.xaxis.set_minor_locator(NullLocator())
        axes.set_xlabel("training step" if label else "")


def fit_of(rows: pd.DataFrame) -> SigmoidFit | None:
    """Return the fit that rows of curves describe, or None."""
    if rows.empty:
        return None
    values = rows.set_index("metric")["value"]
    names = ("floor", "ceiling", "midpoint", "slope", "rise", "r2")
    return SigmoidFit(rows["verdict"].iloc[0], *(values[name] for name in names), rows["offset"].iloc[0])


def levels_of(scores: pd.DataFrame) -> list[str]:
    """Return the names of levels in the order of the study."""
    return list(dict.fromkeys(scores["target"]))


def models_of(curves: pd.DataFrame) -> list[str]:
    """Return the models that have curves."""
    return list(dict.fromkeys(curves["model"]))


def mapped(curves: pd.DataFrame, compare: Sequence[Sequence[str]]) -> list[str]:
    """Return the models whose maps are drawn: those compared, or the first."""
    present = models_of(curves)
    compared = dict.fromkeys(name for pair in compare for name in pair)
    return [model for model in compared if model in present] or present[:1]


def plain_name(level: str) -> str:
    """Return a level's name as it is written."""
    return level.replace("_", " ")


def title(level: str, rows: pd.DataFrame) -> str:
    """Return the title of a panel."""
    return plain_name(level) + (", zero-shot" if (rows["probe"] == "abx").all() else "")


def describe(rows: pd.DataFrame) -> tuple[str, ...]:
    """Say on what a panel rests: classes, items, speakers, chance, and what was held out."""
    n, groups, classes = (plotting.describe_range(rows[column]) for column in ("n", "n_groups", "n_classes"))
    chance = f"chance {rows['chance'].iloc[0]:.2f}"
    if (rows["probe"] == "abx").all():
        return f"{classes} classes, n = {n}", chance
    held_out = rows["held_out"].iloc[0]
    held = {"speaker+type": "speakers, words", "type": "words"}.get(held_out, f"{held_out}s")
    return f"{classes} classes, n = {n} of {groups} speakers", f"held out: {held} · {chance}"


def differences(summary: pd.DataFrame, styles: Mapping[str, plotting.ModelStyle]) -> Iterator[str]:
    """Say how much the spreads of the compared models differ, each in two lines."""
    for row in summary[summary["metric"] == "spread_difference"].itertuples():
        numbers = f"{row.value:.2f} [{row.ci_low:.2f}, {row.ci_high:.2f}]".replace("-", "−")
        yield f"{styles[row.model].label} − {styles[row.other].label}"
        yield numbers if np.isfinite(row.value) else str(row.verdict)


def note(scores: pd.DataFrame, curves: pd.DataFrame, study: Mapping[str, Any]) -> str:
    """Say what a reader of the figure alone must know."""
    reasons = curves.loc[(curves["metric"] == "midpoint") & (curves["verdict"] != FIT), "verdict"].value_counts()
    why = "; ".join(f"{reason}: {count}" for reason, count in sorted(reasons.items()))
    return (
        f"{plotting.describe_study(study, scores['corpus'])} Scores are (score − chance) / (1 − chance): accuracy of "
        "ridge probes, and zero-shot ABX accuracy across speakers. Each point takes the layer that was best on its "
        "validation folds at that step. Steps stand at log(step + first step), so that 0, the untrained model, has a "
        "place. Bars are 95 % intervals over speakers. Words are held out where knowing a word would answer; number "
        "and syntactic depth are asked so that the part of speech does not tell them. Centre over layers: mean place "
        "of layers, weighted by their score above the lowest. Maps: scores by step and layer, the dot the best layer. "
        "ρ: rank correlation with the declared order of levels." + (f" No fit ({why})." if why else "")
    )
