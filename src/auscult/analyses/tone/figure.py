"""Draw the accuracy of consonants and tones while models learn, what is above what at the end, and maps by layer."""

import numpy as np
from matplotlib.lines import Line2D

from auscult.analyses.tone.analysis import CONTOUR, SELECTED
from auscult.figures import plotting
from auscult.seeds import task_of
from auscult.tables import read_table

CHANCE = {"color": "#555555", "linestyle": ":", "linewidth": 1}
CURVES_MM, LINE_MM, MAP_MM = 66, 4.6, 30


def draw(table, summary, styles, settings, study):
    """Return the figure: for each corpus curves, differences and maps, a column for each contrast and pooling."""
    blocks = [(table[table["corpus"] == corpus], rows) for corpus, rows in summary.groupby("corpus", sort=False)]
    heights_mm = [mm for _, rows in blocks for mm in heights(rows, styles)]
    figure = plotting.new_figure(sum(heights_mm), [legend(styles)], note(summary, settings, study))
    grid = figure.add_gridspec(len(heights_mm), 1, height_ratios=heights_mm)
    for place, (rows, condensed) in enumerate(blocks):
        columns = panels_of(condensed)
        shown = [name for name in trained(styles) if (condensed["model"] == name).any()]
        parts = [grid[3 * place + part].subgridspec(n, len(columns)) for part, n in enumerate((1, 1, len(shown)))]
        for column, (target, pooling) in enumerate(columns):
            mine = condensed[(condensed["target"] == target) & condensed["pooling"].isin([pooling, CONTOUR])]
            curves, forest = (figure.add_subplot(part[0, column]) for part in parts[:2])
            draw_curves(curves, rows, mine, target, pooling, styles)
            curves.set_ylim(limits(condensed[condensed["target"] == target]))
            draw_differences(forest, mine, styles, column == 0)
            by_layer = rows[(rows["target"] == target) & (rows["pooling"] != CONTOUR)]
            axes = [figure.add_subplot(parts[2][row, column]) for row in range(len(shown))]
            draw_maps(figure, axes, by_layer, pooling, shown, styles, column == 0)
            curves.set_ylabel("accuracy" if column == 0 else "")
    return figure


def heights(summary, styles):
    """Return the heights of the three parts of a corpus, in millimetres."""
    n_maps = sum((summary["model"] == name).any() for name in trained(styles))
    return [CURVES_MM, 14 + LINE_MM * len(compared(summary)), MAP_MM * n_maps + 12]


def trained(styles):
    """Return the conditions that are no baselines."""
    return [name for name, style in styles.items() if not style.baseline]


def panels_of(summary):
    """Return the pairs of contrast and pooling, in the order of the table."""
    own = summary[summary["pooling"] != CONTOUR]
    return list(dict.fromkeys(zip(own["target"], own["pooling"])))


def compared(summary):
    """Return what is compared with what: (condition, other condition), the untrained model first of each."""
    gaps = summary[summary["metric"] == "accuracy_difference"]
    return list(dict.fromkeys(zip(gaps["model"], gaps["other_model"])))


def draw_curves(axes, rows, summary, target, pooling, styles):
    """Draw accuracy against steps: the mean over seeds with its interval, each seed, baselines and chance."""
    rows = rows[(rows["layer"] == SELECTED) & (rows["metric"] == "accuracy") & (rows["target"] == target)]
    means = summary[summary["metric"] == "accuracy"]
    steps = steps_of(means)
    for condition, style in styles.items():
        mine = means[means["model"] == condition]
        if style.baseline:
            for value, low, high in mine[["value", "ci_low", "ci_high"]].to_numpy():
                axes.axhspan(low, high, color=style.colour, alpha=0.12, linewidth=0)
                axes.axhline(value, color=style.colour, linestyle=style.dashes, linewidth=1.1)
            continue
        x = mine["step"].map(steps)
        axes.fill_between(x, mine["ci_low"], mine["ci_high"], color=style.colour, alpha=0.18, linewidth=0)
        axes.plot(x, mine["value"], **{**style.line, "markersize": 3.4})
        for _, seed in rows[(rows["model"].map(task_of) == condition) & (rows["pooling"] == pooling)].groupby("model"):
            axes.plot(seed["step"].map(steps), seed["value"], color=style.colour, linewidth=0.6, alpha=0.75)
    own = means[means["pooling"] == pooling]
    axes.axhline(own["chance"].iloc[0], **CHANCE)
    names, places = [*steps], [*steps.values()]
    axes.set_xticks(places, names, rotation=90 if len(names) > 4 else 0)
    axes.set(xlabel="training steps", xlim=(-0.25, max(places) + 0.25))
    axes.grid(axis="y")
    plotting.head(axes, f"{target.capitalize()}, {described(pooling)}", counts(own, rows))


