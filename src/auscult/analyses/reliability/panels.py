"""What a figure of reliability shows: which rows, in which order, on which scale, and in which words."""

from textwrap import wrap

import numpy as np

from auscult.analyses.reliability.agreement import GROUPED
from auscult.analyses.reliability.items import CLASSES as KINDS
from auscult.analyses.reliability.items import method_class
from auscult.figures import plotting

__all__ = [
    "UNITS",
    "CLASSES",
    "PANELS",
    "shown_input",
    "panels_of",
    "retests_of",
    "order_methods",
    "order_lines",
    "kind_of",
    "stages_of",
    "first_unit",
    "limits_of",
    "describe_task",
    "describe_method",
    "describe_stage",
    "describe_bounds",
    "describe_interaction",
    "describe",
    "note",
]

UNITS = ("word", "phone", "frame", GROUPED)
CLASSES = {"perturbation": "perturbation, mean", "gradient": "gradient, mean"}
NAMES = {"lime": "LIME", "kernel_shap": "KernelSHAP", "input_x_gradient": "input × gradient"}
# Of each row: question, metric, title, what the axis shows.
PANELS = {
    "seeds": ("seeds", "pearson", "between seeds", "Pearson’s r between seeds"),
    "faithfulness": ("faithfulness", "comprehensiveness_gain", "faithfulness", "comprehensiveness gained"),
    "deletion": ("faithfulness", "deletion_auc_gain", "deletion curve", "area gained"),
    "pointing": ("pointing", "pointing", "pointing game", "share of hits"),
    "randomisation": ("randomisation", "pearson", "sanity check", "Pearson’s r with trained"),
}


def shown_input(rows):
    """Return the input that is drawn: the waveform, or what there is in its place."""
    found = list(dict.fromkeys(rows["input"]))
    return "waveform" if "waveform" in found else found[0]


def panels_of(table, tasks, name):
    """Return the rows of each task that answers a question, of one input."""
    question, metric, *_ = PANELS[name]
    rows = table[(table["target"] == question) & (table["metric"] == metric)]
    found = {task: rows[rows["task"] == task] for task in tasks}
    return {task: mine[mine["input"] == shown_input(mine)] for task, mine in found.items() if len(mine)}


def retests_of(table):
    """Return how far the same model, explained again, agrees with itself: as far as seeds can."""
    rows = table[(table["target"] == "retest") & (table["metric"] == "pearson")]
    return rows.set_index(["task", "input", "method", "unit"])["value"]


def order_methods(table):
    """Return the methods in the order of the table, those that perturb first; what is no method is left out."""
    return sorted(
        [name for name in dict.fromkeys(table["method"]) if method_class(name) and name not in CLASSES], key=kind_of
    )


def order_lines(methods):
    """Return methods, each class of them led by its mean; occlusion is a class of its own."""
    return sorted([*CLASSES, *methods], key=lambda line: (kind_of(line), line not in CLASSES))


def kind_of(line):
    """Return the place of a method's class, or of a class, among the classes."""
    return KINDS.index(line if line in KINDS else method_class(line))


def stages_of(rows, n=4):
    """Return the stages of randomisation from the least to the most destroyed, the last ``n``."""
    layers = set(rows["layer"])
    depth = [*reversed(plotting.layer_order(layers - {"head", "untrained"}))]
    ordered = [*(["head"] if "head" in layers else []), *depth, *(["untrained"] if "untrained" in layers else [])]
    return ordered[-n:]


def first_unit(rows):
    """Return the first unit in the order of the legend that there is."""
    return next((unit for unit in UNITS if unit in set(rows["unit"])), "")


def limits_of(panels, more=()):
    """Return a range that all panels of a row share, zero and further values included, with a margin."""
    numbers = ["value", "ci_low", "ci_high", "seeds_low", "seeds_high"]
    values = [*more, *(value for rows in panels for value in rows[numbers].to_numpy().ravel())]
    finite = [value for value in values if np.isfinite(value)] or [1.0]
    low, high = min(0, *finite), max(0, *finite)
    return low - 0.06 * (high - low) - 0.005, high + 0.06 * (high - low) + 0.005


