"""Draw ABX accuracy by layer beside a probe's on the same items, how far they agree, and published numbers apart."""

from matplotlib.lines import Line2D

from auscult.analyses.abx.agreement import linear_probes, pair_scores, spearman
from auscult.figures import plotting
from auscult.tables import read_table

CHANCE = {"color": "#555555", "linestyle": ":", "linewidth": 1}
MARKERS = {("in", "within"): "o", ("in", "across"): "s", ("any", "within"): "^", ("any", "across"): "D"}
SPEAKERS = {"within": "within speaker", "across": "across speakers", "any": "any speakers"}
PUBLISHED = {"phone_abx_accuracy": "ABX accuracy", "phone_probe_accuracy": "probe accuracy"}


def draw(abx, probes, pairs, agreement, published, entries, study):
    """Return the figure: for each corpus and target two rows of panels, and a last row of published numbers."""
    panels, read = list(abx.groupby(["corpus", "target"], sort=False)), (probes, pairs, agreement)
    lower_mm = max(52, 26 + 5 * len(agreement["model"].drop_duplicates()))
    heights_mm = [68, lower_mm] * len(panels) + [58]
    conditions = list(dict.fromkeys(zip(abx["context"], abx["speaker"])))
    colours = plotting.class_colours(published["pretraining"])
    legends = [
        [Line2D([], [], **entry.style.line) for entry in entries] + [Line2D([], [], **CHANCE, label="chance")],
        [Line2D([], [], **condition_marks(*c), linestyle="", label=f"ρ: {describe_condition(*c)}") for c in conditions],
        [Line2D([], [], color=colour, label=f"published: {name}") for name, colour in colours.items()],
    ]
    figure = plotting.new_figure(sum(heights_mm), legends, note(abx, study))
    grid = figure.add_gridspec(len(heights_mm), 1, height_ratios=heights_mm)
    for place, ((corpus, target), rows) in enumerate(panels):
        others = (table[(table["corpus"] == corpus) & (table["target"] == target)] for table in read)
        draw_target(grid[2 * place], grid[2 * place + 1], rows, *others, entries)
    draw_published(grid[-1].subgridspec(1, 3).subplots(), published, colours)
    return figure


def draw_target(upper, lower, abx, probes, pairs, agreement, entries):
    """Draw ABX within and across speakers and the probe by layer; below, both against each other and their ranks."""
    context = abx["context"].iloc[0]
    shown = abx[abx["context"] == context]
    name = plotting.plain(f"{abx['corpus'].iloc[0]} · {abx['target'].iloc[0].replace('_', ' ')}")
    columns = list(shown.groupby("speaker", sort=False))[:2]
    limits = limits_of(shown[["value", "ci_low", "ci_high"]])
    *zero_shot, trained = upper.subgridspec(1, len(columns) + 1).subplots()
    for column, (axes, (speaker, rows)) in enumerate(zip(zero_shot, columns)):
        draw_curves(axes, rows, entries, limits, "" if column else "ABX accuracy")
        plotting.head(axes, f"ABX, {SPEAKERS[speaker]}", [f"{name} · {context} context", *describe(rows)])
    draw_curves(trained, probes, entries, (0, 1), "probe accuracy")
    plotting.head(trained, "Probe, other speakers", [name, *describe_probe(probes)])
    scatter, ranks = lower.subgridspec(1, 2, width_ratios=(1, 1.4)).subplots()
    across = pairs[(pairs["context"] == context) & (pairs["speaker"] == columns[-1][0])]
    draw_scatter(scatter, across, entries)
    plotting.head(scatter, "Probe against ABX", [describe_condition(context, columns[-1][0]), "one point is one layer"])
    draw_agreement(ranks, agreement, entries)