def counts(own, rows):
    """Return the lines under a panel's title."""
    classes = int(rows["n_classes"].iloc[0])
    dropped = int(rows["n_dropped"].max())
    first = (
        f"{classes} classes, n = {int(own['n'].iloc[0]):,} ({dropped} dropped)"
        if dropped
        else (f"{classes} classes, n = {int(own['n'].iloc[0]):,}")
    )
    held_out = f"of {own['n_groups'].iloc[0]} voices, {own['n_strings'].iloc[0]} strings, none met"
    return [first, held_out, plotting.describe_interval(own)]


def described(pooling):
    """Return the name of a pooling as a reader takes it."""
    return {"mean": "mean of the syllable", "contour": "three frames"}.get(pooling, pooling.replace("-", " "))


def steps_of(rows):
    """Return where each training step is drawn: logarithmic, with room for step 0."""
    names = sorted(
        set(rows.loc[rows["pooling"] != CONTOUR, "step"]), key=lambda name: float(name.replace("final", "inf"))
    )
    numbers = [float(name) for name in names if name not in ("0", "final")]
    first = min(numbers, default=1.0)
    places = {name: np.log2(1 + float(name) / first) for name in names if name != "final"}
    # An only checkpoint without a number stands to the right of the untrained model.
    return places | ({"final": max(places.values(), default=0) + 1} if "final" in names else {})


def limits(summary):
    """Return the range of the vertical axes of a contrast: from below chance to above the highest interval."""
    means = summary[summary["metric"] == "accuracy"]
    low, high = means[["value", "chance", "ci_low"]].min(axis=None), means[["value", "ci_high"]].max(axis=None)
    return max(0, low - 0.06), min(1, high + 0.05)


def draw_differences(axes, summary, styles, first):
    """Draw the paired differences of the last checkpoint from the untrained one, baselines and other conditions."""
    gaps, pairs = summary[summary["metric"] == "accuracy_difference"], compared(summary)
    axes.axvline(0, **CHANCE)
    for place, (condition, other) in enumerate(pairs):
        row = gaps[(gaps["model"] == condition) & (gaps["other_model"] == other)].iloc[0]
        colour = styles[condition].colour
        axes.plot([row["ci_low"], row["ci_high"]], [place, place], color=colour, linewidth=1.4)
        axes.plot(row["value"], place, **{**styles[condition].marks, "markersize": 4})
        axes.plot([row["seed_low"], row["seed_high"]], [place + 0.28] * 2, color=colour, linewidth=0.6)
    axes.set(ylim=(len(pairs) - 0.4, -0.6), xlabel="difference in accuracy")
    axes.set_yticks(range(len(pairs)), [versus(*pair, styles) for pair in pairs] if first else [], fontsize=7)
    axes.tick_params(axis="y", length=0)
    axes.grid(axis="x")


def versus(condition, other, styles):
    """Name a comparison."""
    against = "untrained" if other == condition else short(styles[other].label)
    return f"{short(styles[condition].label)} − {against}"


def short(label):
    """Return what tells a condition from the others: the language in brackets, where its label has one."""
    return label[label.rfind("(") + 1 : -1] if label.endswith(")") else label