def describe_task(task, tasks):
    """Say whether a task rests on words."""
    return "word-based" if tasks[task].get("word_based") else "not word-based"


def describe_method(method):
    """Name a method in words."""
    return plotting.plain(NAMES.get(method, method.replace("_", " ")))


def describe_stage(stage):
    """Name a stage of randomisation in words."""
    return {"head": "head only", "untrained": "untrained"}.get(stage, f"head to {stage}")


def describe_bounds(row):
    """Write an interval in figures, or nothing where there is none."""
    return "" if np.isnan(row.ci_low) else f" [{row.ci_low:.2f}, {row.ci_high:.2f}]"


def describe_interaction(interaction, kind):
    """Say whether words gain more on frames in word-based tasks than in others: the published finding."""
    rows = interaction[(interaction["method"] == "perturbation") & (interaction["metric"] == "pearson")]
    rows = rows[(rows["input"] == kind) & (rows["unit"] == "word") & (rows["against"] == "frame")]
    if rows.empty:
        return ["word-based less other tasks: not compared"]
    row = rows.iloc[0]
    verdict = "borne out" if row.ci_low > 0 else "not borne out"
    verdict = "undecided, too few utterances" if np.isnan(row.ci_low) else verdict
    seeds = [] if np.isnan(row.seeds_low) else [f"(without one seed {row.seeds_low:.2f} to {row.seeds_high:.2f})"]
    verdict = f"word-based less other tasks, perturbation: {verdict}"
    return [" ".join([f"{verdict}, {row.value:+.2f}{describe_bounds(row)}", *seeds])]


def describe(rows, name):
    """Say on how many utterances, seeds and segments a panel rests, what was resampled, and what was left out."""
    trained = rows[rows["step"].astype(str) != "0"]
    rows = trained if len(trained) else rows
    unit = plotting.resampling_unit(rows)
    groups, seeds = plotting.describe_range(rows["n_groups"]), plotting.describe_range(rows["n_seeds"])
    lines = [f"{groups} {unit}s · {seeds} seed{'' if seeds == '1' else 's'}", plotting.describe_interval(rows)]
    medians = [(unit, rows.loc[rows["unit"] == unit, "n_segments"].median()) for unit in UNITS if unit != GROUPED]
    # A number and its unit stay on one line.
    medians = [f"{median:.0f}\u00a0{unit}s" for unit, median in medians if not np.isnan(median)]
    lines += wrap(f"median: {', '.join(medians)}", 30) if medians else []
    counts = {word: int(rows[f"n_{word}"].max()) for word in ("constant", "short", "mispredicted")}
    counts = [f"{word} ≤ {n}" for word, n in counts.items() if n]
    if name == "randomisation":
        lines.append(f"by {first_unit(rows)}; low is good")
    return [*lines, ", ".join(counts)]


def note(table, study, kind):
    """Say what a reader of the figure alone must know."""
    return (
        f"{plotting.describe_study(study, table['corpus'])} Caveat D, after Shen and others (2025): attributions of "
        "models that differ only in fine-tuning seed agree little, those of word-level perturbations on word-based "
        f"tasks excepted. Input: {kind}, unless a panel says another. Correlations are taken over the segments of an "
        "utterance, between all pairs of seeds, and averaged. 0 is not chance: scores add up over segments of unequal "
        "length, which all models share. What chance gives is what untrained models show (open marks). No seeds can "
        "agree better than the same model does when it is explained again (upright marks). All intervals resample "
        f"utterances, not models, of which there are few. “{GROUPED}”: frame scores summed, of occlusion averaged, "
        "over words. Gains are paired with random orders of the same segments, positive is better. Pointing game: "
        "dotted, a segment at random; dashed, by duration alone. Sanity check: layers lose their weights from the head "
        "down. Utterances of fewer than 4 segments (short) or of constant scores have no correlation; those that a "
        "trained model mispredicts are no round of the pointing game; counted is the most of any dot."
    )