def draw_curves(axes, rows, entries, limits, ylabel):
    """Draw the curve of each model over its layers, and a horizontal line for each baseline and for chance."""
    layers = [layer for layer in plotting.layer_order(rows["layer"]) if layer not in ("input", "selected")]
    rows = rows[rows["layer"] != "selected"].assign(x=rows["layer"].map({name: x for x, name in enumerate(layers)}))
    if len(rows):
        axes.axhline(rows["chance"].iloc[0], **CHANCE)
    for entry in entries:
        mine, style = entry.rows(rows).sort_values("x"), entry.style
        if style.baseline:
            for value, low, high in mine[["value", "ci_low", "ci_high"]].to_numpy():
                axes.axhspan(low, high, color=style.colour, alpha=0.1, linewidth=0)
                axes.axhline(value, color=style.colour, linestyle=style.dashes, linewidth=1)
            continue
        axes.fill_between(mine["x"], mine["ci_low"], mine["ci_high"], color=style.colour, alpha=0.2, linewidth=0)
        axes.plot(mine["x"], mine["value"], **style.line)
    axes.set(xlim=(-0.3, max(1, len(layers)) - 0.7), ylim=limits, xlabel="layer", ylabel=ylabel)
    step = max(1, -(-len(layers) // 7))
    axes.set_xticks(range(len(layers))[::step], layers[::step])


def draw_scatter(axes, pairs, entries):
    """Draw each layer by its probe accuracy and its ABX accuracy, the layers of a model joined in their order."""
    for entry in entries:
        mine = entry.rows(pairs)
        rank = {layer: x for x, layer in enumerate(plotting.layer_order(mine["layer"]))}
        mine = mine.iloc[mine["layer"].map(rank).argsort()]
        axes.plot(mine["probe"], mine["value"], color=entry.style.colour, linewidth=0.6, alpha=0.6)
        axes.plot(mine["probe"], mine["value"], **entry.style.marks, linestyle="")
    axes.set(xlabel="probe accuracy", ylabel="ABX accuracy")


def draw_agreement(axes, agreement, entries):
    """Draw rank correlations: over models on top, then over the layers of each model, one mark a condition."""
    if agreement.empty:
        axes.set_axis_off()
        return
    rows = [("over models", agreement[agreement["over"] == "models"])]
    rows += [(entry.style.label, mine) for entry in entries if len(mine := entry.rows(agreement))]
    axes.axvline(0, **CHANCE)
    for y, (_, mine) in enumerate(rows):
        step = 0.5 / max(1, len(mine) - 1)
        for place, row in enumerate(mine.itertuples()):
            axes.plot(
                row.spearman, y - 0.25 + place * step, **condition_marks(row.context, row.speaker), markersize=3.5
            )
        axes.text(1.03, y, describe_ranks(mine), transform=axes.get_yaxis_transform(), fontsize=6.5, va="center")
    axes.set(xlim=(-1.05, 1.05), ylim=(len(rows) - 0.4, -0.6), xlabel="Spearman’s ρ of probe and ABX")
    axes.set_yticks(range(len(rows)), [plotting.plain(name) for name, _ in rows])
    axes.tick_params(axis="y", length=0)
    axes.grid(axis="y")
    first = describe_condition(*agreement[["context", "speaker"]].iloc[0])
    lines = [
        "rank correlation over models, and over the layers of each",
        f"right: n · best layer by probe, by ABX ({first})",
    ]
    plotting.head(axes, "Do they rank alike?", lines)


def draw_published(panels, published, colours):
    """Draw published numbers by layer and against each other, in colours of their own."""
    wide = published.pivot(index=["pretraining", "layer"], columns="metric", values="value")
    layers = ["CNN", *plotting.layer_order(set(published["layer"]) - {"CNN"})]
    for axes, (metric, label) in zip(panels, PUBLISHED.items()):
        for name, colour in colours.items():
            axes.plot(range(len(layers)), wide.loc[name, metric].reindex(layers), color=colour, linewidth=1.2)
        axes.set_xticks(range(len(layers))[::2], layers[::2])
        axes.set(xlabel="layer", ylabel=label)
    ranks = []
    for name, colour in colours.items():
        x, y = (wide.loc[name, metric].reindex(layers) for metric in reversed(PUBLISHED))
        panels[-1].plot(x, y, color=colour, linewidth=0.6, marker=".", markersize=4)
        ranks.append(f"{name} {spearman(x, y):.2f}")
    panels[-1].set(xlabel="probe accuracy", ylabel="ABX accuracy")
    plotting.head(
        panels[0], "Not ours: published ABX", ["de Heer Kloots and others (2025),", "four models of their own"]
    )
    plotting.head(panels[1], "Not ours: published probe", ["read by eye off the slides,", "± 0.01"])
    halves = (", ".join(ranks[:2]), ", ".join(ranks[2:]))
    plotting.head(panels[2], "Not ours: both", [f"ρ over n = {len(layers)} layers: {halves[0]},", halves[1]])


def condition_marks(context, speaker):
    """Return the mark of a condition: form for speakers and context, filled in context."""
    face = "#333333" if context == "in" else "white"
    marker = MARKERS.get((context, speaker), "P")
    return {"marker": marker, "color": "#333333", "markerfacecolor": face, "markeredgecolor": "#333333"}


def describe_condition(context, speaker):
    """Name a condition in words."""
    return f"{context} context, {SPEAKERS[speaker]}"


def describe(rows):
    """Say on how many items, contrasts and speakers a panel rests."""
    n, groups, contrasts, cells = (
        plotting.describe_range(rows[column]) for column in ("n", "n_groups", "n_contrasts", "n_cells")
    )
    unit = plotting.resampling_unit(rows)
    return (
        f"{rows['distance'].iloc[0]} · {contrasts} contrasts, {cells} cells",
        f"n = {n} of {groups} {unit}s",
        plotting.describe_interval(rows),
    )


def describe_probe(rows):
    """Say on how many items of how many classes and speakers the probe rests."""
    if rows.empty:
        return ["not probed for this target"]
    n, groups, classes = (plotting.describe_range(rows[column]) for column in ("n", "n_groups", "n_classes"))
    unit = plotting.resampling_unit(rows)
    counts = f"n = {n} of {groups} {unit}s"
    return f"{rows['probe'].iloc[0]} · {classes} classes", counts, plotting.describe_interval(rows)


def describe_ranks(rows):
    """Say how many were ranked and, of layers, which came first by either measure, in the first condition."""
    n = plotting.describe_range(rows["n"])
    first = rows.iloc[0]
    if first["over"] == "models":
        return f"n = {n}"
    return f"n = {n} · {first['best_by_probe']}, {first['best_by_abx']}"


def limits_of(values):
    """Return the range of values, chance included, with a margin."""
    low, high = min(0.5, values.min(axis=None)), max(0.5, values.max(axis=None))
    return low - 0.05 * (high - low) - 0.005, high + 0.05 * (high - low) + 0.005


def note(abx, study):
    """Say what a reader of the figure alone must know."""
    return (
        f"{plotting.describe_study(study, abx['corpus'])} ABX: the share of triples in which X is nearer to A, of its "
        "own category, than to B; nothing is trained, chance is 0.5. Bands: 95 % intervals over speakers, those "
        "of X included. The probe is trained, and tested on other speakers; ABX uses those of its items that form a "
        "cell. ρ over models takes each at the layer that the probe chose on validation speakers; untrained models and "
        "baselines count as models. ρ over few layers has no interval and is a description. The last row is not ours, "
        "nor comparable in height: other models, speech and contrasts."
    )


def compose(paths, settings, study, models):
    """Return the figure of a study and the table of what it shows.

    Parameters
    ----------
    paths : of the tables, by the names of the rule's inputs
    settings : the figure's own entry, and that of its analysis
    study, models : as all figures take them
    """
    abx, probing, agreement, published = map(read_table, [paths.abx, paths.probing, paths.agreement, paths.published])
    abx = plotting.select(abx, "model", settings.get("models"), paths.abx)
    lines = plotting.entries(abx, abx["model"].unique(), plotting.model_style(models))
    probes = linear_probes(probing)
    pairs = pair_scores(abx, probing)
    figure = draw(abx, probes, pairs, agreement, published, lines, study)
    return figure, abx
