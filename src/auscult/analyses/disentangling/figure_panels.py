"""Panels of the figure of disentangling, each drawn from the rows of one corpus."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.gridspec import SubplotSpec

from auscult.figures.findings import number
from auscult.figures.marks import (
    CHANCE,
    GREY,
    chance_line,
    interval_bar,
    interval_lines,
    interval_row,
    matrix,
    row_axis,
    side_by_side,
)
from auscult.figures.palette import Entry, ModelStyle, class_colours
from auscult.figures.plotting import describe_interval, describe_range, head

__all__ = [
    "METHODS",
    "NULLS",
    "READOUTS",
    "RESIDUAL_MM",
    "ERASURE_HEAD_MM",
    "ERASURE_MM",
    "angles_height_mm",
    "part_heights_mm",
    "pairs_of",
    "factors_of",
    "plain_name",
    "draw_angles",
    "draw_residuals",
    "draw_erasure",
    "draw_latents",
    "draw_attribution",
]

METHODS = {"leace": "LEACE", "mean_projection": "Mean projection", "random": "Random directions"}
NULLS: Mapping[str, tuple[Mapping[str, Any], str]] = {
    "covariance": ({"color": "#DDDDDD", "linewidth": 5}, "random contrasts of vectors, 95 %"),
    "isotropic": ({"color": "#999999", "linewidth": 1.4}, "random subspaces, 95 %"),
}
# Whether the marker of a readout is filled, and its name.
READOUTS = {"ridge": (True, "linear readout"), "mlp": (False, "network")}
_ANGLE_MM, _LATENTS_MM, _SHARE_MM = 2.9, 68, 7.5
RESIDUAL_MM, ERASURE_HEAD_MM, ERASURE_MM = 48, 14, 38
_COLUMNS = 3  # panels per row
_MOST_NAMED = 2  # targets named in one line above a panel
_WHITE = {"facecolor": "white", "edgecolor": "none", "pad": 0.5}


def angles_height_mm(rows: pd.DataFrame, n_entries: int) -> float:
    """Return the height of angles and overlaps of all pairs of factors and models."""
    return 20 + _ANGLE_MM * len(pairs_of(rows)) * n_entries


def part_heights_mm(rows: pd.DataFrame, latents: pd.DataFrame, n_entries: int) -> list[float]:
    """Return the heights of probes of latents, and of attributions to subspaces and to latents."""
    shares = [part.loc[part["metric"] == "part_share", "target"].nunique() for part in (rows, latents)]
    n_rows = -(-n_entries // _COLUMNS)
    return [n_rows * _LATENTS_MM, *(n_rows * (28 + _SHARE_MM * n_targets) for n_targets in shares)]


def factors_of(rows: pd.DataFrame) -> list[str]:
    """Return the factors in the order of the analysis."""
    return list(dict.fromkeys(rows.loc[rows["analysis"] == "geometry", "target"]))


def plain_name(name: str) -> str:
    """Return the name of a column in words."""
    return str(name).replace("_", " ")


def draw_angles(block: SubplotSpec, rows: pd.DataFrame, entries: Sequence[Entry]) -> None:
    """Draw the smallest principal angle and the corrected overlap of every pair, over the middle 95 % of both nulls.

    Beside the overlap stands its verdict; for a factor with itself, the overlap is the uncorrected one.
    """
    grid = block.subgridspec(1, 2, width_ratios=[1.15, 1], wspace=0.06).subplots(squeeze=False)[0]
    pairs = pairs_of(rows)
    measures = (
        rows[(rows["metric"] == "angle_deg") & (rows["component"] == 1)],
        rows[
            (rows["metric"] == "overlap_corrected")
            | ((rows["metric"] == "overlap") & (rows["target"] == rows["factor"]))
        ],
    )
    for axes, measured in zip(grid, measures):
        for y, (target, factor) in enumerate(pairs):
            mine = measured[(measured["target"] == target) & (measured["factor"] == factor)]
            for shift, entry in zip(side_by_side(len(entries)), entries):
                _draw_over_nulls(axes, y + shift, entry.rows(mine), entry.style)
    names = [plain_name(a) + (" – other speakers" if a == b else f" – {plain_name(b)}") for a, b in pairs]
    for axes in grid:
        row_axis(axes, names, named=axes is grid[0])
    grid[0].set(xlim=(0, 92), xlabel="smallest principal angle, degrees")
    grid[0].set_xticks([0, 30, 60, 90])
    # The right third is for the verdicts.
    grid[1].set(xlim=(-0.02, 1.6), xlabel="overlap, corrected for reliability")
    grid[1].set_xticks([0, 0.5, 1])
    head(grid[0], "Principal angles between subspaces", [" ".join(rows["corpus"].unique()), ", ".join(_counts(rows))])
    head(grid[1], "Overlap of subspaces", ["\u00a0", "\u00a0"])


def _draw_over_nulls(axes: Axes, y: float, rows: pd.DataFrame, style: ModelStyle) -> None:
    """Draw one measure with its interval, its nulls and, where there is one, its verdict."""
    for null, (look, _) in NULLS.items():
        for row in rows[rows["null"] == null].to_dict("records"):
            axes.plot([row["null_low"], row["null_high"]], [y, y], **look, zorder=1)
    for row in rows.head(1).to_dict("records"):
        interval_row(axes, y, row, style, markersize=3.8)
    for verdict in rows["verdict"].dropna():
        axes.text(1.06, y, verdict, fontsize=6, color=style.colour, va="center", bbox={**_WHITE, "pad": 0})


def draw_residuals(block: SubplotSpec, rows: pd.DataFrame, entries: Sequence[Entry]) -> None:
    """Draw the residual variance of every factor as axes of one are removed, with one panel per removed factor."""
    factors = list(dict.fromkeys(rows["factor"]))
    grid = block.subgridspec(1, max(len(factors), 1)).subplots(sharey=True, squeeze=False)[0]
    for axes, removed in zip(grid, factors):
        _draw_residual_curves(axes, rows[rows["factor"] == removed], entries)
        axes.set_ylabel("residual variance" if removed == factors[0] else "")
        head(axes, f"{plain_name(removed).capitalize()} removed", [])


def draw_erasure(block: SubplotSpec, rows: pd.DataFrame, entries: Sequence[Entry]) -> None:
    """Draw balanced accuracies as a matrix of erased and probed factors, for each model and method.

    Where a network was trained as well, with nothing erased and for the factor that LEACE erased, its accuracy stands
    below that of the linear probe: what is gone for a line need not be gone.
    """
    methods = [method for method in METHODS if (rows["method"] == method).any()]
    grid = block.subgridspec(len(entries), max(len(methods), 1)).subplots(squeeze=False)
    rows = rows[rows["metric"] == "balanced_accuracy"]
    for line, (panels, entry) in enumerate(zip(grid, entries)):
        for column, (axes, method) in enumerate(zip(panels, methods)):
            mine = entry.rows(rows[rows["method"].isin(["none", method])])
            if not (mine["readout"].eq("mlp") & mine["factor"].ne("")).any():
                mine = mine[mine["readout"] == "ridge"]
            _draw_accuracies(axes, mine, name_probed=line == len(entries) - 1, name_erased=column == 0)
            # A line of its own without text keeps the panels of one row equally high.
            lines = [entry.style.label, f"n = {describe_range(mine['n'])}"] if column == 0 else ["\u00a0", "\u00a0"]
            head(axes, METHODS[method] if line == 0 else "", lines)


def draw_latents(block: SubplotSpec, rows: pd.DataFrame, entries: Sequence[Entry], colours: Mapping[str, str]) -> None:
    """Draw the accuracy of probes of frames and of both latents, with one panel per model."""
    probes, grid = rows[rows["analysis"] == "probes"], _panels(block, len(entries))
    targets = list(dict.fromkeys(probes["target"]))
    for axes, entry in zip(grid, entries):
        mine = entry.rows(probes)
        for x, target in enumerate(targets):
            of_target = mine[mine["target"] == target]
            axes.plot([x - 0.42, x + 0.42], [of_target["chance"].max()] * 2, **CHANCE)
            for shift, (layer, colour) in zip(side_by_side(len(colours)), colours.items()):
                for row in of_target[of_target["layer"] == layer].to_dict("records"):
                    interval_bar(axes, x + shift, row, ModelStyle(layer, colour), markersize=3.4)
        axes.set_xticks(range(len(targets)), list(map(plain_name, targets)), rotation=90)
        axes.set(ylim=(-0.02, 1.04), ylabel="accuracy" if axes in grid[::_COLUMNS] else "")
        lines = [entry.style.label, *_describe_bottleneck(entry.rows(rows)), _describe_lost(mine), *_counts(mine)]
        head(axes, "Probes of bottleneck latents" if axes is grid[0] else "", lines)


def draw_attribution(
    block: SubplotSpec, rows: pd.DataFrame, entries: Sequence[Entry], colours: Mapping[str, str], title: str
) -> None:
    """Draw the share of each target's score that runs through each part, with one panel per model."""
    method = "leace" if (rows["method"] == "leace").any() else next(iter(rows["method"]), "")
    rows = rows[rows["method"] == method]
    grid, targets = _panels(block, len(entries)), list(dict.fromkeys(rows["target"]))
    parts = [part for part in colours if (rows["factor"] == part).any()]
    shares = _positive_scores(rows)
    for axes, entry in zip(grid, entries):
        mine = entry.rows(shares)
        chance_line(axes, 0, "v")
        for y, target in enumerate(targets):
            of_target = mine[mine["target"] == target]
            if of_target.empty:
                axes.text(0.03, y, "score not above 0", fontsize=7, color=GREY, va="center", bbox=_WHITE)
            for shift, part in zip(side_by_side(len(parts)), parts):
                for row in of_target[of_target["factor"] == part].to_dict("records"):
                    filled = READOUTS[row["readout"]][0]
                    style = ModelStyle(part, colours[part], filled=filled)
                    interval_row(axes, y + shift + (0 if filled else 0.09), row, style, markersize=3.2)
        row_axis(axes, list(map(plain_name, targets)), named=axes in grid[::_COLUMNS])
        low, high = shares["value"].min() - 0.1, shares["value"].max() + 0.1
        axes.set(xlim=(np.fmin(-0.3, low), np.fmax(1.3, high)), xlabel="share of the score")
        axes.set_xticks([0, 0.5, 1])
        axes.grid(axis="x")
        head(axes, title if axes is grid[0] else "", [entry.style.label, *_counts(entry.rows(rows))])


