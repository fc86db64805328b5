"""Draw what probes find of gender before and after it is erased, by layer and by position, and what erasing costs."""

import numpy as np
from matplotlib.lines import Line2D

from auscult.figures import plotting
from auscult.tables import read_table

CHANCE = {"color": "#555555", "linestyle": ":", "linewidth": 1}
# Tol's muted scheme, apart from the models' palette: here a colour is what was erased, and how.
ALONE = ("#AA4499", "s", "-")
ERASED = {
    ("leace", "frame"): ("#332288", "X", "-", "LEACE at all layers"),
    ("random", "frame"): ("#999933", "v", (0, (1, 1)), "random direction at all layers"),
    ("shuffled", "frame"): ("#DDAA33", "D", (0, (4, 1.5)), "genders shuffled, at all layers"),
}
METHODS = {
    "leace": "LEACE",
    "inlp": "INLP",
    "mean_projection": "class means",
    "random": "random direction",
    "shuffled": "genders shuffled",
}
PLACES = {"first": ("#661100", "<"), "middle": ("#44AA99", "o"), "last": ("#CC6677", ">")}
GENDERS = {"all": ("#222222", "o", "all voices"), "female": ("#882255", "<", "women"), "male": ("#6699CC", ">", "men")}
PROBES = {"ridge": "Linear probe", "mlp": "Network"}


def draw(table, entries, study):
    """Return the figure: for each corpus and trained recogniser, probes by layer, by position, and error rates."""
    blocks = [
        (corpus, entry, table[table["corpus"] == corpus])
        for corpus in table["corpus"].unique()
        for entry in entries
        if entry.step != "0" and not entry.style.baseline
    ]
    blocks = [block for block in blocks if len(block[1].rows(block[2]))]
    heights = [58, 58, 20 + 4.2 * len(conditions(blocks[0][1].rows(blocks[0][2])))]
    figure = plotting.new_figure(sum(heights) * len(blocks), legends(entries, table), note(table, study))
    for place, (corpus, entry, rows) in zip(figure.add_gridspec(len(blocks), 1), blocks):
        upper, middle, lower = place.subgridspec(3, 1, height_ratios=heights)
        shared = None
        for cell, probe in zip(upper.subgridspec(1, 2), PROBES):
            shared = figure.add_subplot(cell, sharey=shared)
            draw_layers(shared, rows, entries, entry, corpus, probe)
        left, right = middle.subgridspec(1, 2)
        draw_positions(figure.add_subplot(left), entry.rows(rows))
        draw_behind(figure, figure.add_subplot(right), entry.rows(rows))
        draw_rates(figure.add_subplot(lower), entry.rows(rows))
    return figure


def lowest(rows):
    """Return where the axis of accuracies begins: below the lowest interval."""
    found = rows.loc[rows["metric"] == "accuracy", ["value", "ci_low"]]
    return min(0.4, float(np.nanmin(found.to_numpy())) - 0.03)


def accuracies(rows, probe="ridge", position="all"):
    """Return the accuracies of one probe at one position."""
    return rows[(rows["metric"] == "accuracy") & (rows["probe"] == probe) & (rows["position"] == position)]


def draw_layers(axes, rows, entries, entry, corpus, probe):
    """Draw a probe's accuracy by layer: before, after one layer's erasure and after all, with controls."""
    found = accuracies(rows, probe)
    mine = entry.rows(found)
    layers = plotting.layer_order(mine["layer"])
    axes.axhline(mine["chance"].iloc[0], **CHANCE)
    for other in (each for each in entries if each.style.baseline):
        values = other.rows(found)
        axes.axhline(
            values.loc[values["method"] == "none", "value"].iloc[0],
            color=other.style.colour,
            linestyle=other.style.dashes,
            linewidth=1,
        )
    untrained = [each for each in entries if each.model == entry.model and each.step == "0"]
    looks = [
        (each.rows(found).query("method == 'none'"), each.style.colour, each.style.dashes, each.style.marks)
        for each in [*untrained, entry]
    ]
    looks.append((mine[mine["erased_at"] == mine["layer"]], ALONE[0], ALONE[2], {"marker": ALONE[1]}))
    whole = mine[mine["erased_at"] == "all"]
    for (method, level), (colour, marker, dashes, _) in ERASED.items():
        kept = whole[whole["method"].eq(method) & whole["fitted_on"].eq(level)]
        looks.append((kept, colour, dashes, {"marker": marker}))
    draw_lines(axes, looks, layers)
    name_layers(axes, layers)
    axes.set(ylim=(lowest(rows), 1.03), ylabel="gender found")
    counts = f"n = {plotting.describe_range(mine['n'])}, {plotting.describe_range(mine['n_groups'])} speakers"
    plotting.head(
        axes,
        f"{PROBES[probe]}, by layer",
        [f"{corpus} · {entry.style.label}", counts, plotting.describe_interval(mine)],
    )