def draw_maps(figure, axes, rows, pooling, shown, styles, first):
    """Draw accuracy by layer and step, a map for each condition, means over seeds, on one scale for a contrast."""
    rows = rows[(rows["layer"] != SELECTED) & (rows["metric"] == "accuracy")].assign(
        condition=rows["model"].map(task_of)
    )
    everywhere = rows.groupby(["pooling", "condition", "layer", "step"], sort=False)["value"].mean()
    means, rows = everywhere.loc[pooling], rows[rows["pooling"] == pooling]
    scale = {"vmin": everywhere.min(), "vmax": everywhere.max()}
    for place, (panel, condition) in enumerate(zip(axes, shown)):
        values = means.loc[condition].unstack("step")
        layers, steps = (
            plotting.layer_order(values.index)[::-1],
            list(steps_of(rows[rows["condition"] == condition])),
        )
        image = panel.imshow(values.loc[layers, steps], cmap="viridis", **scale, aspect="auto")
        panel.set_yticks(range(len(layers))[:: -(-len(layers) // 8)], layers[:: -(-len(layers) // 8)] if first else [])
        last = place == len(shown) - 1
        panel.set_xticks(range(len(steps)), steps if last else [], rotation=90 if len(steps) > 4 else 0)
        panel.tick_params(length=0)
        panel.spines[:].set_visible(False)
        panel.set_ylabel(short(styles[condition].label) if first else "")
    axes[-1].set_xlabel("training steps")
    figure.colorbar(image, ax=axes, aspect=30, pad=0.02).outline.set_visible(False)


def legend(styles):
    """Return the handles of conditions, baselines, seeds and chance."""
    lines = [Line2D([], [], **style.line) for style in styles.values() if not style.baseline]
    lines += [
        Line2D([], [], color=style.colour, linestyle=style.dashes, label=f"{style.label}, 21 frames")
        for style in styles.values()
        if style.baseline
    ]
    lines.append(Line2D([], [], color="#333333", linewidth=0.6, label="single seeds"))
    return [*lines, Line2D([], [], **CHANCE, label="chance: most frequent class")]


def note(summary, settings, study):
    """Say what a reader of the figure alone must know."""
    analysis = settings["analysis"]
    tiers = " and ".join(
        f"“{described(name)}” reads {', '.join(tiers)}" for name, tiers in analysis["poolings"].items()
    )
    seeds = plotting.describe_range(summary.loc[summary["pooling"] != CONTOUR, "n_seeds"])
    return (
        f"{plotting.describe_study(study, summary['corpus'])} Mandarin syllables; {tiers}. Each is tested by a ridge "
        f"classifier that has met neither its voice nor its string, at a layer and penalty chosen on other voices and "
        f"strings. Step 0 is the untrained model. Middle: paired differences at the last step, 95 % intervals over "
        f"voices and strings; thin lines below, the range over seeds ({seeds} of each condition, which no interval "
        f"resamples). Below: accuracy by layer, mean over seeds.{sandhi(summary)}"
    )


def sandhi(summary):
    """Say which tone is read where the spoken one is not that of the dictionary."""
    said = summary[summary["metric"].isin(["says_spoken", "says_citation"]) & (summary["pooling"] != CONTOUR)]
    if said.empty:
        return ""
    spoken, citation = (
        plotting.describe_range(100 * said.loc[said["metric"] == metric, "value"].round(2))
        for metric in ("says_spoken", "says_citation")
    )
    return (
        f" Third tones before third tones are said, and labelled, as second ones: of {int(said['n'].iloc[0])} such "
        f"syllables the models’ probes read the spoken tone in {spoken} %, the dictionary’s in {citation} %."
    )


def condition_styles(summary, models, wanted):
    """Return the look of each condition, that of its first seed, in the order of the study's models."""
    looks, found = plotting.model_style(models), set(summary["model"])
    order = [name for name in wanted if not looks[name].baseline] + [name for name in models if looks[name].baseline]
    styles = {}
    for name in order:
        if task_of(name) in found:
            styles.setdefault(task_of(name), looks[name])
    return styles


def compose(paths, settings, study, models):
    """Return the figure of a study and the table of what it shows.

    Parameters
    ----------
    paths : of the tables, by the names of the rule's inputs
    settings : the figure's own entry, and that of its analysis
    study, models : as all figures take them
    """
    table, summary = read_table(paths.table), read_table(paths.summary)
    summary["other_step"] = summary["other_step"].astype(str)
    wanted = settings.get("models") or list(dict.fromkeys(table["model"]))
    plotting.select(table, "model", wanted, paths.table)
    baselines = [name for name in table["model"].unique() if models.get(name, {}).get("source") == "acoustic"]
    table = plotting.select(table, "model", [*wanted, *(b for b in baselines if b not in wanted)], paths.table)
    styles = condition_styles(summary, models, wanted)
    summary = summary[
        summary["model"].isin(styles) & (summary["other_model"].isna() | summary["other_model"].isin(styles))
    ]
    figure = draw(table, summary, styles, settings, study)
    return figure, summary
