"""Rows of the figure of reliability, their order and scale, and the texts that state what they rest on."""

from collections.abc import Collection, Iterable, Mapping
from textwrap import wrap
from typing import Any

import numpy as np
import pandas as pd

from auscult.analyses.attribution.settings import MIN_UTTERANCES
from auscult.analyses.reliability.agreement import GROUPED
from auscult.analyses.reliability.items import CLASSES as CLASS_ORDER, method_class
from auscult.figures import plotting
from auscult.figures.context import FigureContext
from auscult.figures.findings import compare, number, value_text
from auscult.figures.palette import plain

__all__ = [
    "UNITS",
    "CLASSES",
    "PANELS",
    "Tasks",
    "trained",
    "shown_input",
    "question_rows",
    "contrast_rows",
    "pair_rows",
    "retests",
    "interaction_row",
    "order_methods",
    "order_lines",
    "class_place",
    "stages_of",
    "first_unit",
    "limits_of",
    "task_title",
    "method_label",
    "stage_label",
    "describe_interaction",
    "describe_level",
    "verdict_by_metrics",
    "describe",
    "note",
]

# Settings of each task by its name.
Tasks = Mapping[str, Mapping[str, Any]]

UNITS = ("word", "phone", "frame", GROUPED)
CLASSES = {"perturbation": "perturbation, mean", "gradient": "gradient, mean"}
# Rows of panels: question, metric, title, label of the axis.
PANELS = {
    "seeds": ("seeds", "pearson", "agreement of seeds", "Pearson’s r between seeds"),
    "faithfulness": ("faithfulness", "comprehensiveness_gain", "comprehensiveness", "gain over random orders"),
    "deletion": ("faithfulness", "deletion_auc_gain", "deletion AUC", "gain over random orders"),
    "pointing": ("pointing", "pointing", "pointing game", "share of hits"),
    "randomisation": ("randomisation", "pearson", "randomised layers", "r with the trained model"),
}
_LABELS = {"lime": "LIME", "kernel_shap": "KernelSHAP", "input_x_gradient": "input × gradient"}
_N_STAGES = 4
# Agreement that the published finding, low except for words in word-based tasks, does not allow elsewhere.
_LOW = 0.5


def trained(rows: pd.DataFrame) -> pd.DataFrame:
    """Return the rows of trained models."""
    return rows[rows["step"].astype(str) != "0"]


def shown_input(rows: pd.DataFrame) -> str:
    """Return the input that is drawn: the waveform, or the first input of a table without it."""
    found = list(dict.fromkeys(rows["input"]))
    return "waveform" if "waveform" in found or not found else str(found[0])


def question_rows(table: pd.DataFrame, tasks: Iterable[str], name: str) -> dict[str, pd.DataFrame]:
    """Return the rows of one row of panels, by task, on one input; tasks without rows are left out."""
    question, metric, *_ = PANELS[name]
    rows = table[(table["target"] == question) & (table["metric"] == metric)]
    found = {task: rows[rows["task"] == task] for task in tasks}
    return {task: mine[mine["input"] == shown_input(mine)] for task, mine in found.items() if len(mine)}


def contrast_rows(table: pd.DataFrame, tasks: Iterable[str], name: str) -> pd.DataFrame:
    """Return the differences in agreement between words and frames on one input, by task and class of methods."""
    rows = trained(table[(table["metric"] == "pearson") & (table["target"] == "units")])
    rows = rows[(rows["input"] == name) & (rows["unit"] == "word") & rows["against"].isin(["frame", GROUPED])]
    return rows[rows["method"].isin(CLASSES) & rows["task"].isin(list(tasks))]


def pair_rows(table: pd.DataFrame, name: str) -> list[tuple[str, str, pd.DataFrame]]:
    """Return title, explanation and rows of the agreement between methods on one input, and between inputs."""
    rows = trained(table[table["metric"] == "pearson"])
    methods = rows[(rows["target"] == "methods") & (rows["input"] == name)]
    return [
        ("Agreement between methods", "one dot per pair; open: with duration", methods),
        ("Agreement between inputs", "one dot per method and pair", rows[rows["target"] == "inputs"]),
    ]