def draw_lines(axes, looks, layers):
    """Draw accuracies by layer, side by side with their intervals: rows, colour, dashes and mark of each line."""
    looks = [look for look in looks if len(look[0])]
    for place, (rows, colour, dashes, marks) in enumerate(looks):
        rows = rows.set_index("layer").reindex([layer for layer in layers if layer in set(rows["layer"])])
        x = np.array([layers.index(layer) for layer in rows.index]) + 0.55 * ((place + 0.5) / len(looks) - 0.5)
        axes.vlines(x, rows["ci_low"], rows["ci_high"], color=colour, alpha=0.45, linewidth=1)
        axes.plot(x, rows["value"], color=colour, linestyle=dashes, linewidth=1.1, markersize=3.5, **marks)


def draw_positions(axes, rows):
    """Draw the linear probe on the beginning, the middle and the end of utterances, before and after erasing."""
    layers = plotting.layer_order(rows.loc[rows["target"] == "gender", "layer"])
    axes.axhline(rows["chance"].dropna().iloc[0], **CHANCE)
    looks = []
    for position, (colour, marker) in PLACES.items():
        found = accuracies(rows, position=position)
        after = found[found["method"].eq("leace") & found["fitted_on"].eq("frame") & found["erased_at"].eq("all")]
        looks.append((found[found["method"] == "none"], colour, "-", {"marker": marker}))
        looks.append((after, colour, (0, (2.5, 1.5)), {"marker": marker, "markerfacecolor": "white"}))
    draw_lines(axes, looks, layers)
    name_layers(axes, layers)
    axes.set(ylim=(lowest(rows), 1.03), ylabel="gender found")
    interval = plotting.describe_interval(accuracies(rows, position="first"))
    plotting.head(axes, "Linear probe, by position", ["filled before, open after LEACE at all layers", interval])


