"""Draw loss, attachment and grammatical accuracy against steps, with seeds and onsets; relations and paradigms."""

import re
from itertools import zip_longest

import numpy as np
import pandas as pd
from matplotlib.lines import Line2D
from matplotlib.ticker import MaxNLocator

from auscult.analyses.syntax.columns import ACCURACY, ALL, FIXED_OFFSET, LOSS, ONSET, UAS
from auscult.figures import plotting
from auscult.tables import read_table

BASELINE = {"color": "#333333", "linestyle": (0, (4, 2)), "linewidth": 1}
UNTRAINED = {"color": "#333333", "linestyle": "", "marker": "o", "markerfacecolor": "white"}
CHANCE = {"color": "#777777", "linestyle": ":", "linewidth": 1}
CURVES = {
    LOSS: ("Loss at hidden words", "nats", "s"),
    UAS: ("Syntax in attention", "arcs found (UAS)", "^"),
    ACCURACY: ("Grammar", "minimal pairs right", "o"),
}
# Tol's schemes, apart from the models' palette: here a colour is a paradigm.
PARADIGMS = (
    "#332288",
    "#88CCEE",
    "#44AA99",
    "#117733",
    "#999933",
    "#DDCC77",
    "#CC6677",
    "#882255",
    "#AA4499",
    "#661100",
    "#6699CC",
    "#888888",
)
COUNTED = {LOSS: "words", UAS: "arcs", ACCURACY: "pairs"}
CURVE_MM = 46


def draw(table, onsets, styles, study):
    """Return the figure: for each corpus, three aligned curves, and beside them relations and paradigms."""
    have = {metric: list(dict.fromkeys(table.loc[table["metric"] == metric, "corpus"])) for metric in (UAS, ACCURACY)}
    blocks = list(zip_longest(have[UAS], have[ACCURACY]))
    families = group(table["model"].unique(), styles)
    figure = plotting.new_figure(3 * CURVE_MM * len(blocks), legends(table, families), note(table, onsets, study))
    for place, (parsed, paired) in zip(figure.add_gridspec(len(blocks), 1), blocks):
        left, right = place.subgridspec(1, 2, width_ratios=(1.25, 1), wspace=0.02)
        corpora = {LOSS: parsed, UAS: parsed, ACCURACY: paired}
        shared = None
        for line, metric in zip(left.subgridspec(3, 1), CURVES):
            axes = shared = figure.add_subplot(line, sharex=shared)
            mine = table[(table["metric"] == metric) & (table["corpus"] == corpora[metric]) & (table["target"] == ALL)]
            draw_curves(axes, mine, onsets, families, metric)
            if metric == UAS:
                draw_offsets(axes, table[(table["corpus"] == parsed) & (table["metric"] == FIXED_OFFSET)])
            name_steps(axes, table, last=metric == ACCURACY)
        upper, lower = right.subgridspec(2, 1)
        draw_relations(figure.add_subplot(upper), table[table["corpus"] == parsed], families)
        draw_paradigms(figure.add_subplot(lower), table[table["corpus"] == paired], families)
    return figure


def group(models, styles):
    """Return the models of each family, which differ only in their seed, and the style of the family."""
    families = {}
    for model in models:
        families.setdefault(re.sub(r"-(seed)?\d+$", "", model), []).append(model)
    return [(members, name_family(members, styles)) for members in families.values()]


def name_family(members, styles):
    """Return the style of the first member, named without its seed where there are several."""
    style = styles[members[0]]
    label = re.sub(r"[, ]*seed *\d+$", "", style.label) if len(members) > 1 else style.label
    return plotting.ModelStyle(label, style.colour, marker="")


def position(steps):
    """Return where steps stand: on the logarithm of step + 1; the checkpoint called final stands on the right."""
    numbers = pd.to_numeric(pd.Series(list(steps)), errors="coerce")
    return np.log1p(numbers.fillna(2 * numbers.max() if numbers.notna().any() else 1)).to_numpy()


def mean_curve(rows):
    """Return positions and the mean over models of a curve at the steps that all of them have."""
    wide = rows.pivot_table(index="step", columns="model", values="value", sort=False).dropna()
    x = position(wide.index)
    order = np.argsort(x)
    return x[order], wide.mean(axis=1).to_numpy()[order]


