"""Draw one utterance of each task with the scores of its words by method, and how much falls on the deciding word."""

import re
from textwrap import wrap

import numpy as np
from matplotlib.lines import Line2D
from matplotlib.patches import Patch

from auscult.figures import plotting
from auscult.seeds import task_of
from auscult.tables import read_table

METHODS = {
    "saliency": "saliency",
    "input_x_gradient": "input ×\ngradient",
    "integrated_gradients": "int. grad.,\nsilence",
    "integrated_gradients_noise": "int. grad.,\nnoise",
    "occlusion": "occlusion",
    "ablation": "ablation",
    "lime": "LIME",
    "kernel_shap": "Kernel-\nSHAP",
}
# Tol's muted scheme, apart from the models' palette: here a colour is an input.
INPUTS = {"waveform": "#332288", "spectrogram": "#44AA99", "cnn": "#DDAA33"}
LABELS = {"cnn": "front end’s frames"}
CUE = {"color": "#CC6677", "alpha": 0.22, "linewidth": 0}
CHANCE = {"color": "#555555", "linestyle": ":", "linewidth": 1}
BY_DURATION = {"color": "#555555", "linestyle": "--", "linewidth": 1}
WAVE_MM, SPECTRUM_MM, BARS_MM, SHARE_MM, N_COLUMNS = 28, 28, 11, 54, 3


def draw(scores, summary, examples, entries, study):
    """Return the figure: a column for each task, from the waveform down to the share of the deciding word."""
    columns = tasks(examples, entries)
    methods = [name for name in METHODS if name in set(scores["method"])]
    shares = summary[summary["metric"] == "cue_share"]
    heights = [WAVE_MM, SPECTRUM_MM, *[BARS_MM] * len(methods), *[SHARE_MM] * bool(len(shares))]
    figure = plotting.new_figure(sum(heights), legends(scores, shares, entries, columns), note(scores, summary, study))
    grid = figure.add_gridspec(len(heights), len(columns), height_ratios=heights)
    texts = []
    for place, (corpus, entry) in enumerate(columns):
        axes = [figure.add_subplot(grid[row, place]) for row in range(len(heights))]
        example = entry.rows(examples[examples["corpus"] == corpus]).iloc[0]
        mine = entry.rows(scores[scores["corpus"] == corpus])
        mine = longest_units(mine[mine["utterance"] == example["utterance"]])
        draw_sound(axes[0], axes[1], example, mine)
        texts.append((axes[0], entry.style.label, describe(mine)))
        draw_scores(axes[2 : 2 + len(methods)], mine, methods, example, place == 0)
        if len(shares):
            rows = shares[(shares["corpus"] == corpus) & (shares["model"] == entry.model)]
            draw_shares(axes[-1], rows, [e for e in entries if e.model == entry.model], methods, place == 0)
    longest = max(len(lines) for *_, lines in texts)
    for axes, title, lines in texts:
        plotting.head(axes, title, [*lines, *["\u00a0"] * (longest - len(lines))])
    return figure


def longest_units(scores):
    """Return the scores of words, or of phones or frames where a corpus has no words."""
    unit = next(unit for unit in ("word", "phone", "frame") if unit in set(scores["unit"]))
    return scores[scores["unit"] == unit]


def tasks(examples, entries):
    """Return corpus and trained model of each column: of models that differ in their seed, the first."""
    found = {}
    for entry in entries:
        for corpus in entry.rows(examples)["corpus"]:
            if entry.step != "0":
                found.setdefault((corpus, task_of(entry.model)), (corpus, entry))
    return list(found.values())[:N_COLUMNS] or [(examples["corpus"].iloc[0], entries[0])]


