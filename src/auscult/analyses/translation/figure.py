"""Draw the gender that translators write against what a probe hears, with controls, and published values apart."""

import numpy as np
from matplotlib.lines import Line2D

from auscult.figures import plotting
from auscult.seeds import task_of
from auscult.tables import read_table

CHANCE = {"color": "#555555", "linestyle": ":", "linewidth": 1}
LINE = {"color": "#333333", "linewidth": 1.1}
MARKERS = ("o", "s", "^", "D", "v", "P")
SPEAKERS = {"she_accuracy": ("women (She)", True), "he_accuracy": ("men (He)", False)}
# Of the published models, apart from the palette of ours.
PUBLISHED = {"enc-dec": "#332288", "ZeroSwot": "#AA4499", "Seamless": "#999933"}
READ_BY_DECODER = {"enc-dec": "encoder", "ZeroSwot": "post-adapter", "Seamless": "post-adapter"}


def draw(table, summary, probes, accuracies, conditions, baselines, settings, study):
    """Return the figure: three panels of points, our voices, voices dealt at random and published, and three below."""
    languages = sorted(set(summary["target"]) - {"all"})
    figure = plotting.new_figure(128, legends(conditions, languages, baselines), note(table, summary, settings, study))
    (points, control, published), (spoken, stages, reference) = figure.subplots(2, 3)
    draw_points(points, summary[summary["control"].isna()], conditions, languages, "Heard and written")
    draw_points(
        control, summary[summary["control"] == "shuffled"], conditions, languages, "Control: voices dealt at random"
    )
    draw_published_points(published, probes, accuracies)
    draw_speakers(spoken, summary[summary["control"].isna()], conditions)
    draw_stages(stages, table, conditions, baselines)
    draw_published_speakers(reference, accuracies)
    return figure


def draw_points(axes, rows, conditions, languages, title):
    """Draw a point for each model and language, with its intervals, the line, and what it explains."""
    scale(axes, "probe, macro F1", "gender accuracy")
    values = rows[rows["target"].isin(languages)].set_index(["model", "target", "metric"]).sort_index()
    for name, (_, colour) in conditions.items():
        for language, marker in zip(languages, MARKERS):
            x, y = (values.loc[(name, language, metric)] for metric in ("probe_macro_f1", "gender_accuracy"))
            axes.plot([x["ci_low"], x["ci_high"]], [y["value"]] * 2, color=colour, linewidth=0.7, alpha=0.6)
            axes.plot([x["value"]] * 2, [y["ci_low"], y["ci_high"]], color=colour, linewidth=0.7, alpha=0.6)
            axes.plot(
                x["value"],
                y["value"],
                marker=marker,
                color=colour,
                markersize=4.5,
                markeredgecolor="white",
                markeredgewidth=0.4,
            )
    fit = rows[(rows["model"] == "all") & rows["seed"].isna()].set_index("metric").sort_index()
    shown = values.xs("probe_macro_f1", level="metric")["value"]
    ends = np.array([shown.min(), shown.max()])
    if np.isfinite(fit.loc["slope", "value"]):
        axes.plot(ends, fit.loc["slope", "value"] * ends + fit.loc["intercept", "value"], **LINE)
    own = values.xs("gender_accuracy", level="metric")
    lines = [
        f"{fit.loc['r_squared', 'n']:.0f} points, R² {measure(fit.loc['r_squared'])}",
        f"p {probability(fit.loc['p_points', 'value'])} of points, "
        f"{probability(fit.loc['p_models', 'value'])} of models",
        f"within models R² {measure(fit.loc['within_model_r_squared'])}",
        f"n = {plotting.describe_range(own['n'])} words, {plotting.describe_range(own['n_groups'])} speakers",
    ]
    plotting.head(axes, title, lines)


