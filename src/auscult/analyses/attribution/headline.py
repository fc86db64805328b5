"""The slide of attribution: the words of one utterance by method, and the share of the word that decides."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd
from matplotlib import colormaps
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Rectangle

from auscult.analyses.attribution import figure as details
from auscult.analyses.attribution.figure_texts import METHODS, describe_example, explained_word
from auscult.analyses.attribution.settings import MIN_UTTERANCES
from auscult.figures import marks, plotting, slide
from auscult.figures.context import FigureContext
from auscult.figures.findings import count_verdicts, number
from auscult.figures.palette import Entry, ModelStyle, plain

__all__ = ["draw", "describe_headline"]

_NAMES = {
    "input_x_gradient": "input × gradient",
    "integrated_gradients": "integrated gradients",
    "integrated_gradients_noise": "same, from noise",
    "kernel_shap": "KernelSHAP",
}
_COLOURS = "RdBu_r"
_CUE = "#882255"
_STRIP_MM = 70
# Width of a letter of the words under the spectrogram, and of the gap between two words.
_LETTER_MM, _GAP_MM = 1.8, 2


def draw(
    table: pd.DataFrame, scores: pd.DataFrame, examples: pd.DataFrame, *, context: FigureContext = FigureContext()
) -> Figure:
    """Draw one utterance with a strip of word scores per method, and beside it the shares of the deciding word.

    Of the tasks, the first with a deciding word in enough utterances is shown, or else the first. Parameters and
    errors are those of :func:`auscult.analyses.attribution.figure.draw`.
    """
    shares, entry, corpus = _chosen(table, scores, examples, context)
    example = entry.rows(examples[examples["corpus"] == corpus]).iloc[0]
    words = entry.rows(context.select(scores))
    words = words[(words["corpus"] == corpus) & (words["utterance"] == example["utterance"])]
    words = details.longest_units(words)
    words = words[words["input"] == _input(words)]
    methods = [name for name in METHODS if name in set(words["method"])]
    figure = slide.new_slide(
        describe_headline(table, scores, examples, context=context), _note(entry, shares, _input(words))
    )
    columns = 2 if len(shares) else 1
    grid = figure.subplots(2, columns, squeeze=False, height_ratios=[1, 2.4], width_ratios=[1.6, 1][:columns])
    explained = describe_example(words, 200)[-1].replace(" in a matched pair", "")
    grid[0, 0].set_title(plain(explained), fontsize=8)
    details.draw_spectrogram(grid[0, 0], example)
    _name_words(grid[0, 0], words, example)
    _draw_strips(grid[1, 0], words, methods, example)
    if len(shares):
        _draw_shares(grid[1, 1], shares, methods, entry)
        grid[0, 1].set_axis_off()
        grid[0, 1].legend(handles=_handles(shares, entry), loc="lower left", fontsize=8)
    return figure


def describe_headline(
    table: pd.DataFrame, scores: pd.DataFrame, examples: pd.DataFrame, *, context: FigureContext = FigureContext()
) -> str:
    """Return one sentence: the range of the deciding word's share over methods, and counts of verdicts on it."""
    shares, entry, _ = _chosen(table, scores, examples, context)
    mine = entry.rows(shares).sort_values("value")
    if mine.empty:
        return f"Methods score the words of one sentence, but none is known to decide ({entry.style.label})"
    low, high = mine.iloc[0], mine.iloc[-1]
    said = f"{number(low['value'])} ({_name(low['method'])})"
    if number(low["value"]) == number(high["value"]):
        said = number(low["value"])
    else:
        said = f"{said} to {number(high['value'])} ({_name(high['method'])})"
    said = f"The word that decides gets {said} of the scores"
    if (mine["n_groups"] < MIN_UTTERANCES).any():
        return f"{said}; {plotting.describe_range(mine['n_groups'])} utterances are too few for a verdict"
    own, before = (
        {row["method"]: row for row in part.to_dict("records")}
        for part in (mine, shares[(shares["step"].astype(str) == "0") & (entry.step != "0")])
    )
    name = "chance" if mine["chance"].iloc[0] >= mine["chance_duration"].iloc[0] else "duration"
    # Both counts are of the same methods: those with an untrained control, where there is one.
    counted = mine[mine["method"].isin(before)] if before else mine
    levels = counted[["chance", "chance_duration"]].max(axis=1)
    counts = [
        count_verdicts(own, before, "untrained", "methods"),
        count_verdicts(own, dict(zip(counted["method"], levels)), name, "" if len(before) else "methods"),
    ]
    same = all(count.startswith("not separated from") for count in counts)
    counts[1] = f"or {counts[1].removeprefix('not separated from ')}" if same else counts[1]  # said once
    return "; ".join(filter(None, [said, ", ".join(filter(None, counts))]))