def retests(table: pd.DataFrame) -> "pd.Series[float]":
    """Return the agreement of the same model with itself, by (task, input, method, unit)."""
    rows = table[(table["target"] == "retest") & (table["metric"] == "pearson")]
    return rows.set_index(["task", "input", "method", "unit"])["value"]


def interaction_row(interaction: pd.DataFrame, name: str, metric: str = "pearson") -> dict[str, Any] | None:
    """Return the interaction of unit (word, frame) and kind of task for perturbation methods, if there is one."""
    rows = interaction[(interaction["method"] == "perturbation") & (interaction["metric"] == metric)]
    rows = rows[(rows["input"] == name) & (rows["unit"] == "word") & (rows["against"] == "frame")]
    return {str(key): value for key, value in rows.iloc[0].items()} if len(rows) else None


def order_methods(table: pd.DataFrame) -> list[str]:
    """Return the methods in the order of the table, perturbation first; means and controls are left out."""
    methods = [name for name in dict.fromkeys(table["method"]) if method_class(name) and name not in CLASSES]
    return sorted(methods, key=class_place)


def order_lines(methods: Iterable[str]) -> list[str]:
    """Return methods and the means of classes, each mean before its methods."""
    return sorted([*CLASSES, *methods], key=lambda line: (class_place(line), line not in CLASSES))


def class_place(line: str) -> int:
    """Return the position of the class of a method, or of a class itself."""
    return CLASS_ORDER.index(line if line in CLASS_ORDER else method_class(line))


def stages_of(rows: pd.DataFrame) -> list[str]:
    """Return the last four stages of randomisation, from the fewest to the most randomised layers."""
    layers = set(rows["layer"])
    depth = reversed(plotting.layer_order(layers - {"head", "untrained"}))
    head, untrained = ([name] if name in layers else [] for name in ("head", "untrained"))
    return [*head, *depth, *untrained][-_N_STAGES:]


def first_unit(rows: pd.DataFrame) -> str:
    """Return the first unit of the legend that has rows."""
    return next((unit for unit in UNITS if unit in set(rows["unit"])), "")


def limits_of(panels: Iterable[pd.DataFrame], more: Iterable[float] = ()) -> tuple[float, float]:
    """Return limits of the axis that panels share, including 0 and further values, with a margin."""
    numbers = ["value", "ci_low", "ci_high", "seeds_low", "seeds_high"]
    values = [*more, *(value for rows in panels for value in rows[numbers].to_numpy(float).ravel())]
    finite = [value for value in values if np.isfinite(value)] or [1.0]
    low, high = min(0, *finite), max(0, *finite)
    return low - 0.06 * (high - low) - 0.005, high + 0.06 * (high - low) + 0.005


def task_title(title: str, task: Mapping[str, Any]) -> str:
    """Return the title of a question with the kind of task, if the study states it."""
    if "word_based" not in task:
        return title
    return f"{title} · {'word-based' if task['word_based'] else 'not word-based'}"


def method_label(method: str) -> str:
    """Return the name of a method, or of the mean of a class."""
    return CLASSES.get(method) or plain(_LABELS.get(method, method.replace("_", " ")))


def stage_label(stage: str) -> str:
    """Return the name of a stage of randomisation."""
    return {"head": "head only", "untrained": "untrained"}.get(stage, f"head to {stage}")


def describe_interaction(interaction: pd.DataFrame, name: str) -> str:
    """Return a line on the difference between word-based and other tasks: the published finding."""
    row = interaction_row(interaction, name)
    if row is None:
        return "word-based minus other tasks: not compared"
    verdict = verdict_by_metrics(interaction, name)
    seeds = (
        ""
        if np.isnan(row["seeds_low"])
        else f" (without one seed {number(row['seeds_low'])} to {number(row['seeds_high'])})"
    )
    return f"word-based minus other tasks, perturbation: {value_text(row)}, {verdict}{seeds}"