def draw_curves(axes, rows, onsets, families, metric):
    """Draw every seed as a thin line, their mean as a thick one, and the onset with its spread."""
    title, unit, marker = CURVES[metric]
    axes.set_ylabel(unit)
    if rows.empty:
        plotting.head(axes, title, ["not measured on these corpora"])
        return
    for members, style in families:
        mine = rows[rows["model"].isin(members)]
        if mine.empty:
            continue
        for _, seed in mine.groupby("model", sort=False):
            axes.plot(position(seed["step"]), seed["value"], color=style.colour, linewidth=0.6, alpha=0.55)
        axes.plot(*mean_curve(mine), color=style.colour, linewidth=1.5)
    if metric == ACCURACY:
        axes.axhline(0.5, **CHANCE)
        axes.set_ylim(min(0.44, rows["value"].min() - 0.02), 1.02)
    mark_onsets(axes, rows, onsets, families, metric, marker)
    counts = f"n = {plotting.describe_range(rows['n'])} {COUNTED[metric]}"
    unit = plotting.resampling_unit(rows)
    groups = f" of {plotting.describe_range(rows['n_groups'])} {unit}s" if unit != "pair" else ""
    plotting.head(axes, title, [f"{rows['corpus'].iloc[0]} · {counts}{groups}"])


def mark_onsets(axes, rows, onsets, families, metric, marker):
    """Mark on the mean curve of each family where it breaks, and from the first seed to the last."""
    dates = onsets[(onsets["metric"] == ONSET) & (onsets["curve"] == metric) & (onsets["target"] == ALL)]
    dates = dates[dates["corpus"] == rows["corpus"].iloc[0]]
    for members, style in families:
        steps = dates.loc[dates["model"].isin(members), "value"].dropna()
        mine = rows[rows["model"].isin(members)]
        if steps.empty or mine.empty:
            continue
        x, (at, values) = np.log1p(steps.to_numpy()), mean_curve(mine)
        y = np.interp(np.median(x), at, values)
        axes.plot([x.min(), x.max()], [y, y], color=style.colour, linewidth=3, alpha=0.4, solid_capstyle="butt")
        axes.plot(np.median(x), y, marker=marker, color=style.colour, markersize=6, markeredgecolor="white", zorder=4)


def draw_offsets(axes, rows):
    """Draw what the best fixed offsets find, and the height of a random other word."""
    mine = rows[rows["target"] == ALL]
    if len(mine):
        axes.axhline(mine["value"].iloc[0], **BASELINE)
        axes.axhline(mine["chance"].iloc[0], **CHANCE)
        axes.set_ylim(0, None)


def name_steps(axes, table, last):
    """Name the steps 0, 10, 100 … and the checkpoint called final."""
    numbers = pd.to_numeric(table["step"], errors="coerce").dropna()
    top = int(numbers.max()) if len(numbers) else 0
    ticks = [0, *(10**power for power in range(1, 8) if 10**power <= top)]
    names = [f"{tick:,}" for tick in ticks]
    if (table["step"] == "final").any():
        ticks, names = [*ticks, 2 * max(top, 1)], [*names, "final"]
    axes.set_xticks(np.log1p(ticks), names)
    axes.tick_params(labelbottom=last)
    axes.yaxis.set_major_locator(MaxNLocator(5))
    if last:
        axes.set_xlabel("step (logarithm of step + 1)")


def draw_relations(axes, table, families):
    """Draw the attachment of each relation at the last step, best offset and untrained model beside."""
    rows = table[table["metric"].isin([UAS, FIXED_OFFSET]) & (table["target"] != ALL)]
    members, style = families[0]
    rows = rows[rows["model"].isin(members)]
    if rows.empty:
        axes.set_axis_off()
        return
    steps = sorted(rows["step"].unique(), key=lambda step: position([step])[0] if step != "final" else np.inf)
    sizes = rows[(rows["metric"] == UAS) & (rows["step"] == steps[-1])].groupby("target")["n"].mean()
    names = sizes.sort_values(ascending=False).index.tolist()
    for y, name in enumerate(names):
        mine = rows[rows["target"] == name]
        last = mine[(mine["step"] == steps[-1]) & (mine["metric"] == UAS)]["value"]
        first = mine[(mine["step"] == steps[0]) & (mine["metric"] == UAS)]["value"].mean()
        offset = mine[mine["metric"] == FIXED_OFFSET]["value"].mean()
        axes.plot([offset, offset], [y - 0.36, y + 0.36], color="#333333", linewidth=1.5)
        axes.plot(first, y, marker="o", markersize=3.5, color=style.colour, markerfacecolor="white")
        axes.plot(last, [y] * len(last), linestyle="", marker="o", markersize=2.5, color=style.colour, alpha=0.5)
        axes.plot(last.mean(), y, marker="o", markersize=5, color=style.colour)
    axes.set_yticks(range(len(names)), names, fontsize=6.5)
    axes.set(ylim=(len(names) - 0.5, -0.5), xlim=(-0.02, 1.02), xlabel="arcs found (UAS)")
    axes.tick_params(axis="y", length=0)
    title = [f"{style.label} · step {steps[-1]}", f"n = {plotting.describe_range(sizes)} arcs a relation"]
    plotting.head(axes, "By relation, most frequent first", title)