def draw_published_points(axes, probes, accuracies):
    """Draw published F1 of each language against the mean accuracy of its model: that of each language is unknown."""
    scale(axes, "probe, macro F1", "gender accuracy, mean")
    means = accuracies.set_index("model")["all_accuracy"] / 100
    for model, colour in PUBLISHED.items():
        mine = probes[(probes["model"] == model) & (probes["stage"] == READ_BY_DECODER[model])]
        axes.plot(
            mine["probe_macro_f1"] / 100,
            [means[model]] * len(mine),
            "o",
            color="white",
            markeredgecolor=colour,
            markersize=4.5,
        )
        axes.annotate(
            model,
            (mine["probe_macro_f1"].mean() / 100, means[model]),
            xytext=(0, 6),
            fontsize=7,
            textcoords="offset points",
            ha="center",
            color=colour,
        )
    lines = [
        "Fucci and others (2025), Figure 1:",
        "es, fr, it; R² .99, p < .01 as reported",
        "accuracy: mean of languages",
    ]
    plotting.head(axes, "Not ours: published", lines)


def draw_speakers(axes, rows, conditions):
    """Draw the accuracies of women and men, and the share of masculine words that is written for both together."""
    rows = rows[(rows["target"] == "all") & rows["model"].isin(conditions)]
    values = rows.set_index(["model", "metric"]).sort_index()
    for place, (name, (_, colour)) in enumerate(conditions.items()):
        for metric, (_, filled) in SPEAKERS.items():
            shift = -0.16 if filled else 0.16
            row = values.loc[(name, metric)]
            axes.plot([place + shift] * 2, [row["ci_low"], row["ci_high"]], color=colour, linewidth=1.2)
            axes.plot(
                place + shift,
                row["value"],
                "o",
                color=colour,
                markersize=5,
                zorder=3,
                markerfacecolor=colour if filled else "white",
            )
        axes.plot(place, values.loc[(name, "masculine_share"), "value"], "_", color="#222222", markersize=13)
    ticks(axes, [label for label, _ in conditions.values()])
    axes.set_ylabel("gender accuracy")
    women, men = (values.xs(metric, level="metric")["n"] for metric in SPEAKERS)
    counts = f"n = {plotting.describe_range(women)} and {plotting.describe_range(men)} words"
    lines = ["all languages, mean of seeds", counts, plotting.describe_interval(values)]
    plotting.head(axes, "Women and men", lines)


def draw_stages(axes, table, conditions, baselines):
    """Draw the probe before and after each adapter, of untrained models and of acoustic frames."""
    probes = table[(table["metric"] == "probe_macro_f1") & (table["target"] == "all") & table["control"].isna()]
    owners = probes["model"].map(task_of)
    for place, (name, (_, colour)) in enumerate(conditions.items()):
        for stage, shift in (("encoder", -0.16), ("adapter", 0.16)):
            mine = probes[(owners == name) & (probes["layer"] == stage)]
            trained, untrained = (mine[(mine["step"] != "0") == wanted] for wanted in (True, False))
            axes.plot(
                [place + shift] * len(trained),
                trained["value"],
                "o",
                color=colour,
                markersize=4.5,
                markerfacecolor="white" if stage == "encoder" else colour,
            )
            axes.plot([place + shift] * len(untrained), untrained["value"], "x", color="#777777", markersize=4.5)
    for name, style in baselines.items():
        frames = probes[(probes["model"] == name) & (probes["layer"] == "input")]
        axes.axhline(frames["value"].mean(), color=style.colour, linestyle=style.dashes, linewidth=1)
    ticks(axes, [label for label, _ in conditions.values()])
    axes.set_ylabel("probe, macro F1")
    n, n_groups = (plotting.describe_range(probes[column]) for column in ("n", "n_groups"))
    plotting.head(axes, "Before and after the adapter", ["each seed; unseen voices", f"n = {n}, {n_groups} speakers"])


def draw_published_speakers(axes, accuracies):
    """Draw the published accuracies of women and men."""
    values = accuracies.set_index("model")
    for place, (model, colour) in enumerate(PUBLISHED.items()):
        axes.plot(place - 0.16, values.loc[model, "she_accuracy"] / 100, "o", color=colour, markersize=5)
        axes.plot(
            place + 0.16,
            values.loc[model, "he_accuracy"] / 100,
            "o",
            color=colour,
            markersize=5,
            markerfacecolor="white",
        )
    ticks(axes, list(PUBLISHED))
    axes.set_ylabel("gender accuracy")
    plotting.head(axes, "Not ours: published", ["Fucci and others (2025),", "speaker-referring part of MuST-SHE"])