def _chosen(
    table: pd.DataFrame, scores: pd.DataFrame, examples: pd.DataFrame, context: FigureContext
) -> tuple[pd.DataFrame, Entry, str]:
    """Return the shares of the deciding word, trained and untrained on one input, and model and corpus of the task."""
    summary = details.drawn_rows(table, scores, examples, context=context)
    shares = summary[summary["metric"] == "cue_share"].dropna(subset="value")
    tasks = details.tasks_of(examples, context.entries(context.select(scores)))
    found = []
    for corpus, entry in tasks:
        rows = shares[(shares["corpus"] == corpus) & (shares["model"] == entry.model)]
        found.append((rows[rows["input"] == _input(rows)], entry, corpus))
    known = [task for task in found if len(task[1].rows(task[0]))]
    enough = [task for task in known if (task[1].rows(task[0])["n_groups"] >= MIN_UTTERANCES).all()]
    return (enough or known or [(shares[:0], tasks[0][1], tasks[0][0])])[0]


def _input(rows: pd.DataFrame) -> str:
    """Return the first input of the legend of the details that has rows."""
    return next((name for name in details.INPUTS if name in set(rows["input"])), "")


def _name(method: str) -> str:
    return "integrated gradients from noise" if method.endswith("_noise") else _NAMES.get(method, METHODS[method])


def _note(entry: Entry, shares: pd.DataFrame, name: str) -> str:
    """Return the note: colours of the strips, then the marks of the shares."""
    said = [
        f"{entry.style.label}; input: {details.INPUT_LABELS.get(name, name)}. Red: for the explained output, blue: "
        "against it, each row relative to its largest."
    ]
    if len(shares):
        said.append(
            f"Right: mean of {plotting.describe_range(shares['n'])} utterances, {plotting.describe_interval(shares)}."
        )
    return " ".join(said)


def _handles(shares: pd.DataFrame, entry: Entry) -> list[Line2D]:
    """Return the legend of the shares, where direct labels would cover points."""
    style = ModelStyle("", entry.style.colour)
    untrained = (shares["step"].astype(str) == "0").any() and entry.step != "0"
    open_mark = [marks.mark_handle("o", "untrained", style.untrained.colour, filled=False)] if untrained else []
    return [
        marks.mark_handle("o", entry.style.label, style.colour),
        *open_mark,
        marks.chance_handle("chance: one word"),
        marks.duration_handle("the word’s duration"),
    ]


def _spans(words: pd.DataFrame) -> pd.DataFrame:
    return words.drop_duplicates("index").sort_values("onset")


def _unscored(words: pd.DataFrame) -> pd.DataFrame:
    """Return the explained word as a row without a score, if it has none: it fills the longest gap between words."""
    spans, word = _spans(words), explained_word(words["form"].iloc[0])
    gaps = spans["onset"].to_numpy()[1:] - spans["offset"].to_numpy()[:-1]
    if not word or word in set(spans["label"]) or not len(gaps) or gaps.max() <= 0:
        return spans[:0]
    place = int(gaps.argmax())
    found = spans.iloc[[place]].assign(label=word, score=np.nan, cue=False)
    return found.assign(onset=spans["offset"].iloc[place], offset=spans["onset"].iloc[place + 1])