def draw_sound(upper, lower, example, words):
    """Draw waveform and spectrogram over the same time, and name the words."""
    sound, rate = np.asarray(example["waveform"], dtype=float), example["sample_rate_hz"]
    edges = np.linspace(0, len(sound), min(1200, len(sound)) + 1).astype(int)[:-1]
    low, high = np.minimum.reduceat(sound, edges), np.maximum.reduceat(sound, edges)
    upper.fill_between(edges / rate, low, high, color="#555555", linewidth=0.3)
    upper.set(xlim=(0, len(sound) / rate), yticks=[], xticks=[])
    with np.errstate(divide="ignore"):
        lower.specgram(
            sound, NFFT=400, Fs=rate, noverlap=300, cmap="Greys", mode="psd", vmin=floor(sound), rasterized=True
        )
    lower.set(xlim=upper.get_xlim(), ylim=(0, min(8000, rate / 2)), yticks=[0, 4000, 8000], yticklabels=["0", "4", "8"])
    lower.set_ylabel("kHz")
    spans = words.drop_duplicates("index").sort_values("onset")
    centres = (spans["onset"] + spans["offset"]).to_numpy() / 2 / rate
    length = len(sound) / rate
    placed = plotting.spread(centres, 0.062 * length, 0.02 * length, 0.98 * length)
    lower.set_xticks(placed, [plotting.plain(word) for word in spans["label"]], rotation=90, fontsize=7)
    lower.tick_params(axis="x", length=0, pad=3)
    for text, cue in zip(lower.get_xticklabels(), spans["cue"]):
        text.set(fontweight="bold" if cue else "normal", color="#882255" if cue else "#222222")
    for axes in (upper, lower):
        mark(axes, spans, rate)
        axes.spines[["left", "bottom"]].set_visible(False)


def floor(sound):
    """Return 70 dB below the loudest power density of a spectrogram, so that silence is white."""
    windows = np.lib.stride_tricks.sliding_window_view(sound, min(400, len(sound)))[::100]
    power = np.abs(np.fft.rfft(windows * np.hanning(windows.shape[1]))) ** 2
    return 10 * np.log10(power.max() / 1e7 + 1e-20) - 10 * np.log10(np.hanning(400).dot(np.hanning(400)) * 8000)


def mark(axes, spans, rate):
    """Shade the deciding word and draw thin lines between words."""
    for word in spans[spans["cue"]].itertuples():
        axes.axvspan(word.onset / rate, word.offset / rate, **CUE)
    for edge in {*spans["onset"], *spans["offset"]}:
        axes.axvline(edge / rate, color="#BBBBBB", linewidth=0.4)


def draw_scores(panels, words, methods, example, named):
    """Draw for each method one bar a word and input, up for the target, divided by the largest."""
    rate, length = example["sample_rate_hz"], len(example["waveform"]) / example["sample_rate_hz"]
    inputs = [name for name in INPUTS if name in set(words["input"])]
    for axes, method in zip(panels, methods):
        mark(axes, words.drop_duplicates("index"), rate)
        for place, name in enumerate(inputs):
            mine = words[(words["method"] == method) & (words["input"] == name)]
            largest = mine["score"].abs().max() or 1
            # Bars stand in the middle of their word, as wide as the shortest words allow.
            width = np.minimum((mine["offset"] - mine["onset"]) / rate, 0.09 * length) * 0.8 / len(inputs)
            centre = (mine["onset"] + mine["offset"]) / 2 / rate
            axes.bar(
                centre + (place - (len(inputs) - 1) / 2) * width, mine["score"] / largest, width, color=INPUTS[name]
            )
        axes.axhline(0, color="#555555", linewidth=0.5)
        axes.set(xlim=(0, length), ylim=(-1.12, 1.12), yticks=[], xticks=[])
        axes.spines[["left", "bottom"]].set_visible(False)
        if named:
            axes.set_ylabel(METHODS[method], rotation=0, ha="right", va="center", fontsize=7, linespacing=0.95)
    panels[-1].spines["bottom"].set_visible(True)
    panels[-1].set_xticks(np.arange(0, length, 0.5 if length < 3 else 1))
    panels[-1].set_xlabel("time (s)")