def pairs_of(rows: pd.DataFrame) -> list[tuple[str, str]]:
    """Return the pairs of factors whose subspaces are compared; pairs of a factor with itself come last."""
    angles = rows[rows["metric"] == "angle_deg"]
    pairs = list(dict.fromkeys(zip(angles["target"], angles["factor"])))
    return sorted(pairs, key=lambda pair: pair[0] == pair[1])


def _draw_residual_curves(axes: Axes, rows: pd.DataFrame, entries: Sequence[Entry]) -> None:
    """Draw the variance of each factor's centroids that is left as axes of one factor are removed one by one."""
    palette = class_colours(rows["target"])
    for entry in entries:
        if entry.style.baseline:
            continue
        for target, mine in entry.rows(rows).groupby("target", sort=False):
            mine, own = mine.sort_values("component"), target == mine["factor"].iloc[0]
            style = ModelStyle(
                str(target), palette[str(target)], entry.style.dashes, entry.style.marker, entry.style.filled
            )
            interval_lines(axes, mine["component"], mine, style.colour)
            look = {**style.line, "markersize": 3, "linewidth": 0.7 if own else 1.3}
            axes.plot(mine["component"], mine["value"], **look)
    null = rows.drop_duplicates("component").sort_values("component")
    axes.plot(null["component"], null["null_median"], **CHANCE)
    axes.set(ylim=(-0.03, 1.05), xlabel="axes removed")
    axes.set_xticks(sorted(rows["component"].unique()))