def _name_words(axes: Axes, words: pd.DataFrame, example: pd.Series) -> None:
    """Write the words under the spectrogram: upright only if they have no room side by side."""
    rate = example["sample_rate_hz"]
    length = len(example["waveform"]) / rate
    spans = pd.concat([_spans(words), _unscored(words)]).sort_values("onset")
    centres = (spans["onset"] + spans["offset"]).to_numpy() / 2 / rate
    letters = spans["label"].map(len).to_numpy()
    widest = max((letters[1:] + letters[:-1]) / 2, default=letters.max()) * _LETTER_MM + _GAP_MM
    level = len(spans) * widest <= _STRIP_MM
    gap = (widest if level else 5) / _STRIP_MM * length
    placed = plotting.spread(centres, gap, gap / 2, length - gap / 2)
    look: dict[str, Any] = {"rotation": 0 if level else 90, "fontsize": 8.5 if level else 7}
    axes.set_xticks(placed, [plain(word) for word in spans["label"]], **look)
    axes.tick_params(axis="x", length=0, pad=3)
    for text, cue, scored in zip(axes.get_xticklabels(), spans["cue"], spans["score"].notna()):
        text.set(fontweight="bold" if cue else "normal", color=_CUE if cue else marks.INK if scored else "#888888")
    axes.spines[["left", "bottom"]].set_visible(False)


def _draw_strips(axes: Axes, words: pd.DataFrame, methods: Sequence[str], example: pd.Series) -> None:
    """Draw one strip per method, each word in the colour of its score, and frame the deciding word."""
    rate, colours = example["sample_rate_hz"], colormaps[_COLOURS]
    for y, method in enumerate(methods):
        mine = words[(words["method"] == method) & words["complete"].astype(bool)]
        largest = mine["score"].abs().max() or 1
        for row in mine.to_dict("records"):
            left, right = row["onset"] / rate, row["offset"] / rate
            face = colours(0.5 + 0.45 * row["score"] / largest)
            axes.add_patch(Rectangle((left, y - 0.42), right - left, 0.84, facecolor=face, linewidth=0))
    for row in _unscored(words).to_dict("records"):
        left, right = row["onset"] / rate, row["offset"] / rate
        axes.text((left + right) / 2, (len(methods) - 1) / 2, "not\nscored", fontsize=7, color="#888888", ha="center")
    deciding = _spans(words)
    deciding = deciding[deciding["cue"].astype(bool)]
    for left, right in zip(deciding["onset"] / rate, deciding["offset"] / rate):
        frame: dict[str, Any] = {"fill": False, "edgecolor": _CUE, "linewidth": 1.6}
        axes.add_patch(Rectangle((left, -0.5), right - left, len(methods), **frame))
    marks.row_axis(axes, [_NAMES.get(name, METHODS[name]) for name in methods])
    axes.tick_params(axis="y", labelsize=8)
    axes.set(xlim=(0, len(example["waveform"]) / rate), xlabel="time (s)")


def _draw_shares(axes: Axes, shares: pd.DataFrame, methods: Sequence[str], entry: Entry) -> None:
    """Draw the share of the deciding word in the rows of the strips, trained and untrained, with both controls."""
    for row in shares[shares["method"].isin(methods)].to_dict("records"):
        style = ModelStyle("", entry.style.colour)
        trained = str(row["step"]) != "0" or entry.step == "0"
        if trained:
            marks.interval_row(axes, methods.index(row["method"]), row, style)
        else:
            bare = row | {"ci_low": np.nan, "ci_high": np.nan}
            marks.interval_row(axes, methods.index(row["method"]), bare, style.untrained)
    marks.chance_line(axes, shares["chance"].iloc[0], "v")
    marks.duration_line(axes, shares["chance_duration"].iloc[0], "v")
    marks.row_axis(axes, ["" for _ in methods])
    axes.set(xlim=(0, 1), xlabel="share of the deciding word")
    axes.set_xticks([0, 0.5, 1], ["0", ".5", "1"])
