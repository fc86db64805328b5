"""Draw how recognisers write words whose number only a cue tells: with the cue heard, silenced, and before training."""

from matplotlib.lines import Line2D
from matplotlib.patches import Patch

from auscult.figures import plotting
from auscult.tables import read_table

CHANCE = {"color": "#555555", "linestyle": ":", "linewidth": 1}
UNTRAINED = plotting.ModelStyle("untrained", "#777777", marker="x")
TARGETS = ("noun", "verb")
# Marks of the left panels: metric, how the mark is filled, label.
MARKS = (
    ("number_right", True, "cue heard: share of all targets"),
    ("number_right_silenced", False, "cue silenced: balanced, of targets with a number"),
)
# Of the right panels; apart from the models' palette.
PARTS = {
    "exact": ("#117733", "right, letter by letter"),
    "right": ("#88CCAA", "right number, stem misspelt"),
    "wrong": ("#CC6677", "wrong number"),
    "neither": ("#DDDDDD", "neither: missing or not to be told"),
}
CONDITIONS = (("", "heard"), ("_silenced", "silenced"))


def draw(table, entries, study):
    """Return the figure: for each corpus and trained recogniser, the share of numbers right and what was written."""
    trained = [entry for entry in entries if entry.step != "0"] or entries
    shown = [
        (corpus, entry, table[(table["corpus"] == corpus) & (table["model"] == entry.model)])
        for corpus in table["corpus"].unique()
        for entry in trained
    ]
    shown = [(corpus, entry, rows) for corpus, entry, rows in shown if len(rows)]
    figure = plotting.new_figure(66 * len(shown), legends(entries), note(table, study))
    panels = figure.subplots(len(shown), 2, squeeze=False, width_ratios=(1, 1.5))
    for (left, right), (corpus, entry, rows) in zip(panels, shown):
        draw_shares(left, rows, entry, corpus)
        draw_written(right, rows, entry, corpus)
    return figure


def draw_shares(axes, rows, entry, corpus):
    """Draw how many targets are spelt in the right number, each share with its interval."""
    axes.axhline(0.5, **CHANCE)
    runs = [(entry.style, entry.rows(rows))]
    if entry.step != "0":
        runs.append((UNTRAINED, rows[rows["step"].astype(str) == "0"]))
    targets = [target for target in TARGETS if target in set(rows["target"])]
    places = [(style, mine, mark) for mark in MARKS for style, mine in runs]
    for place, (style, mine, (metric, filled, _)) in enumerate(places):
        values = mine[mine["metric"] == metric].set_index("target")[["value", "ci_low", "ci_high"]]
        shift = 0.17 * (place - (len(places) - 1) / 2)
        for x, target in enumerate(targets):
            if target in values.index:
                draw_share(axes, x + shift, values.loc[target], style, filled or style is UNTRAINED)
    axes.set(xlim=(-0.5, len(targets) - 0.5), ylim=(-0.03, 1.03), ylabel="number right")
    axes.set_xticks(range(len(targets)), targets)
    axes.tick_params(axis="x", length=0)
    heard = entry.rows(rows[(rows["metric"] == "number_right") & rows["target"].isin(targets)])
    silenced = entry.rows(rows[(rows["metric"] == "number_right_silenced") & rows["target"].isin(targets)])
    counts = f"n = {plotting.describe_range(heard['n'])}, silenced {plotting.describe_range(silenced['n'])}"
    speakers = f"{plotting.describe_range(heard['n_groups'])} speakers"
    lines = [f"{corpus} · {entry.style.label}", f"{counts}; {speakers}", plotting.describe_interval(heard)]
    plotting.head(axes, "Number spelt right", lines)


def draw_share(axes, x, row, style, filled):
    """Draw one share with its interval."""
    axes.plot([x, x], [row["ci_low"], row["ci_high"]], color=style.colour, linewidth=1.2, zorder=2)
    face = style.colour if filled else "white"
    axes.plot(x, row["value"], marker=style.marker, color=style.colour, markerfacecolor=face, markersize=4.5, zorder=3)


def draw_written(axes, rows, entry, corpus):
    """Draw what the trained model writes for the targets, as stacked shares."""
    mine = entry.rows(rows)
    bars = [(target, ending, name) for target in TARGETS for ending, name in CONDITIONS]
    bars = [bar for bar in bars if bar[0] in set(mine["target"])]
    for y, (target, ending, _) in enumerate(bars):
        left = 0.0
        for part, share in written(mine[mine["target"] == target].set_index("metric")["value"], ending).items():
            axes.barh(y, share, left=left, color=PARTS[part][0], height=0.7)
            if share >= 0.055:
                text = f"{share:.2f}".removeprefix("0")
                colour = "white" if part == "exact" else "#222222"
                axes.text(left + share / 2, y, text, ha="center", va="center", fontsize=7, color=colour)
            left += share
    axes.set_yticks(range(len(bars)), [f"{target}, cue {name}" for target, _, name in bars])
    axes.set(xlim=(0, 1), ylim=(len(bars) - 0.5, -0.5), xlabel="share of targets")
    axes.tick_params(axis="y", length=0)
    rates = mine[mine["target"] == "all"].set_index("metric")["value"]
    errors = [f"{unit} error rate {rates[f'{unit}_error_rate']:.3f}" for unit in ("character", "word")]
    counts = f"n = {plotting.describe_range(mine.loc[mine['metric'].isin(PARTS) & mine['target'].isin(TARGETS), 'n'])}"
    plotting.head(axes, "What is written", [f"{corpus} · {entry.style.label}", counts, ", ".join(errors)])


def written(values, ending):
    """Return the share of targets for each of :data:`PARTS`."""
    clear, wrong, exact = (values[f"{name}{ending}"] for name in ("number_clear", "number_wrong", "exact"))
    return {"exact": exact, "right": clear - wrong - exact, "wrong": wrong, "neither": 1 - clear}


def legends(entries):
    """Return the handles of the marks, and of what was written."""
    style = next((entry.style for entry in entries if entry.step != "0"), entries[0].style)
    marks = [
        Line2D(
            [],
            [],
            color=style.colour,
            linestyle="",
            marker=style.marker,
            label=label,
            markerfacecolor=style.colour if filled else "white",
        )
        for _, filled, label in MARKS
    ]
    if any(entry.step == "0" for entry in entries):
        marks.append(Line2D([], [], color=UNTRAINED.colour, linestyle="", marker="x", label=UNTRAINED.label))
    marks.append(Line2D([], [], **CHANCE, label="chance, cue silenced"))
    return [marks, [Patch(color=colour, label=label) for colour, label in PARTS.values()]]


def note(table, study):
    """Say what a reader of the figure alone must know."""
    return (
        f"{plotting.describe_study(study, table['corpus'])} Noun and verb sound alike in singular and plural: the "
        "determiner is the only word that tells. Voices and sentences are not those of training. A target’s number "
        "is right if what is written for it is nearer, in letters, to its own spelling than to that of the other "
        "number, and at most half of its letters away. Silenced: a silence of one length, 150 ms, stands for the "
        "determiner and the first 30 ms of the next word; of the targets that still have a number, the mean of "
        "singulars and plurals that are right has a chance of .5, whatever number is written most. A little "
        "coarticulation may remain. An untrained recogniser seldom writes a word: no mark where nothing has a "
        "number."
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
