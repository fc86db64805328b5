"""Draw word by word maps of each method, the mass on the true cue by layer, and how often each method hits it."""

from textwrap import wrap

from matplotlib.lines import Line2D
from matplotlib.patches import Patch, Rectangle

from auscult.analyses.mixing.ranking import ALL, DIFFERENCE, HIT, MASS, not_separated
from auscult.figures import plotting
from auscult.tables import read_table

# Tol's muted scheme, apart from the models' palette: here a colour is a method, and a row of panels a model.
METHODS = {
    "attention": plotting.ModelStyle("attention", "#332288", marker="o"),
    "attention_norm": plotting.ModelStyle("attention norm", "#117733", marker="s"),
    "attention_norm_residual": plotting.ModelStyle("norm + residual", "#999933", marker="D"),
    "attention_norm_layer_norm": plotting.ModelStyle("norm + residual + LN", "#CC6677", marker="v"),
    "rollout": plotting.ModelStyle("rollout", "#4FA9D8", marker="P"),
    "value_zeroing": plotting.ModelStyle("value zeroing", "#882255", marker="^"),
}
CHANCE = {"color": "#333333", "linestyle": (0, (4, 2)), "linewidth": 1}
ONE_IN_WORDS = {"color": "#555555", "linestyle": ":", "linewidth": 1}
DURATION = {"color": "#999999", "linestyle": (0, (4, 1.5, 1, 1.5)), "linewidth": 1}
THIN = {"linewidth": 0.9, "markersize": 3, "markeredgewidth": 0.8}
CUE = "#E69F00"
TARGETS = {"noun": ("o", -0.2), "verb": ("s", 0.2)}
MAP_MM, CURVE_MM, N_COLUMNS = 50, 72, 3


