"""Draw how models keep factors apart: subspaces, selective erasure, latents of a bottleneck, shares of predictions."""

import numpy as np
import pandas as pd
from matplotlib.lines import Line2D
from matplotlib.patches import Patch

from auscult.figures import plotting
from auscult.tables import read_table

GREY = "#555555"
CHANCE = {"color": GREY, "linestyle": ":", "linewidth": 1}
# Apart from the models' palette and from that of classes.
LATENTS = {"input": "#777777", "textual": "#661100", "acoustic": "#44AA99"}
REST = {"rest": "#888888"}
NULLS = {"covariance": {"color": "#DDDDDD", "linewidth": 5}, "isotropic": {"color": "#999999", "linewidth": 1.4}}
METHODS = {"leace": "LEACE", "mean_projection": "Class means projected out", "random": "Random directions"}
READOUTS = {"ridge": True, "mlp": False}
ANGLE_MM, RESIDUAL_MM, ERASURE_MM, LATENTS_MM, SHARE_MM = 2.6, 48, 30, 64, 7.5
COLUMNS = 3


def draw(table, latents, entries, study):
    """Return the figure: for each corpus subspaces, erasure, latents and shares."""
    corpora, heights = list(dict.fromkeys(table["corpus"])), []
    for corpus in corpora:
        heights += heights_mm(table[table["corpus"] == corpus], latents[latents["corpus"] == corpus], entries)
    figure = plotting.new_figure(sum(heights), legends(table, entries), note(table, latents, study))
    blocks = list(figure.add_gridspec(len(heights), 1, height_ratios=heights))
    for corpus in corpora:
        rows, probed = (each[each["corpus"] == corpus] for each in (table, latents))
        draw_angles(figure.add_subplot(blocks.pop(0)), rows[rows["analysis"] == "geometry"], entries)
        draw_residuals(blocks.pop(0), rows[rows["metric"] == "residual_variance"], entries)
        draw_erasure(figure, blocks.pop(0), rows[rows["analysis"] == "erasure"], entries)
        draw_latents(blocks.pop(0), probed, entries)
        draw_shares(blocks.pop(0), rows[rows["analysis"] == "attribution"], entries, colours(rows) | REST, "subspaces")
        draw_shares(blocks.pop(0), probed[probed["analysis"] == "attribution"], entries, LATENTS, "latents")
    return figure