def verdict_by_metrics(interaction: pd.DataFrame, name: str) -> str:
    """Return whether the interaction lies above or below 0 by Pearson's r, by Spearman's ρ, or by both."""
    row, ranks = (interaction_row(interaction, name, metric) for metric in ("pearson", "spearman"))
    by_value = "against" if row is None else compare(row, 0.0)
    by_rank = "against" if ranks is None else compare(ranks, 0.0)
    if by_value == "against":
        return "too few utterances for a statement"
    if by_rank == "against" or ranks is None:
        return f"{by_value} 0 by Pearson’s r (Spearman’s ρ: not compared)"
    if by_value == by_rank:
        return f"{by_value} 0 by r and ρ"
    if by_value in ("above", "below"):
        return f"{by_value} 0 by Pearson’s r only (Spearman’s ρ: {value_text(ranks)})"
    return f"{by_value} 0 by Pearson’s r (Spearman’s ρ: {value_text(ranks)})"


def describe_level(table: pd.DataFrame, tasks: Tasks, name: str) -> str:
    """Return where seeds agree that the published finding says do not; empty if nowhere.

    Published: little agreement, except by words in word-based tasks. The finding is not replicated in level if by
    frames, or by words in other tasks, agreement by perturbation lies above .5 with its whole interval.
    """
    rows = trained(table[(table["target"] == "seeds") & (table["metric"] == "pearson") & (table["input"] == name)])
    rows = rows[(rows["method"] == "perturbation") & rows["unit"].isin(["word", "frame"])]
    based = rows["task"].map(lambda task: bool(tasks.get(task, {}).get("word_based")))
    others = rows[((rows["unit"] == "frame") | ~based) & (rows["ci_low"] > _LOW) & (rows["n_groups"] >= MIN_UTTERANCES)]
    if others.empty:
        return ""
    high = others.loc[others["value"].idxmax()].to_dict()
    return f"Not replicated in level: seeds agree at {value_text(high)} by {high['unit']} ({high['task']})."


def describe(rows: pd.DataFrame, name: str) -> list[str]:
    """Return lines on the utterances, seeds and segments of a panel, its interval, and the counts left out."""
    rows = trained(rows) if len(trained(rows)) else rows
    unit = plotting.resampling_unit(rows)
    groups, seeds = plotting.describe_range(rows["n_groups"]), plotting.describe_range(rows["n_seeds"])
    lines = [f"{groups} {unit}s · {seeds} seed{'' if seeds == '1' else 's'}", plotting.describe_interval(rows)]
    if (rows["n_groups"] < MIN_UTTERANCES).any():
        lines.append(f"too few to say: under {MIN_UTTERANCES}")
    medians = [(unit, rows.loc[rows["unit"] == unit, "n_segments"].median()) for unit in UNITS if unit != GROUPED]
    # A number and its unit stay on one line.
    known = [f"{median:.0f}\u00a0{unit}s" for unit, median in medians if not np.isnan(median)]
    lines += wrap(f"median: {', '.join(known)}", 30) if known else []
    if name == "randomisation":
        lines.append(f"by {first_unit(rows)}; low is good")
    counts = {word: int(rows[f"n_{word}"].max()) for word in ("constant", "short", "mispredicted")}
    return [*lines, ", ".join(f"{word} ≤ {n}" for word, n in counts.items() if n)]


def note(table: pd.DataFrame, name: str, context: FigureContext, questions: Collection[str]) -> str:
    """Return the note of a page: study, input, and what its questions need to be read."""
    said = [context.describe(table["corpus"]), f"Input: {name}, unless a panel names another."]
    if "seeds" in questions:
        said.append(
            "Untrained seeds give the chance level of agreement, which is not 0: scores sum over segments of unequal "
            "length. Short utterances have fewer than four segments."
        )
    if "pointing" in questions:
        said.append("Mispredicted utterances are left out of the pointing game.")
    return " ".join([*said, "Intervals cover utterances, not seeds."]).strip()
