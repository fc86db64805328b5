"""Draw what probes read by layer, and at the layer chosen on validation data, beside every baseline and control."""

from matplotlib.lines import Line2D

from auscult.activations.columns import ACOUSTIC
from auscult.figures import plotting
from auscult.tables import read_table

GREY = "#555555"
SHUFFLED = {"color": "#A9A9A9", "linestyle": (0, (1, 1)), "linewidth": 0.9, "marker": "x", "markersize": 3}
CONTROL = {"color": "#8A8A8A", "linestyle": "", "marker": "D", "markersize": 3.2, "markerfacecolor": "white"}
TWIN = {"linestyle": "", "marker": "+", "markersize": 5.5, "markeredgewidth": 1.1}
PEER = {"linestyle": "", "marker": "o", "markersize": 2.4, "markerfacecolor": "white", "markeredgewidth": 0.7}
PRIOR = {"color": GREY, "linestyle": "", "marker": "|", "markersize": 6}
METRICS = {"accuracy": "accuracy", "r2": "R²"}
TWINS = {"mlp": "MLP", "attention": "attention-pooled"}
# Rows of a random sample of items: not to be taken for those of all items.
SAMPLED = (*TWINS, "ridge (sample)")
ROW_MM = 4
# Twins and their peer lie below the probe of all items, which they are not to be compared with.
LOWER = 0.28
LOWEST_R2 = -0.5


def draw(table, entries, study, ceilings):
    """Return the figure: for each corpus and target curves over layers and chosen layers, then the controls."""
    main = table[table["metric"].isin(METRICS) & (table["n_train"].isna() | table["probe"].isin(SAMPLED))]
    panels = list(main.groupby(["corpus", "target"], sort=False))
    controls = [rows for _, rows in table.groupby(["corpus", "target"], sort=False) if is_controlled(rows)]
    pairs = [panels[place : place + 2] for place in range(0, len(panels), 2)]
    # Side by side, panels share the names of their lines; a model that is in neither has none.
    listed = [present(entries, *(rows for _, rows in pair)) for pair in pairs]
    heights_mm = [mm for lines in listed for mm in (56, 10 + ROW_MM * len(lines), 3)]
    controlled = [present(entries, rows) for rows in controls]
    blocks_mm = [sum(heights_mm)] + [26 + ROW_MM * len(lines) for lines in controlled]
    figure = plotting.new_figure(sum(blocks_mm), [legend(table, entries)], note(table, main, study) + ceilings)
    blocks = figure.add_gridspec(len(blocks_mm), 1, height_ratios=blocks_mm)
    grid = blocks[0].subgridspec(len(heights_mm), len(pairs[0]), height_ratios=heights_mm).subplots(squeeze=False)
    for axes in grid.flat:
        axes.set_axis_off()
    for place, (pair, lines) in enumerate(zip(pairs, listed)):
        for column, ((corpus, target), rows) in enumerate(pair):
            curves, forest, _ = grid[3 * place : 3 * place + 3, column]
            curves.set_axis_on()
            forest.set_axis_on()
            draw_curves(curves, rows[~rows["probe"].isin(SAMPLED)], present(entries, rows))
            plotting.head(curves, f"{corpus} · {target.replace('_', ' ')}", describe(rows))
            draw_chosen(forest, rows, lines, named=column == 0)
    for block, rows, lines in zip(list(blocks)[1:], controls, controlled):
        draw_controls(block.subgridspec(1, 3).subplots(), rows, lines)
    return figure


def present(entries, *tables):
    """Return the entries that have rows in any of the tables."""
    return [entry for entry in entries if any(len(entry.rows(rows)) for rows in tables)]