def draw_paradigms(axes, table, families):
    """Draw the accuracy of each paradigm, as a mean over seeds, named at its end."""
    members, style = families[0]
    rows = table[(table["metric"] == ACCURACY) & (table["target"] != ALL) & table["model"].isin(members)]
    if rows.empty:
        axes.set_axis_off()
        return
    axes.axhline(0.5, **CHANCE)
    many = rows["target"].nunique() > len(PARADIGMS)
    ends = []
    for place, (name, mine) in enumerate(rows.groupby("target", sort=True)):
        colour = PARADIGMS[place % len(PARADIGMS)]
        x, y = mean_curve(mine)
        axes.plot(x, y, color=colour, linewidth=0.6 if many else 1.2, alpha=0.6 if many else 1)
        ends.append((name.replace("_", " "), y[-1], colour))
    axes.set(ylim=(-0.04, 1.04), ylabel="minimal pairs right")
    name_steps(axes, table, last=True)
    if not many:
        plotting.label_lines(axes, ends, gap=0.085)
    counts = f"n = {plotting.describe_range(rows['n'])} pairs a paradigm"
    seeds = f"mean of {len(members)} seeds" if len(members) > 1 else ""
    plotting.head(
        axes,
        "Grammar, by paradigm",
        [f"{style.label} · {rows['corpus'].iloc[0]}", ", ".join(filter(None, [counts, seeds]))],
    )


def legends(table, families):
    """Return the handles of the families, and of what stands beside them."""
    lines = [Line2D([], [], color=style.colour, linewidth=1.5, label=style.label) for _, style in families]
    marks = [
        Line2D([], [], color="#333333", linestyle="", marker=CURVES[metric][2], label=f"onset: {what}")
        for metric, what in ((LOSS, "loss"), (UAS, "structure"), (ACCURACY, "capability"))
    ]
    beside = [
        Line2D([], [], **BASELINE, label="best fixed offset"),
        Line2D([], [], **CHANCE, label="chance"),
        Line2D([], [], **UNTRAINED, label="by relation: untrained"),
    ]
    return [lines, marks, beside]


def note(table, onsets, study):
    """Say what a reader of the figure alone must know."""
    return (
        f"{plotting.describe_study(study, table['corpus'])} Thin lines are seeds, thick ones their mean; step 0 is the "
        "untrained model. UAS: the attention head that finds most heads of a relation, looking either way, is chosen "
        "on one half of the sentences and scored on the other; the baseline is the best fixed offset, from 3 words "
        "before to 2 after, chosen alike; root, punctuation and rare relations are left out. Accuracy: the mean over "
        "paradigms of minimal pairs whose good sentence has the higher pseudo-log-likelihood, ties one half. Onset: "
        "where a curve has made half of its way from step 0 to the last and stays beyond; on the mean curve the median "
        f"over seeds, the bar from the first seed to the last. {describe_dates(onsets)}The table beside this figure "
        "holds 95 % intervals over sentences and over pairs."
    )


def describe_dates(onsets):
    """Write the onsets of each family, with the range over seeds, in words."""
    rows = onsets[(onsets["metric"] == ONSET) & (onsets["target"] == ALL) & onsets["value"].notna()]
    groups = rows[rows["ci_low"].notna()]
    alone = rows[rows["ci_low"].isna() & ~rows["model"].str.contains(r"-(?:seed)?\d+$")]
    parts = []
    for model, mine in pd.concat([groups, alone]).groupby("model", sort=False):
        dates = [
            f"{row.curve} {row.value:.0f}" + ("" if np.isnan(row.ci_low) else f" ({row.ci_low:.0f}–{row.ci_high:.0f})")
            for row in mine.itertuples()
        ]
        parts.append(f"{model} {', '.join(dates)}")
    return f"Onsets: {'; '.join(parts)}. " if parts else ""


def compose(paths, settings, study, models):
    """Return the figure of a study and the table of what it shows.

    Parameters
    ----------
    paths : of the tables, by the names of the rule's inputs
    settings : the figure's own entry, and that of its analysis
    study, models : as all figures take them
    """
    results, dates = read_table(paths.table), read_table(paths.onsets)
    shown = plotting.select(results, "model", settings.get("models"), paths.table)
    picture = draw(shown, dates, plotting.model_style(models), study)
    return picture, shown
