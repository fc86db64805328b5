"""Details of attribution: scores of the words of one utterance per task, and the share of the deciding word."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Patch

from auscult.analyses.attribution.figure_texts import EXAMPLE_LINES, METHODS, describe_example, note
from auscult.analyses.attribution.settings import MIN_UTTERANCES
from auscult.figures import marks, plotting
from auscult.figures.context import FigureContext
from auscult.figures.findings import finding
from auscult.figures.palette import Entry, ModelStyle, plain
from auscult.seeds import task_of

__all__ = [
    "INPUTS",
    "INPUT_LABELS",
    "draw",
    "drawn_rows",
    "describe_finding",
    "tasks_of",
    "longest_units",
    "draw_spectrogram",
]

# Tol's muted scheme, apart from the colours of models: here a colour is an input.
INPUTS = {"waveform": "#332288", "spectrogram": "#44AA99", "cnn": "#DDAA33"}
INPUT_LABELS = {"cnn": "front end’s frames"}
DECIDING: Mapping[str, Any] = {"color": "#CC6677", "alpha": 0.22, "linewidth": 0}
BORDER: Mapping[str, Any] = {"color": "#BBBBBB", "linewidth": 0.4}
WAVE_MM, SPECTRUM_MM, BARS_MM, SHARE_MM, N_COLUMNS = 30, 32, 13, 78, 3


def draw(
    table: pd.DataFrame, scores: pd.DataFrame, examples: pd.DataFrame, *, context: FigureContext = FigureContext()
) -> list[Figure]:
    """Return the pages: one utterance per task with the scores of its words, then the share of the deciding word.

    Parameters
    ----------
    table : columns :data:`auscult.analyses.attribution.summary.SUMMARY_COLUMNS`
    scores : columns :data:`auscult.analyses.attribution.analysis.ATTRIBUTION_COLUMNS`
    examples : ``corpus, model, step, utterance, sample_rate_hz, waveform``
    """
    summary, scores = drawn_rows(table, scores, examples, context=context), context.select(scores)
    columns = tasks_of(examples, context.entries(scores))
    methods = [name for name in METHODS if name in set(scores["method"])]
    pages = [_examples_page(scores, examples, summary, columns, methods, context)]
    shares = summary[summary["metric"] == "cue_share"]
    if len(shares):
        pages.append(_shares_page(scores, shares, columns, methods, context))
    return pages


def _examples_page(
    scores: pd.DataFrame,
    examples: pd.DataFrame,
    summary: pd.DataFrame,
    columns: Sequence[tuple[str, Entry]],
    methods: Sequence[str],
    context: FigureContext,
) -> Figure:
    heights_mm = [WAVE_MM, SPECTRUM_MM, *[BARS_MM] * len(methods)]
    figure = plotting.new_figure(sum(heights_mm), _legends(scores, False), note(scores, summary, context), margin_mm=2)
    grid = figure.add_gridspec(len(heights_mm), len(columns), height_ratios=heights_mm)
    texts = []
    for place, (corpus, entry) in enumerate(columns):
        axes = [figure.add_subplot(grid[row, place]) for row in range(len(heights_mm))]
        example = entry.rows(examples[examples["corpus"] == corpus]).iloc[0]
        mine = entry.rows(scores[scores["corpus"] == corpus])
        mine = longest_units(mine[mine["utterance"] == example["utterance"]])
        _draw_sound(axes[0], axes[1], example, mine)
        texts.append((axes[0], entry.style.label, describe_example(mine)))
        _draw_scores(axes[2:], mine, methods, example, place == 0)
    longest = min(EXAMPLE_LINES, max(len(lines) for *_, lines in texts))
    for panel, title, lines in texts:
        plotting.head(panel, title, [*lines, *["\u00a0"] * (longest - len(lines))])
    return figure


def _shares_page(
    scores: pd.DataFrame,
    shares: pd.DataFrame,
    columns: Sequence[tuple[str, Entry]],
    methods: Sequence[str],
    context: FigureContext,
) -> Figure:
    text = f"{context.describe(scores['corpus'])} Share of absolute word scores on the deciding word."
    figure = plotting.new_figure(SHARE_MM, _legends(scores, True), text, margin_mm=2)
    panels = figure.subplots(1, len(columns), squeeze=False)[0]
    named = True
    for axes, (corpus, entry) in zip(panels, columns):
        rows = shares[(shares["corpus"] == corpus) & (shares["model"] == entry.model)]
        _draw_shares(axes, rows, methods, entry.style.label, named)
        named = named and rows.empty
    return figure


def drawn_rows(
    table: pd.DataFrame, scores: pd.DataFrame, examples: pd.DataFrame, *, context: FigureContext = FigureContext()
) -> pd.DataFrame:
    """Return the summary of the models to draw."""
    return table[table["model"].isin(context.select(scores)["model"])]


def describe_finding(
    table: pd.DataFrame, scores: pd.DataFrame, examples: pd.DataFrame, *, context: FigureContext = FigureContext()
) -> str:
    """Return the largest share of the deciding word of the first such task, compared with its controls.

    The controls are the same model untrained, and the larger of chance and the word's share of the duration.
    """
    summary = drawn_rows(table, scores, examples, context=context)
    shares = summary[summary["metric"] == "cue_share"].dropna(subset="value")
    for corpus, entry in tasks_of(examples, context.entries(context.select(scores))):
        rows = shares[(shares["corpus"] == corpus) & (shares["model"] == entry.model)]
        mine = entry.rows(rows)
        if len(mine) and entry.step != "0":
            best = mine.loc[mine["value"].idxmax()].to_dict()
            same = (rows["method"] == best["method"]) & (rows["input"] == best["input"])
            before = rows[same & (rows["step"].astype(str) == "0")].to_dict("records")
            level = max(("chance", best["chance"]), ("duration", best["chance_duration"]), key=lambda pair: pair[1])
            controls = dict(zip(["untrained"], before)) | {level[0]: float(level[1])}
            method = METHODS[best["method"]].replace("-\n", "").replace("\n", " ")
            if best["n_groups"] < MIN_UTTERANCES:
                n, task = int(best["n_groups"]), task_of(entry.model)
                return f"{n} utterances are too few for a statement on the deciding word’s share ({task})."
            return finding(f"the deciding word’s largest share ({task_of(entry.model)}; {method})", best, controls)
    return ""


def longest_units(scores: pd.DataFrame) -> pd.DataFrame:
    """Return the scores of words, or of phones or frames in a corpus without words."""
    unit = next(unit for unit in ("word", "phone", "frame") if unit in set(scores["unit"]))
    return scores[scores["unit"] == unit]


def tasks_of(examples: pd.DataFrame, entries: Sequence[Entry]) -> list[tuple[str, Entry]]:
    """Return corpus and trained model of each column; of models that differ in seed, the first."""
    found: dict[tuple[str, str], tuple[str, Entry]] = {}
    for entry in entries:
        for corpus in entry.rows(examples)["corpus"]:
            if entry.step != "0":
                found.setdefault((corpus, task_of(entry.model)), (corpus, entry))
    return list(found.values())[:N_COLUMNS] or [(examples["corpus"].iloc[0], entries[0])]


def _draw_sound(upper: Axes, lower: Axes, example: pd.Series, words: pd.DataFrame) -> None:
    """Draw waveform and spectrogram on the same time axis, and name the words."""
    sound, rate = np.asarray(example["waveform"], dtype=float), example["sample_rate_hz"]
    edges = np.linspace(0, len(sound), min(1200, len(sound)) + 1).astype(int)[:-1]
    low, high = np.minimum.reduceat(sound, edges), np.maximum.reduceat(sound, edges)
    upper.fill_between(edges / rate, low, high, color=marks.GREY, linewidth=0.3)
    upper.set(xlim=(0, len(sound) / rate), yticks=[], xticks=[])
    draw_spectrogram(lower, example)
    spans = words.drop_duplicates("index").sort_values("onset")
    centres = (spans["onset"] + spans["offset"]).to_numpy() / 2 / rate
    length = len(sound) / rate
    placed = plotting.spread(centres, 0.062 * length, 0.02 * length, 0.98 * length)
    lower.set_xticks(placed, [plain(word) for word in spans["label"]], rotation=90, fontsize=7)
    lower.tick_params(axis="x", length=0, pad=3)
    for text, cue in zip(lower.get_xticklabels(), spans["cue"]):
        text.set(fontweight="bold" if cue else "normal", color="#882255" if cue else marks.INK)
    for axes in (upper, lower):
        _mark_words(axes, spans, rate)
        axes.spines[["left", "bottom"]].set_visible(False)


def draw_spectrogram(axes: Axes, example: pd.Series) -> None:
    """Draw the spectrogram of an utterance up to 8 kHz."""
    sound, rate = np.asarray(example["waveform"], dtype=float), example["sample_rate_hz"]
    with np.errstate(divide="ignore"):
        axes.specgram(
            sound, NFFT=400, Fs=rate, noverlap=300, cmap="Greys", mode="psd", vmin=_floor_db(sound), rasterized=True
        )
    axes.set(xlim=(0, len(sound) / rate), ylim=(0, min(8000, rate / 2)))
    axes.set(yticks=[0, 4000, 8000], yticklabels=["0", "4", "8"], ylabel="kHz")


def _floor_db(sound: npt.NDArray[np.float64]) -> float:
    """Return 70 dB below the largest power density of a spectrogram, which is drawn white."""
    windows = np.lib.stride_tricks.sliding_window_view(sound, min(400, len(sound)))[::100]
    power = np.abs(np.fft.rfft(windows * np.hanning(windows.shape[1]))) ** 2
    scale = np.hanning(400).dot(np.hanning(400)) * 8000
    return float(10 * np.log10(power.max() / 1e7 + 1e-20) - 10 * np.log10(scale))


def _mark_words(axes: Axes, spans: pd.DataFrame, rate: float) -> None:
    """Shade the deciding word and draw thin lines between words."""
    deciding = spans[spans["cue"]]
    for onset, offset in zip(deciding["onset"], deciding["offset"]):
        axes.axvspan(onset / rate, offset / rate, **DECIDING)
    for edge in {*spans["onset"], *spans["offset"]}:
        axes.axvline(edge / rate, **BORDER)


def _draw_scores(
    panels: Sequence[Axes], words: pd.DataFrame, methods: Sequence[str], example: pd.Series, named: bool
) -> None:
    """Draw one bar per word and input for each method, divided by the largest absolute score."""
    rate, length = example["sample_rate_hz"], len(example["waveform"]) / example["sample_rate_hz"]
    inputs = [name for name in INPUTS if name in set(words["input"])]
    for axes, method in zip(panels, methods):
        _mark_words(axes, words.drop_duplicates("index"), rate)
        for place, name in enumerate(inputs):
            mine = words[(words["method"] == method) & (words["input"] == name) & words["complete"].astype(bool)]
            largest = mine["score"].abs().max() or 1
            # Bars are centred on their word and no wider than the shortest words allow.
            width = np.minimum((mine["offset"] - mine["onset"]) / rate, 0.09 * length) * 0.8 / len(inputs)
            centre = (mine["onset"] + mine["offset"]) / 2 / rate + (place - (len(inputs) - 1) / 2) * width
            axes.bar(centre, mine["score"] / largest, width, color=INPUTS[name])
        axes.axhline(0, color=marks.GREY, linewidth=0.5)
        axes.set(xlim=(0, length), ylim=(-1.12, 1.12), yticks=[], xticks=[])
        axes.spines[["left", "bottom"]].set_visible(False)
        if named:
            axes.set_ylabel(METHODS[method], rotation=0, ha="right", va="center", fontsize=7, linespacing=0.95)
    panels[-1].spines["bottom"].set_visible(True)
    panels[-1].set_xticks(np.arange(0, length, 0.5 if length < 3 else 1))
    panels[-1].set_xlabel("time (s)")


def _draw_shares(axes: Axes, rows: pd.DataFrame, methods: Sequence[str], name: str, named: bool) -> None:
    """Draw the share of the deciding word by method, trained and untrained, with chance."""
    if rows.empty:
        look: dict[str, Any] = {"fontsize": 7, "color": marks.GREY, "ha": "center", "va": "center"}
        axes.text(0.5, 0.5, plain(f"{name}:\nno word is known\nto decide"), transform=axes.transAxes, **look)
        axes.set_axis_off()
        return
    inputs = [name for name in INPUTS if name in set(rows["input"])]
    for row in rows[rows["method"].isin(methods)].to_dict("records"):
        y = methods.index(row["method"]) + (inputs.index(row["input"]) - (len(inputs) - 1) / 2) * 0.24
        style = ModelStyle("", INPUTS[row["input"]])
        style = style.untrained if str(row["step"]) == "0" else style
        marks.interval_row(axes, y, row, style, markersize=3.2, markeredgewidth=0.8)
    marks.chance_line(axes, rows["chance"].iloc[0], "v")
    marks.duration_line(axes, rows["chance_duration"].iloc[0], "v")
    marks.row_axis(axes, [METHODS[name].replace("-\n", "").replace("\n", " ") for name in methods], named)
    axes.set(xlim=(0, 1), xlabel="share of the deciding word")
    axes.grid(axis="x")
    counts = f"n = {plotting.describe_range(rows['n'])}"
    plotting.head(axes, name, [f"mean over utterances, {counts}", plotting.describe_interval(rows)])


def _legends(scores: pd.DataFrame, shared: bool) -> list[list[Line2D | Patch]]:
    """Return the handles of the inputs, then of the deciding word, or of the controls of its share."""
    present = set(scores["input"])
    inputs: list[Line2D | Patch] = [
        Patch(color=colour, label=INPUT_LABELS.get(name, name)) for name, colour in INPUTS.items() if name in present
    ]
    others: list[Line2D | Patch] = [Patch(**DECIDING, label="deciding word")]
    if shared:
        others = [
            marks.mark_handle("o", "trained", markersize=4),
            marks.mark_handle("o", "untrained", filled=False, markersize=4),
            marks.chance_handle("chance: one word of the utterance"),
            marks.duration_handle("the word’s share of the duration"),
        ]
    return [inputs, others]