def draw_shares(axes, rows, entries, methods, named):
    """Draw the share of the deciding word by method, trained and untrained, with chance."""
    if rows.empty:
        axes.text(
            0.5,
            0.5,
            "no word is known\nto decide",
            transform=axes.transAxes,
            fontsize=7,
            color="#777777",
            ha="center",
            va="center",
        )
        axes.set_axis_off()
        return
    inputs = [name for name in INPUTS if name in set(rows["input"])]
    for entry in entries:
        mine = entry.rows(rows)
        for place, name in enumerate(inputs):
            shown = mine[mine["input"] == name].set_index("method").reindex(methods)
            y = np.arange(len(methods)) + (place - (len(inputs) - 1) / 2) * 0.24
            axes.hlines(y, shown["ci_low"], shown["ci_high"], color=INPUTS[name], linewidth=0.8)
            face = INPUTS[name] if entry.style.filled else "white"
            axes.plot(
                shown["value"],
                y,
                linestyle="",
                marker="o",
                markersize=3.2,
                markerfacecolor=face,
                markeredgecolor=INPUTS[name],
                markeredgewidth=0.8,
            )
    axes.axvline(rows["chance"].iloc[0], **CHANCE)
    axes.axvline(rows["chance_duration"].iloc[0], **BY_DURATION)
    axes.set(xlim=(0, 1), ylim=(len(methods) - 0.4, -0.6), xlabel="share of the deciding word")
    axes.set_yticks(
        range(len(methods)), [METHODS[name].replace("-\n", "").replace("\n", " ") for name in methods] if named else []
    )
    axes.tick_params(axis="y", length=0)
    axes.grid(axis="x")
    counts = f"n = {plotting.describe_range(rows['n'])} utterances"
    plotting.head(axes, "On average", [counts, plotting.describe_interval(rows)])


def describe(words):
    """Say what was said, what the model predicts, and what is attributed."""
    said = words.drop_duplicates("index").sort_values("onset")["label"]
    first = words.iloc[0]
    width = 40
    lines = wrap(f"said: {' '.join(said)}", width)[:2]
    lines += wrap(f"answer: {first['prediction']}", width)[:2]
    odds = re.search(r"\[(.+)\|(.*)\]", first["form"])
    of = f"“{odds[1]}” rather than “{odds[2]}”" if odds and odds[2] else f"“{first['target']}”"
    lines += wrap(f"explained: {of}, p = {first['probability']:.2f}", width)[:2]
    return lines


def legends(scores, shares, entries, columns):
    """Return the handles of the inputs, and of what else is drawn."""
    inputs = [
        Patch(color=INPUTS[name], label=LABELS.get(name, name)) for name in INPUTS if name in set(scores["input"])
    ]
    others = [Patch(**CUE, label="the word that decides")]
    if len(shares):
        marks = {"linestyle": "", "marker": "o", "color": "#555555", "markersize": 4}
        others += [
            Line2D([], [], **marks, label="trained"),
            Line2D([], [], **marks, markerfacecolor="white", label="untrained"),
            Line2D([], [], **CHANCE, label="chance: one word of the utterance"),
            Line2D([], [], **BY_DURATION, label="the word’s share of the time"),
        ]
    return [inputs, others]


def note(scores, summary, study):
    """Say what a reader of the figure alone must know."""
    gaps = summary[(summary["metric"] == "completeness_gap") & (summary["step"].astype(str) != "0")]
    gap = f" Gap of completeness of integrated gradients: {describe_gaps(gaps)}." if len(gaps) else ""
    return (
        f"{plotting.describe_study(study, scores['corpus'])} Bars: one utterance of the test voices; up speaks for "
        "what is explained, down against it; each method and input divided by its largest score; saliency has no sign. "
        "A gradient method’s word is the sum over its stretch of the input; the others replace words by silence; "
        f"occlusion slides a window.{gap} Below: mean share of |score| over utterances."
    )


def describe_gaps(gaps):
    """Write the range of the gap from each baseline, in percent of what is explained."""
    texts = []
    for method, name in (("integrated_gradients", "silence"), ("integrated_gradients_noise", "noise")):
        values = 100 * gaps.loc[gaps["method"] == method, "value"]
        if len(values):
            texts.append(f"from {name} {plotting.describe_range(values.round())} %")
    return ", ".join(texts)


def compose(paths, settings, study, models):
    """Return the figure of a study and the table of what it shows.

    Parameters
    ----------
    paths : of the tables, by the names of the rule's inputs
    settings : the figure's own entry, and that of its analysis
    study, models : as all figures take them
    """
    summary, scores, examples = map(read_table, [paths.table, paths.scores, paths.examples])
    scores = plotting.select(scores, "model", settings.get("models"), paths.scores)
    lines = plotting.entries(scores, scores["model"].unique(), plotting.model_style(models))
    summary = summary[summary["model"].isin(scores["model"])]
    figure = draw(scores, summary, examples, lines, study)
    return figure, summary