def heights_mm(rows, latents, entries):
    """Return the heights of a corpus's blocks in millimetres."""
    n_pairs = len(pairs_of(rows))
    shares = [each.loc[each["metric"] == "part_share", "target"].nunique() for each in (rows, latents)]
    angles = 20 + ANGLE_MM * n_pairs * len(entries)
    n_rows = -(-len(entries) // COLUMNS)
    return [
        angles,
        RESIDUAL_MM,
        14 + ERASURE_MM * len(entries),
        n_rows * LATENTS_MM,
        *(n_rows * (28 + SHARE_MM * n) for n in shares),
    ]


def factors_of(rows):
    """Return the factors in the order of the analysis."""
    return list(dict.fromkeys(rows.loc[rows["analysis"] == "geometry", "target"]))


def colours(rows):
    """Return a colour for each factor."""
    return plotting.class_colours(factors_of(rows))


def plain_name(name):
    """Return the name of a column as a reader takes it."""
    return str(name).replace("_", " ")


def pairs_of(rows):
    """Return the pairs of factors whose subspaces are compared, those of a factor with itself last."""
    angles = rows[rows["metric"] == "angle_deg"]
    pairs = list(dict.fromkeys(zip(angles["target"], angles["factor"])))
    return sorted(pairs, key=lambda pair: pair[0] == pair[1])


def draw_residuals(block, rows, entries):
    """Draw the variance of each factor's centroids that is left as axes of one are removed, a panel for each."""
    factors = list(dict.fromkeys(rows["factor"]))
    grid = block.subgridspec(1, len(factors)).subplots(sharey=True, squeeze=False)[0]
    for axes, removed in zip(grid, factors):
        draw_curves(axes, rows[rows["factor"] == removed], entries)
        axes.set_ylabel("variance left" if removed == factors[0] else "")
        plotting.head(axes, f"{plain_name(removed).capitalize()} removed", [])


def draw_angles(axes, rows, entries):
    """Draw the smallest principal angle of every pair and model over the intervals of both nulls."""
    angles, pairs = rows[(rows["metric"] == "angle_deg") & (rows["component"] == 1)], pairs_of(rows)
    gaps = spaced(len(entries))
    for y, pair in enumerate(pairs):
        mine = angles[(angles["target"] == pair[0]) & (angles["factor"] == pair[1])]
        for gap, entry in zip(gaps, entries):
            found = entry.rows(mine)
            for null, look in NULLS.items():
                for _, row in found[found["null"] == null].iterrows():
                    axes.plot([row["null_low"], row["null_high"]], [y + gap] * 2, **look, zorder=1)
            for _, row in found.head(1).iterrows():
                dot(axes, row, y + gap, entry.style)
    names = [plain_name(a) + (" – other voices" if a == b else f" – {plain_name(b)}") for a, b in pairs]
    axes.set_yticks(range(len(pairs)), names)
    axes.set(xlim=(0, 92), ylim=(len(pairs) - 0.45, -0.55), xlabel="smallest principal angle, degrees")
    axes.set_xticks([0, 30, 60, 90])
    axes.tick_params(axis="y", length=0)
    plotting.head(axes, "Angles between subspaces", [" ".join(rows["corpus"].unique()), ", ".join(counts(rows))])


def draw_curves(axes, rows, entries):
    """Draw the variance of each factor's centroids that is left as axes of one factor are removed one by one."""
    palette = plotting.class_colours(rows["target"])
    for entry in entries:
        if entry.style.baseline:
            continue
        for target, mine in entry.rows(rows).groupby("target", sort=False):
            mine, own = mine.sort_values("component"), target == mine["factor"].iloc[0]
            look = {"color": palette[target], "linestyle": entry.style.dashes, "linewidth": 0.7 if own else 1.3}
            face = {"markerfacecolor": palette[target] if entry.style.filled else "white"}
            axes.plot(mine["component"], mine["value"], marker=entry.style.marker, markersize=3, **look, **face)
            axes.vlines(mine["component"], mine["ci_low"], mine["ci_high"], color=palette[target], alpha=0.4)
    null = rows.drop_duplicates("component").sort_values("component")
    axes.plot(null["component"], null["null_median"], **CHANCE)
    axes.set(ylim=(-0.03, 1.05), xlabel="axes removed")
    axes.set_xticks(sorted(rows["component"].unique()))


def draw_erasure(figure, block, rows, entries):
    """Draw balanced accuracies as a matrix of erased and probed factors, for each model and method."""
    methods = [method for method in METHODS if (rows["method"] == method).any()]
    grid = block.subgridspec(len(entries), len(methods)).subplots(squeeze=False)
    rows = rows[(rows["metric"] == "balanced_accuracy") & (rows["readout"] == "ridge")]
    factors = list(dict.fromkeys(rows["target"]))
    chance = rows.drop_duplicates("target").set_index("target")["chance"]
    for place, (line, entry) in enumerate(zip(grid, entries)):
        for first, axes, method in zip([True] + [False] * len(methods), line, methods):
            mine = entry.rows(rows[rows["method"].isin(["none", method])]).fillna({"factor": ""})
            values, low, high = (
                mine.pivot(index="factor", columns="target", values=column).loc[["", *factors], factors]
                for column in ("value", "ci_low", "ci_high")
            )
            above = ((values - chance[factors]) / (1 - chance[factors])).to_numpy()
            axes.imshow(above, cmap="YlGnBu", vmin=0, vmax=1, aspect="auto")
            for y, x in np.ndindex(above.shape):
                numbers = [each.to_numpy()[y, x] for each in (values, low, high)]
                colour = "white" if above[y, x] > 0.55 else "#222222"
                axes.text(x, y, in_cell(*numbers, len(factors)), ha="center", va="center", fontsize=5.8, color=colour)
            probed = [f"{plain_name(factor)}\n(chance {short(chance[factor])})" for factor in factors]
            axes.set_xticks(range(len(factors)), probed if place == len(entries) - 1 else [])
            erased = ["nothing", *map(plain_name, factors)]
            axes.set_yticks(range(len(erased)), erased if first else [])
            axes.set_ylabel("erased" if first else "")
            axes.tick_params(length=0)
            axes.spines[:].set_visible(False)
            under = [entry.style.label, f"n = {plotting.describe_range(mine['n'])}"] if first else ["\u00a0", "\u00a0"]
            title = METHODS[method] if place == 0 else ""
            plotting.head(axes, title, under)


def in_cell(value, low, high, n_columns):
    """Write a share and, where cells are wide enough, its interval."""
    known = np.isfinite(low) and n_columns <= COLUMNS
    return f"{short(value)} ({short(low)}–{short(high)})" if known else short(value)


def draw_latents(block, rows, entries):
    """Draw what probes read of frames and of both latents, a panel for each model."""
    probes, grid = rows[rows["analysis"] == "probes"], panels_of(block, len(entries))
    targets = list(dict.fromkeys(probes["target"]))
    for axes, entry in zip(grid, entries):
        mine = entry.rows(probes)
        for gap, layer in zip(spaced(len(LATENTS)), LATENTS):
            for x, target in enumerate(targets):
                for _, row in mine[(mine["layer"] == layer) & (mine["target"] == target)].iterrows():
                    axes.plot([x + gap] * 2, [row["ci_low"], row["ci_high"]], color=LATENTS[layer], linewidth=1.2)
                    axes.plot(x + gap, row["value"], color=LATENTS[layer], marker="o", markersize=3.4)
                    axes.plot([x - 0.42, x + 0.42], [row["chance"]] * 2, **CHANCE)
        axes.set_xticks(range(len(targets)), map(plain_name, targets), rotation=90)
        axes.set(ylim=(-0.02, 1.04), ylabel="accuracy" if axes in grid[::COLUMNS] else "")
        told = dict(zip(zip(entry.rows(rows)["metric"], entry.rows(rows)["layer"]), entry.rows(rows)["value"]))
        nats = ", ".join(f"{told['information_nats', name]:.1f} {name}" for name in ("textual", "acoustic"))
        lines = [
            entry.style.label,
            f"phone error rate {told['phone_error_rate', 'textual']:.2f}",
            f"nats a frame: {nats}",
            *counts(mine),
        ]
        plotting.head(axes, "Latents of a bottleneck" if axes is grid[0] else "", lines)


def draw_shares(block, rows, entries, palette, what):
    """Draw the share of each prediction that runs through each part, a panel for each model."""
    rows = rows[rows["method"] == ("leace" if (rows["method"] == "leace").any() else rows["method"].iloc[0])]
    grid, targets = panels_of(block, len(entries)), list(dict.fromkeys(rows["target"]))
    parts = [part for part in palette if (rows["factor"] == part).any()]
    shares, drawn = with_score(rows), []
    for axes, entry in zip(grid, entries):
        mine = entry.rows(shares)
        axes.axvline(0, **CHANCE)
        for y, target in enumerate(targets):
            of_target = mine[mine["target"] == target]
            if of_target.empty:
                axes.text(0.03, y, "nothing is predicted", fontsize=7, color=GREY, va="center")
            for gap, part in zip(spaced(len(parts)), parts):
                for _, row in of_target[of_target["factor"] == part].iterrows():
                    draw_share(axes, row, y + gap, palette[part])
                    drawn.append(row["value"])
        axes.set_yticks(range(len(targets)), map(plain_name, targets) if axes in grid[::COLUMNS] else [])
        axes.set(ylim=(len(targets) - 0.45, -0.55), xlabel="share of the score")
        axes.tick_params(axis="y", length=0)
        axes.grid(axis="x")
        title = f"Shares of the {what}" if axes is grid[0] else ""
        plotting.head(axes, title, [entry.style.label, *counts(entry.rows(rows))])
    for axes in grid:
        axes.set_xlim(min([-0.3, *(value - 0.1 for value in drawn)]), max([1.3, *(value + 0.1 for value in drawn)]))


def draw_share(axes, row, y, colour):
    """Draw one share with its interval: filled of a linear readout, open and a little lower of a network."""
    filled = READOUTS[row["readout"]]
    y = y if filled else y + 0.09
    axes.plot([row["ci_low"], row["ci_high"]], [y, y], color=colour, linewidth=1.1)
    axes.plot(row["value"], y, marker="o", markersize=3.2, color=colour, markerfacecolor=colour if filled else "white")


def with_score(rows):
    """Return the shares of those scores that are above 0: of nothing there are no shares."""
    keys = ["model", "step", "target", "method", "readout"]
    scores = rows[rows["metric"] == "part_score"]
    above = scores[scores["ci_low"].fillna(scores["value"]) > 0]
    known = pd.MultiIndex.from_frame(above[keys].astype(str))
    shares = rows[rows["metric"] == "part_share"]
    return shares[pd.MultiIndex.from_frame(shares[keys].astype(str)).isin(known)]


def panels_of(block, n):
    """Return n panels, a few in a row."""
    n_columns = min(n, COLUMNS)
    grid = list(block.subgridspec(-(-n // n_columns), n_columns).subplots(squeeze=False).flat)
    for axes in grid[n:]:
        axes.set_axis_off()
    return grid[:n]


def dot(axes, row, y, style):
    """Draw a value with its interval."""
    axes.plot([row["ci_low"], row["ci_high"]], [y, y], color=style.colour, linewidth=1.2, zorder=2)
    axes.plot(row["value"], y, **{**style.marks, "markersize": 3.8}, linestyle="", zorder=3)


def spaced(n):
    """Return places of n things around 0, less than half apart from the next."""
    return np.linspace(-0.28, 0.28, n) if n > 1 else np.zeros(1)


def short(value):
    """Write a share in two digits."""
    return f"{value:.2f}".replace("0.", ".", 1)


def counts(rows):
    """Say of how many items and speakers numbers are, and what was resampled, in two lines."""
    n, n_speakers = (plotting.describe_range(rows[name]) for name in ("n", "n_groups"))
    return [f"n = {n}; {n_speakers} speakers", plotting.describe_interval(rows)]


def legends(table, entries):
    """Return the handles of models and nulls, of factors and rest, of latents, and of readouts."""
    models = [Line2D([], [], **entry.style.line) for entry in entries]
    nulls = [
        Line2D([], [], **NULLS["covariance"], label="random contrasts of the vectors, 95 %"),
        Line2D([], [], **NULLS["isotropic"], label="random subspaces, 95 %"),
        Line2D([], [], **CHANCE, label="chance, random axes removed, no share"),
    ]
    factors = [Patch(color=colour, label=plain_name(name)) for name, colour in (colours(table) | REST).items()]
    latents = [Patch(color=colour, label=name) for name, colour in LATENTS.items()]
    readouts = [
        Line2D(
            [],
            [],
            linestyle="",
            marker="o",
            color=GREY,
            markerfacecolor=GREY if filled else "white",
            label={"ridge": "linear readout", "mlp": "network"}[name],
        )
        for name, filled in READOUTS.items()
    ]
    return [models, nulls, factors, latents, readouts]


def note(table, latents, study):
    """Say what a reader of the figure alone must know."""
    layer = ", ".join(dict.fromkeys(name for name in table["layer"] if name != "input")) or "input"
    n_train = plotting.describe_range(latents["n_train"])
    return (
        f"{plotting.describe_study(study, table['corpus'])} Layer {layer}, declared beforehand. Values of a factor are "
        "crossed with those of the others and weigh the same. Two subspaces come from different voices; “other "
        "voices”: the same factor’s, which says how well it is known. Thin lines: a factor’s own axes removed. "
        "Erasers, probes, bottleneck and readouts are of other voices than the items; probes are trained anew. "
        "Shares are of the score of the true class against the mean of all classes and of the mean vector, in LEACE’s "
        "metric; they add up to 1 and may be negative; of a score whose interval holds 0 there are none. The "
        f"bottleneck was trained on {n_train} utterances of other voices, its textual latent to transcribe phones, its "
        "acoustic latent to tell those voices apart."
    )


def shown_rows(table, settings):
    """Return the rows that are drawn: those of the declared layer, and of models with one layer."""
    layer = settings["analysis"]["layer"]
    return table[table["layer"].isin([layer, "input"])]


def compose(paths, settings, study, models):
    """Return the figure of a study and the table of what it shows.

    Parameters
    ----------
    paths : of the tables, by the names of the rule's inputs
    settings : the figure's own entry, and that of its analysis
    study, models : as all figures take them
    """
    wanted = settings.get("models")
    results = plotting.select(shown_rows(read_table(paths.table), settings), "model", wanted, paths.table)
    probed = plotting.select(read_table(paths.latents), "model", wanted, paths.latents)
    lines = plotting.entries(results, results["model"].unique(), plotting.model_style(models))
    both = pd.concat([results, probed], ignore_index=True)
    return draw(results, probed, lines, study), both