def draw_behind(figure, axes, rows):
    """Draw what the linear probe finds at every layer behind the one that is erased, one row each."""
    found = accuracies(rows)
    layers = plotting.layer_order(found["layer"])
    single = found[found["erased_at"].isin(layers)]
    kinds = [("none", found[found["method"] == "none"])]
    kinds += [(layer, single[single["erased_at"] == layer]) for layer in layers if layer in set(single["erased_at"])]
    whole = found[found["method"].eq("leace") & found["fitted_on"].eq("frame") & found["erased_at"].eq("all")]
    blocks = found[found["erased_at"] == "blocks"]
    kinds += [("all but cnn", blocks)] if len(blocks) else []
    kinds += [("all", whole)]
    grid = np.full((len(kinds), len(layers)), np.nan)
    for y, (_, part) in enumerate(kinds):
        for layer, value in part[["layer", "value"]].to_numpy():
            grid[y, layers.index(layer)] = value
    picture = axes.imshow(grid, vmin=0.5, vmax=1, cmap="cividis", aspect="auto")
    if len(layers) <= 10:
        for (y, x), value in np.ndenumerate(grid):
            if np.isfinite(value):
                colour = "white" if value < 0.75 else "#222222"
                axes.text(x, y, f"{value:.2f}", ha="center", va="center", fontsize=6.5, color=colour)
    names = [name for name, _ in kinds]
    every = -(-len(kinds) // 10)
    # The first and the last row, which are no layers, are always named.
    shown = [0, *range(every, len(kinds) - every, every), len(kinds) - 1]
    axes.set_yticks(shown, [names[y] for y in shown])
    axes.set(ylabel="erased at")
    name_layers(axes, layers)
    axes.tick_params(length=0)
    for side in axes.spines.values():
        side.set_visible(False)
    figure.colorbar(picture, ax=axes, label="gender found", fraction=0.06, pad=0.02)
    plotting.head(axes, "Behind an erased layer", ["linear probe; erasing changes nothing in front"])


def conditions(rows):
    """Return the name of each condition of the error rates, and its rows, in the order of the table."""
    rates = rows[rows["target"] == "transcript"].fillna({"fitted_on": "", "erased_at": ""})
    groups = rates.groupby(["method", "fitted_on", "erased_at"], sort=False)
    return [(name_condition(*key), part) for key, part in groups]


def name_condition(method, level, layer):
    """Return what a condition is called."""
    if method == "none":
        return "nothing erased"
    where = {"all": "all layers", "blocks": "all but cnn"}.get(layer, layer)
    return f"{METHODS[method]}, {where}" + (", fitted on utterances" if level == "utterance" else "")


def draw_rates(axes, rows):
    """Draw the word error rate of each condition, of all voices and of each gender; changes beside."""
    kinds = conditions(rows)
    for y, (_, part) in enumerate(kinds):
        found = part[part["metric"] == "word_error_rate"].set_index("gender")
        for shift, (gender, (colour, marker, _)) in zip((0, -0.22, 0.22), GENDERS.items()):
            if gender in found.index:
                row = found.loc[gender]
                axes.plot([row["ci_low"], row["ci_high"]], [y + shift] * 2, color=colour, linewidth=1)
                axes.plot(row["value"], y + shift, marker=marker, color=colour, markersize=3.5, linestyle="")
    base = kinds[0][1]
    base = base[(base["metric"] == "word_error_rate") & (base["gender"] == "all")]
    axes.axvline(base["value"].iloc[0], **CHANCE)
    axes.set_yticks(range(len(kinds)), [name for name, _ in kinds])
    axes.set(ylim=(len(kinds) - 0.5, -0.5), xlabel="word error rate", xlim=(0, None))
    axes.tick_params(axis="y", length=0)
    for y, (_, part) in enumerate(kinds):
        change = part[(part["metric"] == "word_error_rate_change") & (part["gender"] == "all")]
        if len(change):
            axes.annotate(
                describe_change(change.iloc[0]),
                (1, y),
                xycoords=axes.get_yaxis_transform(),
                xytext=(4, 0),
                textcoords="offset points",
                fontsize=6.5,
                va="center",
            )
    counts = f"n = {plotting.describe_range(base['n'])}, {plotting.describe_range(base['n_groups'])} speakers"
    lines = [
        f"{counts}; {plotting.describe_interval(base)}",
        "on the right the change, paired over speakers, and its p",
    ]
    plotting.head(axes, "What it costs", lines)


def describe_change(row):
    """Write a change of an error rate with its interval and p."""
    between = f" [{row['ci_low']:+.3f}, {row['ci_high']:+.3f}]" if np.isfinite(row["ci_low"]) else ""
    return f"{row['value']:+.3f}{between}, p = {row['p_value']:.2g}".replace("-", "−")


def name_layers(axes, layers):
    """Put layer names below the axis, every second or third of many."""
    every = -(-len(layers) // 14)
    axes.set_xticks(range(0, len(layers), every), layers[::every])
    axes.set_xlim(-0.5, len(layers) - 0.5)


def legends(entries, table):
    """Return the handles: models and what was erased, then positions and genders."""
    lines = [Line2D([], [], **entry.style.line) for entry in entries if not entry.style.baseline]
    for line, entry in zip(lines, (each for each in entries if not each.style.baseline)):
        line.set_label(f"{entry.style.label}, nothing erased")
    lines += [
        Line2D([], [], color=entry.style.colour, linestyle=entry.style.dashes, label=entry.style.label)
        for entry in entries
        if entry.style.baseline
    ]
    lines.append(Line2D([], [], color=ALONE[0], marker=ALONE[1], label="LEACE at this layer alone"))
    erased = [look for (method, _), look in ERASED.items() if method in set(table["method"])]
    lines += [
        Line2D([], [], color=colour, marker=marker, linestyle=dashes, label=label)
        for colour, marker, dashes, label in erased
    ]
    lines.append(Line2D([], [], **CHANCE, label="chance; below, nothing erased"))
    places = [
        Line2D([], [], color=colour, marker=marker, linestyle="", label=f"{name} frames")
        for name, (colour, marker) in PLACES.items()
    ]
    genders = [
        Line2D([], [], color=colour, marker=marker, linestyle="", label=label)
        for colour, marker, label in GENDERS.values()
    ]
    return [lines, [*places, *genders]]


def note(table, study):
    """Say what a reader of the figure alone must know."""
    fitted = plotting.describe_range(table.loc[table["n_fit"] > 0, "n_fit"])
    return (
        f"{plotting.describe_study(study, table['corpus'])} Each probe is fitted anew on what the model holds after "
        "erasing, on voices that no eraser was fitted on, and tested on others; frames of an utterance are averaged. "
        "LEACE takes out what a line could tell on its own voices: one dimension a layer; INLP takes out more. "
        f"Erasers were fitted on {fitted} frames or utterances. Voices overlap in pitch where speech is synthesised. "
        "A network may still find what no line separates. Error rates are of greedy decoding."
    )


def compose(paths, settings, study, models):
    """Return the figure of a study and the table of what it shows.

    Parameters
    ----------
    paths : of the tables, by the names of the rule's inputs
    settings : the figure's own entry, and that of its analysis
    study, models : as all figures take them
    """
    results = read_table(paths.table)
    shown = plotting.select(results, "model", settings.get("models"), paths.table)
    lines = plotting.entries(shown, shown["model"].unique(), plotting.model_style(models))
    return draw(shown, lines, study), shown