def scale(axes, xlabel, ylabel):
    """Give a panel both axes of shares, and chance on each."""
    axes.axhline(0.5, **CHANCE)
    axes.axvline(0.5, **CHANCE)
    axes.set(xlim=(0.2, 1.03), ylim=(0.2, 1.05), xlabel=xlabel, ylabel=ylabel)


def ticks(axes, labels):
    """Name the models below a panel of shares, chance drawn."""
    axes.axhline(0.5, **CHANCE)
    axes.set(xlim=(-0.5, len(labels) - 0.5), ylim=(-0.03, 1.05))
    axes.set_xticks(range(len(labels)), [plotting.plain(label).replace(" ", "\n", 1) for label in labels], fontsize=7)
    axes.tick_params(axis="x", length=0)


def measure(row):
    """Write a value with its interval."""
    if not np.isfinite(row["value"]):
        return "undefined"
    text = f"{row['value']:.2f}"
    return text if not np.isfinite(row["ci_low"]) else f"{text} [{row['ci_low']:.2f}, {row['ci_high']:.2f}]"


def probability(value):
    """Write a p value."""
    return "?" if not np.isfinite(value) else "< .001" if value < 0.001 else f"{value:.3f}".removeprefix("0")


def legends(conditions, languages, baselines):
    """Return the handles of models, of languages, and of marks."""
    models = [
        Line2D([], [], color=colour, linestyle="", marker="o", label=label) for label, colour in conditions.values()
    ]
    marks = [
        Line2D([], [], color="#666666", linestyle="", marker=marker, label=language)
        for language, marker in zip(languages, MARKERS)
    ]
    people = [
        Line2D([], [], color="#666666", linestyle="", marker="o", label="filled: women, or after the adapter"),
        Line2D(
            [], [], color="#666666", linestyle="", marker="o", markerfacecolor="white", label="open: men, or before it"
        ),
        Line2D([], [], color="#222222", linestyle="", marker="_", label="share of masculine forms"),
        Line2D([], [], color="#777777", linestyle="", marker="x", label="untrained"),
        *(
            Line2D([], [], color=style.colour, linestyle=style.dashes, label=style.label)
            for style in baselines.values()
        ),
        Line2D([], [], **CHANCE, label="chance"),
    ]
    return [models, marks, people]


def note(table, summary, settings, study):
    """Say what a reader of the figure alone must know."""
    rows = summary[summary["control"].isna() & (summary["target"] == "all")]
    exact = rows[rows["metric"] == "exact_match_but_gender"].set_index("model")["value"].to_dict()
    shares = ", ".join(f"{model.removeprefix('translator-')} {share:.2f}" for model, share in exact.items())
    bar = settings["analysis"]["bar"]
    below = [model for model, share in exact.items() if share < bar]
    verdict = f"all at or above the bar of {bar:g}" if not below else f"below the bar of {bar:g}: {', '.join(below)}"
    n_seeds = plotting.describe_range(summary.loc[summary["seed"].isna(), "n_seeds"])
    return (
        f"{plotting.describe_study(study, table['corpus'])} A point is a model in a language, the mean of {n_seeds} "
        "seeds; both intervals are 95 % over speakers. Voices and sentences are not those of training, where most "
        f"voices are men’s. Sentences translated exactly, but for gender: {shares}; {verdict}. The points of a model "
        "share an encoder: permuting whole models, p cannot be below one in the number of their orders. Half of the "
        "test voices are women’s: a share of masculine forms above .5 is the masculine default."
    )


def compose(paths, settings, study, models):
    """Return the figure of a study and the table of what it shows.

    Parameters
    ----------
    paths : of the tables, by the names of the rule's inputs
    settings : the figure's own entry, and that of its analysis
    study, models : as all figures take them
    """
    results, summary, probes, accuracies = map(read_table, [paths.table, paths.summary, paths.probes, paths.accuracies])
    styles = plotting.model_style(models)
    shown = {}
    for name in settings["models"]:
        shown.setdefault(task_of(name), (styles[name].label.split(", seed")[0], styles[name].colour))
    plotting.select(summary, "model", list(shown), paths.summary)
    summary = summary[summary["model"].isin([*shown, "all"])]
    baselines = {name: styles[name] for name in settings["analysis"]["baselines"]}
    figure = draw(results, summary, probes, accuracies, shown, baselines, settings, study)
    return figure, summary