def _draw_accuracies(axes: Axes, rows: pd.DataFrame, *, name_probed: bool, name_erased: bool) -> None:
    """Draw the accuracies of one model and method as a matrix coloured by accuracy above chance."""
    networks, rows = rows[rows["readout"] == "mlp"], rows[rows["readout"] == "ridge"]
    factors = list(dict.fromkeys(rows["target"]))
    chance = rows.drop_duplicates("target").set_index("target")["chance"][factors]
    values, low, high = (
        rows.pivot(index="factor", columns="target", values=column).reindex(index=["", *factors], columns=factors)
        for column in ("value", "ci_low", "ci_high")
    )
    text = values.map(number)
    if len(factors) <= _COLUMNS:  # wide enough for intervals
        text = text.where(low.isna(), text + " (" + low.map(number) + "–" + high.map(number) + ")")
    for row in networks.to_dict("records"):
        text.loc[row["factor"], row["target"]] += f"\nnetwork {number(row['value'])}"
    above = (values - chance) / (1 - chance)
    above.index = ["none", *map(plain_name, factors)]
    above.columns = [f"{plain_name(factor)}\n(chance {number(chance[factor])})" for factor in factors]
    text.index, text.columns = above.index, above.columns
    matrix(axes, above, limits=(0, 1), cmap="YlGnBu", numbers=True, text=text)
    axes.tick_params(rotation=0)
    if not name_probed:
        axes.set_xticks([])
    if not name_erased:
        axes.set_yticks([])
    axes.set_ylabel("erased" if name_erased else "")