def draw(table, maps, entries, study):
    """Return the figure: maps of the first model, then for each corpus and model a row of curves and a ranking."""
    trained = [entry for entry in entries if entry.step != "0"] or entries
    shown = [
        (corpus, entry)
        for corpus in table["corpus"].unique()
        for entry in trained
        if len(entry.rows(table[table["corpus"] == corpus]))
    ]
    corpus, first = shown[0]
    cells = first.rows(maps[maps["corpus"] == corpus])
    drawn = [name for name in METHODS if name in set(cells["method"])]
    n_rows = -(-len(drawn) // N_COLUMNS)
    heights_mm = [MAP_MM] * n_rows + [CURVE_MM] * len(shown)
    figure = plotting.new_figure(sum(heights_mm), legends(table, entries), note(table, study))
    grid = figure.add_gridspec(2, 1, height_ratios=[MAP_MM * n_rows, CURVE_MM * len(shown)])
    upper, lower = grid[0].subgridspec(n_rows, N_COLUMNS), grid[1].subgridspec(len(shown), N_COLUMNS)
    chosen = first.rows(table[(table["corpus"] == corpus) & (table["layer"] == "selected")])
    draw_maps(figure, upper, cells, drawn, chosen, f"{corpus} · {first.style.label}")
    for place, (corpus, entry) in enumerate(shown):
        rows = table[(table["corpus"] == corpus) & (table["model"] == entry.model)]
        draw_model(figure, [lower[place, column] for column in range(N_COLUMNS)], rows, entry, corpus)
    return figure


def draw_maps(figure, grid, cells, methods, chosen, name):
    """Draw the mean map of each method at the layer that all its targets together chose, true cues framed."""
    axes, image = [], None
    for place, method in enumerate(methods):
        axes.append(figure.add_subplot(grid[place // N_COLUMNS, place % N_COLUMNS]))
        mine = cells[cells["method"] == method]
        layer = chosen_layer(chosen, method, mine)
        mine = mine[mine["layer"] == layer]
        image = draw_map(axes[-1], mine, bottom=place + N_COLUMNS >= len(methods), left=place % N_COLUMNS == 0)
        plotting.head(axes[-1], METHODS[method].label, [name, f"{layer} · mean of {mine['n'].iloc[0]} sentences"])
    if image is not None:
        bar = figure.colorbar(image, ax=axes, location="right", fraction=0.02, pad=0.01, aspect=30, extend="max")
        bar.set_label("share of the row")
        bar.outline.set_visible(False)


def draw_map(axes, cells, bottom, left):
    """Draw one word by word matrix, its values where there is room, and return the image."""
    values = cells.pivot(index="row", columns="column", values="value")
    image = axes.imshow(values.to_numpy(), cmap="Blues", vmin=0, vmax=0.6, aspect="auto")
    words = cells.drop_duplicates("column").sort_values("column")["column_label"].map(plotting.plain).tolist()
    for cell in cells.itertuples():
        if len(words) <= 8:
            colour = "white" if cell.value > 0.36 else "#222222"
            text = f"{cell.value:.2f}".replace("0.", ".", 1)
            axes.text(cell.column, cell.row, text, ha="center", va="center", fontsize=6, color=colour)
        if cell.cue > 0.5:
            frame = {"fill": False, "edgecolor": CUE, "linewidth": 1.6, "clip_on": False, "zorder": 3}
            axes.add_patch(Rectangle((cell.column - 0.5, cell.row - 0.5), 1, 1, **frame))
    axes.set_xticks(range(len(words)), words if bottom else [], rotation=90)
    axes.set_yticks(range(len(words)), words if left else [])
    axes.tick_params(length=0)
    axes.spines[:].set_visible(False)
    return image


def draw_model(figure, places, rows, entry, corpus):
    """Draw the mass on the cue of nouns and of verbs by layer, and the hits of the methods at their best layers."""
    masses = rows[(rows["metric"] == MASS) & (rows["layer"] != "selected") & (rows["target"] != ALL)]
    top = 1.06 * max(masses[["value", "ci_high", "one_in_words"]].max(axis=None, skipna=True), 0.3)
    targets = [target for target in TARGETS if target in set(masses["target"])]
    for column, (place, target) in enumerate(zip(places, targets)):
        axes = figure.add_subplot(place)
        mine = masses[masses["target"] == target]
        draw_curves(axes, mine, entry, top, "share of the row on the cue" if column == 0 else "")
        counts = f"n = {plotting.describe_range(mine['n'])} of {plotting.describe_range(mine['n_groups'])} sentences"
        title = f"From {target} to its cue"
        lines = [f"{corpus} · {entry.style.label}", counts, plotting.describe_interval(mine)]
        plotting.head(axes, title, lines)
    draw_ranking(figure.add_subplot(places[-1]), rows[rows["layer"] == "selected"], entry, targets)


def draw_curves(axes, rows, entry, top, ylabel):
    """Draw one curve a method, trained with its band and untrained without one, and what an even row would give."""
    layers = plotting.layer_order(rows["layer"])
    rows = rows.assign(x=rows["layer"].map({name: x for x, name in enumerate(layers)})).sort_values("x")
    axes.axhline(rows["one_in_words"].iloc[0], **ONE_IN_WORDS)
    axes.axhline(rows["cue_duration"].iloc[0], **DURATION)
    for method, style in METHODS.items():
        mine = rows[rows["method"] == method]
        untrained, trained = (mine[mine["step"].astype(str) == step] for step in ("0", entry.step))
        if entry.step != "0":
            axes.plot(untrained["x"], untrained["value"], **style.untrained.line | THIN)
        axes.fill_between(
            trained["x"], trained["ci_low"], trained["ci_high"], color=style.colour, alpha=0.2, linewidth=0
        )
        axes.plot(trained["x"], trained["value"], **(style if entry.step != "0" else style.untrained).line)
    axes.set(xlim=(-0.3, max(1, len(layers)) - 0.7), ylim=(0, top), xlabel="layer", ylabel=ylabel)
    step = max(1, -(-len(layers) // 7))
    axes.set_xticks(range(len(layers))[::step], layers[::step])


def draw_ranking(axes, rows, entry, targets):
    """Draw the hits of each method at its chosen layer, best on top, beside those of the untrained model."""
    hits = entry.rows(rows[(rows["metric"] == HIT) & rows["target"].isin(targets)])
    if hits.empty:
        axes.set_axis_off()
        lines = ["too few sentences to choose layers", "on some and report on others"]
        plotting.head(axes, "Which finds the cue?", lines)
        return
    order = hits.groupby("method")["rank"].mean().sort_values(kind="stable").index.tolist()
    for chance in hits.groupby("target")["chance"].mean().round(3).unique():
        axes.axvline(chance, zorder=0, **CHANCE)
    if entry.step != "0":
        untrained = rows[(rows["metric"] == HIT) & (rows["step"].astype(str) == "0") & rows["target"].isin(targets)]
        draw_hits(axes, untrained[untrained["method"].isin(order)], order, filled=False)
    draw_hits(axes, hits, order, filled=entry.step != "0")
    for row in hits.itertuples():
        y = order.index(row.method) + TARGETS[row.target][1]
        axes.text(1.02, y, row.selected_layer, transform=axes.get_yaxis_transform(), fontsize=6, va="center")
    axes.set(xlim=(-0.02, 1.02), ylim=(len(order) - 0.5, -0.5), xlabel="hits: the cue’s cell is the largest")
    axes.set_xticks([0, 0.25, 0.5, 0.75, 1], ["0", ".25", ".5", ".75", "1"])
    axes.set_yticks(range(len(order)), [METHODS[name].label for name in order], fontsize=6.5)
    axes.tick_params(axis="y", length=0)
    differences = entry.rows(rows[rows["metric"] == DIFFERENCE])
    lines = [line for target in targets for line in describe_lead(differences[differences["target"] == target], target)]
    counts = f"n = {plotting.describe_range(hits['n'])} of {plotting.describe_range(hits['n_groups'])} sentences"
    plotting.head(axes, "Which finds the cue best?", [counts, *lines])


def draw_hits(axes, rows, order, filled):
    """Draw one mark a method and target, with its interval where it is filled."""
    for row in rows.itertuples():
        marker, shift = TARGETS[row.target]
        y, style = order.index(row.method) + shift, METHODS[row.method]
        style = style if filled else style.untrained
        if filled:
            axes.plot([row.ci_low, row.ci_high], [y, y], color=style.colour, linewidth=1.2)
        axes.plot(row.value, y, **style.marks | {"marker": marker, "markersize": 4, "linestyle": ""})


def describe_lead(differences, target):
    """Say which method comes first, and whether it is above all others or which ones it is not separated from."""
    if differences.empty:
        return [f"{target}: one method"]
    first = METHODS[differences["method"].iloc[0]].label
    if differences["ci_low"].isna().any():
        return [*wrap(f"{target}: {first} first,", 36), plotting.describe_interval(differences)]
    others = [METHODS[name].label for name in not_separated(differences)]
    if not others:
        return wrap(f"{target}: {first} above all others", 36)
    return wrap(f"{target}: {first} first, not separated from {', '.join(others)}", 36)


def chosen_layer(chosen, method, cells):
    """Return the layer that nouns and verbs together chose for a method; the last one if none was chosen."""
    mine = chosen[(chosen["method"] == method) & (chosen["metric"] == HIT) & (chosen["target"] == ALL)]
    return mine["selected_layer"].iloc[0] if len(mine) else plotting.layer_order(cells["layer"])[-1]


def legends(table, entries):
    """Return the handles of the methods, and of what stands beside them."""
    present = set(table["method"])
    lines = [Line2D([], [], **style.line) for name, style in METHODS.items() if name in present]
    beside = [
        Line2D([], [], **ONE_IN_WORDS, label="one in the words"),
        Line2D([], [], **DURATION, label="the cue’s share of the time"),
        Line2D([], [], **CHANCE, label="chance of a hit"),
        Patch(fill=False, edgecolor=CUE, linewidth=1.6, label="true cue"),
    ]
    if any(entry.step == "0" for entry in entries):
        grey = plotting.ModelStyle("the same", "#333333").untrained
        beside.insert(0, Line2D([], [], **{**grey.line, "label": "untrained"}))
    marks = [
        Line2D([], [], color="#333333", linestyle="", marker=marker, label=f"right panels: {target}")
        for target, (marker, _) in TARGETS.items()
        if target in set(table["target"])
    ]
    return [lines, [*beside, *marks]]


def note(table, study):
    """Say what a reader of the figure alone must know."""
    return (
        f"{plotting.describe_study(study, table['corpus'])} A row is what one word takes from each word of its "
        "sentence, itself included; it sums to 1. Noun and verb sound alike in singular and plural: only the "
        "determiner, or a verb’s pronoun, tells, so it is the true cue; a noun’s mostly stands beside it, a verb’s "
        "does not. Mass has no scale that methods share: each is read against the same method on the untrained model; "
        "the two grey lines are what an even row would give. Hits have one: the largest cell of the row, the target’s "
        "own left out, is the cue’s; chance is one in the other words, but averaging favours neighbours and value "
        "zeroing long words, which determiners are not: open marks are the untrained model. One half of the sentences "
        "chose layers (for maps nouns and verbs together, for hits each alone, written at the right) and the order of "
        "methods; the other half is shown, on maps those of one form. Bands and bars: 95 % intervals over sentences. "
        "A method is above all others if its paired difference to each has an interval above 0; verdicts are not "
        "corrected for one another. Attention is not the only way in: a positional convolution lets frames of wav2vec "
        "2.0 and HuBERT see each other (in the small models over 320 ms to either side) before T1, and nothing before "
        "T1 is measured here."
    )


def compose(paths, settings, study, models):
    """Return the figure of a study and the table of what it shows.

    Parameters
    ----------
    paths : of the tables, by the names of the rule's inputs
    settings : the figure's own entry, and that of its analysis
    study, models : as all figures take them
    """
    results, maps = read_table(paths.table), read_table(paths.maps)
    shown = plotting.select(results, "model", settings.get("models"), paths.table)
    lines = plotting.entries(shown, shown["model"].unique(), plotting.model_style(models))
    return draw(shown, maps, lines, study), shown