def draw_curves(axes, rows, entries):
    """Draw the curve of each model over its layers, and a horizontal line for each baseline and for chance."""
    metric = rows["metric"].iloc[0]
    layers = [layer for layer in plotting.layer_order(rows["layer"]) if layer not in ("input", "selected")]
    rows = rows[rows["layer"] != "selected"].assign(x=rows["layer"].map({name: x for x, name in enumerate(layers)}))
    chance = rows.loc[rows["labels"] == "true", "chance"].iloc[0]
    bottom, top = limits(metric, rows)
    axes.axhline(chance, color=GREY, linestyle=":", linewidth=1)
    names = [("the mean" if metric == "r2" else "chance", chance, GREY)]
    for entry in entries:
        mine, style = entry.rows(rows).sort_values("x"), entry.style
        true, shuffled = mine[mine["labels"] == "true"], mine[mine["labels"] == "shuffled"]
        if style.baseline:
            for value, low, high in true[["value", "ci_low", "ci_high"]].to_numpy():
                axes.axhspan(low, high, color=style.colour, alpha=0.12, linewidth=0)
                axes.axhline(value, color=style.colour, linestyle=style.dashes, linewidth=1)
                names.append((style.label, max(value, bottom), style.colour))
            continue
        axes.plot(shuffled["x"], shuffled["value"], **SHUFFLED)
        axes.fill_between(true["x"], true["ci_low"], true["ci_high"], color=style.colour, alpha=0.2, linewidth=0)
        axes.plot(true["x"], true["value"], **style.line)
    axes.set(ylim=(bottom, top), xlim=(-0.3, max(len(layers), 1) - 0.7), xlabel="layer", ylabel=METRICS[metric])
    step = max(1, -(-len(layers) // 8))
    axes.set_xticks(range(len(layers))[::step], layers[::step])
    plotting.label_lines(axes, names, gap=0.085 * (top - bottom))


def draw_chosen(axes, rows, entries, named):
    """Draw one row an entry: the linear probe at the chosen layer with interval, its control, below it its twins."""
    metric = rows["metric"].iloc[0]
    linear = rows[~rows["probe"].isin(SAMPLED)]
    axes.axvline(linear.loc[linear["labels"] == "true", "chance"].iloc[0], color=GREY, linestyle=":", linewidth=1)
    for y, entry in enumerate(entries):
        mine = chosen(entry.rows(linear))
        shuffled = mine[mine["labels"] == "shuffled"]
        axes.plot(shuffled["value"], [y] * len(shuffled), **{**SHUFFLED, "linestyle": ""})
        draw_sampled(axes, chosen(entry.rows(rows[rows["labels"] == "true"])), y, entry.style)
        for row in mine[mine["labels"] == "true"].itertuples():
            interval(axes, row, y, entry.style)
            text = f"{row.value:.2f}" + ("" if row.selected_layer == "input" else f"  {row.selected_layer}")
            axes.text(1.03, y, text, transform=axes.get_yaxis_transform(), fontsize=7, va="center")
    list_entries(axes, entries, named)
    axes.set(xlim=limits(metric, linear), xlabel=f"{METRICS[metric]} at the chosen layer")


def draw_controls(grid, rows, entries):
    """Draw accuracy on true and control labels, their difference, and compression, at the chosen layer."""
    rows = rows[rows["layer"] == "selected"]
    accuracy = rows[(rows["metric"] == "accuracy") & rows["n_train"].isna()]
    selectivity, codes = rows[rows["metric"] == "selectivity"], rows[rows["metric"] == "compression"]
    accuracy = accuracy if len(selectivity) else accuracy[:0]
    for axes, part in zip(grid, (accuracy, selectivity, codes)):
        if part.empty:
            axes.set_axis_off()
            continue
        for y, entry in enumerate(entries):
            mine = entry.rows(part)
            linear = mine[~mine["probe"].isin(SAMPLED)]
            true, control = linear[linear["labels"] == "true"], linear[linear["labels"] == "control"]
            if len(true) and len(control):
                ends = [true["value"].iloc[0], control["value"].iloc[0]]
                axes.plot(ends, [y, y], color=entry.style.colour, alpha=0.35, linewidth=2)
            draw_sampled(axes, mine, y, entry.style)
            axes.plot(control["value"], [y] * len(control), **CONTROL)
            if part is codes:
                axes.plot(true["chance"], [y] * len(true), **PRIOR)
            for row in true.itertuples():
                interval(axes, row, y, entry.style)
        list_entries(axes, entries, part is accuracy or (part is codes and accuracy.empty))
    about = f"{rows['corpus'].iloc[0]} · {rows['target'].iloc[0].replace('_', ' ')}"
    if len(selectivity):
        grid[0].set(xlim=(0, 1), xlabel="accuracy, true and control")
        plotting.head(grid[0], f"{about}: control", describe_types(accuracy))
        grid[1].axvline(0, color=GREY, linestyle=":", linewidth=1)
        grid[1].set(xlabel="selectivity: true − control")
        plotting.head(grid[1], "selectivity", ["at the chosen layer", plotting.describe_interval(selectivity)])
    if len(codes):
        grid[2].axvline(1, color=GREY, linestyle=":", linewidth=1)
        grid[2].set(xlabel="compression, × fewer bits")
        lines = [f"n = {plotting.describe_range(codes['n'])}", plotting.describe_interval(codes)]
        plotting.head(grid[2], "online code length" if len(selectivity) else f"{about}: online code", lines)


def draw_sampled(axes, rows, y, style):
    """Draw the twins among the rows of an entry, and beside them the linear probe of the same items."""
    for probe, marks in {SAMPLED[-1]: PEER, **dict.fromkeys(TWINS, TWIN)}.items():
        mine = rows[rows["probe"] == probe]
        axes.plot(mine["value"], [y + LOWER] * len(mine), **marks, color=style.colour, zorder=4)


def list_entries(axes, entries, named):
    """Give every entry a line of the axes, with its name where there is room for it."""
    axes.set_ylim(len(entries) - 0.4, -0.6)
    axes.set_yticks(range(len(entries)), [entry.name if named else "" for entry in entries])
    axes.tick_params(axis="y", length=0)
    axes.spines["left"].set_visible(False)
    axes.grid(axis="y")


def interval(axes, row, y, style):
    """Draw a value with its interval on a line of the axes."""
    axes.plot([row.ci_low, row.ci_high], [y, y], color=style.colour, linewidth=1.2)
    axes.plot(row.value, y, **style.marks)


def limits(metric, rows):
    """Return the range of an axis; R² may fall below 0, far below for probes that overfit."""
    return (max(LOWEST_R2, min(-0.08, rows["value"].min() - 0.03)), 1) if metric == "r2" else (0, 1)


def is_controlled(rows):
    """Say whether a target has a control task or a code length at the chosen layer."""
    return (rows["metric"].isin(["selectivity", "compression"]) & (rows["layer"] == "selected")).any()


def chosen(rows):
    """Return the rows of the layer chosen on validation data; a baseline has one layer to choose."""
    return rows[rows["layer"] == "selected"]


def legend(table, entries):
    """Return the handles: models, then what else is drawn of them."""
    handles = [Line2D([], [], **entry.style.line) for entry in entries if not entry.style.baseline]
    handles += [Line2D([], [], **SHUFFLED, label="control: shuffled labels")]
    handles += [Line2D([], [], color=GREY, linestyle=":", linewidth=1, label="chance: most frequent class")]
    if (table["labels"] == "control").any():
        handles += [Line2D([], [], **CONTROL, label="control: a random label per type")]
    twins = [name for twin, name in TWINS.items() if (table["probe"] == twin).any()]
    if twins:
        handles += [Line2D([], [], **TWIN, color=GREY, label=f"{' or '.join(twins)} probe")]
        handles += [Line2D([], [], **PEER, color=GREY, label="linear probe on the same items")]
    if (table["metric"] == "compression").any():
        handles += [Line2D([], [], **PRIOR, label="code without vectors")]
    return handles


def describe(rows):
    """Say on how many items of how many classes and speakers a panel rests, and what was held out."""
    true = chosen(rows[(rows["labels"] == "true") & ~rows["probe"].isin(SAMPLED)])
    n, groups, classes = (plotting.describe_range(true[column]) for column in ("n", "n_groups", "n_classes"))
    counts = f"n = {n} of {groups} {plotting.resampling_unit(true)}s"
    kinds = [] if classes == "0" else [f"{classes} classes"]
    return " · ".join([*kinds, counts]), f"held out: {held_out(true)} · {plotting.describe_interval(true)}"


def held_out(rows):
    """Say what test items share with no training item."""
    names = {"type": "types", "speaker+type": "speakers, types"}
    return ", ".join(names.get(name, f"{name}s") for name in dict.fromkeys(rows["held_out"].dropna()))


def describe_types(rows):
    """Say what a type is, and how many tested items have one that training has, too: what memory could tell."""
    rows = rows[rows["type"].notna()]
    known = 100 * rows["type_overlap"].mean()
    return [
        f"one random label per {rows['type'].iloc[0].replace('_', ' ')}",
        f"{known:.0f} % of test items: type known",
    ]


def note(table, main, study):
    """Say what a reader of the figure alone must know."""
    folds = plotting.describe_range(table["n_folds"])
    text = (
        f"{plotting.describe_study(study, table['corpus'])} Scores on test data of {folds} folds; bands and bars are "
        "95 % intervals. Lower panels: each fold takes the layer that was best on its validation data, never on test "
        "data; the layer taken most often is named. × is the same probe on shuffled labels."
    )
    twins = main[main["probe"].isin(TWINS)]
    if len(twins):
        names = " and ".join(name for twin, name in TWINS.items() if (twins["probe"] == twin).any())
        n_train, n = (plotting.describe_range(twins[column]) for column in ("n_train", "n"))
        text += (
            f" {names} (+): trained on {n_train} of a random sample of {n} items, at the layer that the linear probe "
            "of all items chose; the small circle is the linear probe on the same items."
        )
    if table["held_out"].str.contains("type", na=False).any():
        text += " Intervals resample speakers only, where types are held out, too."
    if (main.loc[main["metric"] == "r2", "value"] < LOWEST_R2).any():
        text += f" R² below {LOWEST_R2:g} is not drawn.".replace("-", "−")
    if (table["metric"] == "selectivity").any():
        text += " Selectivity: accuracy minus that on control labels, which only memory of types can tell."
    if (table["metric"] == "compression").any():
        text += " Compression: n log₂ K bits over those of an online code that learns from the vectors as it goes."
    return text


def describe_ceilings(table, analysis, models):
    """Say which baseline holds the very values that a target asks for, such as F0 for log F0."""
    texts = []
    for target, entry in analysis.get("targets", {}).items():
        features = ACOUSTIC.get(entry["column"]) if (table["target"] == target).any() else None
        labels = [
            models[name].get("label", name)
            for name in table["model"].unique()
            if features and models[name].get("features") == features
        ]
        texts += [f" {label} holds {target.replace('_', ' ')} itself: a ceiling, not a baseline." for label in labels]
    return "".join(texts)


def compose(paths, settings, study, models):
    """Return the figure of a study and the table of what it shows.

    Parameters
    ----------
    paths : of the tables, by the names of the rule's inputs
    settings : the figure's own entry, and that of its analysis
    study, models : as all figures take them
    """
    results = read_table(paths.table)
    results = results[results["metric"].isin([*METRICS, "selectivity", "compression"])]
    results = results.reindex(columns=list(dict.fromkeys([*results.columns, "type", "type_overlap", "n_train"])))
    shown = plotting.select(results, "model", settings.get("models"), paths.table)
    lines = plotting.entries(shown, shown["model"].unique(), plotting.model_style(models))
    ceilings = describe_ceilings(shown, settings.get("analysis", {}), models)
    return draw(shown, lines, study, ceilings), shown