def _describe_bottleneck(rows: pd.DataFrame) -> list[str]:
    """Return the phone error rate of the transcription and the information of both latents, in two lines."""
    values = rows[rows["analysis"] == "bottleneck"].set_index(["metric", "layer"])["value"]
    nats = ", ".join(f"{values['information_nats', name]:.1f} {name}" for name in ("textual", "acoustic"))
    return [f"phone error rate {values['phone_error_rate', 'textual']:.2f}", f"nats/frame: {nats}"]


def _describe_lost(probes: pd.DataFrame) -> str:
    """Return which targets the textual latent tells less well than the frames, with intervals apart."""
    frames, textual = (
        probes[probes["layer"] == layer].drop_duplicates("target").set_index("target") for layer in ("input", "textual")
    )
    lost = [name for name in textual.index if textual["ci_high"][name] < frames["ci_low"][name]]
    named = ", ".join(map(plain_name, lost)) or "none"
    return f"textual below frames: {named if len(lost) <= _MOST_NAMED else f'{len(lost)} of {len(textual)} targets'}"


def _positive_scores(rows: pd.DataFrame) -> pd.DataFrame:
    """Return the shares of scores that are above 0; shares of other scores are undefined."""
    keys = ["model", "step", "target", "method", "readout"]
    scores = rows[rows["metric"] == "part_score"]
    above = scores[scores["ci_low"].fillna(scores["value"]) > 0]
    known = pd.MultiIndex.from_frame(above[keys].astype(str))
    shares = rows[rows["metric"] == "part_share"]
    return shares[pd.MultiIndex.from_frame(shares[keys].astype(str)).isin(known)]


def _panels(block: SubplotSpec, n: int) -> list[Axes]:
    """Return n panels, at most three per row."""
    n_columns = max(min(n, _COLUMNS), 1)
    grid = list(block.subgridspec(-(-n // n_columns), n_columns).subplots(squeeze=False).flat)
    for axes in grid[n:]:
        axes.set_axis_off()
    return grid[:n]


def _counts(rows: pd.DataFrame) -> Iterable[str]:
    """Return the numbers of items and speakers, and the resampled unit, in two lines."""
    n, n_speakers = (describe_range(rows[name]) for name in ("n", "n_groups"))
    return [f"n = {n}; {n_speakers} speakers", describe_interval(rows)]
