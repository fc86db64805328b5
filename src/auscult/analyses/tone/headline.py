"""The slide of tone probing: accuracy of consonants and tones over training, by pre-training language."""

from collections.abc import Mapping

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from auscult.analyses.tone import figure as details
from auscult.analyses.tone.figure_panels import Panel, panels_of, short_label, step_places
from auscult.figures import marks, slide
from auscult.figures.context import FigureContext
from auscult.figures.findings import compare, number, value_text
from auscult.figures.palette import ModelStyle
from auscult.seeds import task_of

__all__ = ["draw", "describe_headline"]

_WORDS = {"above": "above", "below": "below", "not separated from": "not separated from", "against": "beside"}


def draw(table: pd.DataFrame, summary: pd.DataFrame, *, context: FigureContext = FigureContext()) -> Figure:
    """Draw one panel per contrast: conditions over training, single seeds, acoustic baselines and chance.

    Of the poolings of a contrast, the last that the study names is shown. Parameters and errors are those of
    :func:`auscult.analyses.tone.figure.draw`.
    """
    styles, panels = _panels(table, summary, context)
    own = panels[-1].own
    figure = slide.new_slide(
        describe_headline(table, summary, context=context),
        f"Layer chosen on validation items; probes of unseen voices and syllables. Bands: 95 % over "
        f"{own['resampling_unit'].iloc[0]}s; thin lines: seeds. {marks.count_line(own)}. Step 0: untrained; "
        "chance: commonest class.",
    )
    for axes, panel in zip(figure.subplots(1, len(panels), squeeze=False, sharey=True)[0], panels):
        _draw_panel(axes, panel, styles)
    figure.axes[0].set_ylabel("accuracy")
    return figure


def describe_headline(table: pd.DataFrame, summary: pd.DataFrame, *, context: FigureContext = FigureContext()) -> str:
    """Return one sentence on tone (or the last contrast): the best condition against F0, and between languages."""
    styles, panels = _panels(table, summary, context)
    panel = panels[-1]
    rows = panel.own[panel.own["step"] == panel.own["step"].iloc[-1]]
    best = rows.loc[rows["value"].idxmax()]
    gaps = panel.differences
    mine = gaps[gaps["model"] == best["model"]]
    said = [f"{panel.target.capitalize()}: {_name(styles[best['model']])} {number(best['value'])}"]
    for _, gap in mine[mine["other_model"].map(lambda name: styles[name].baseline)].iterrows():
        control = styles[gap["other_model"]].label
        said.append(f"{_WORDS[compare(gap, 0)]} {control} ({number(best['value'] - gap['value'])})")
    between = gaps[(gaps["model"] != gaps["other_model"]) & ~gaps["other_model"].map(lambda n: styles[n].baseline)]
    text = ", ".join(said)
    for _, gap in between.head(1).iterrows():
        pair = " − ".join(_name(styles[gap[key]]) for key in ("model", "other_model"))
        separated = compare(gap, 0) in ("above", "below")
        text += f"; {pair} {value_text(gap)}{'' if separated else ', not separated'}"
    return text


def _panels(
    table: pd.DataFrame, summary: pd.DataFrame, context: FigureContext
) -> tuple[Mapping[str, ModelStyle], list[Panel]]:
    """Return the looks of conditions and, of the first corpus, the panel of each contrast's last pooling."""
    rows, styles = details.drawn_models(table, context), details.condition_styles(table, summary, context)
    summary = details.drawn_rows(table, summary, context=context)
    corpus = summary["corpus"].iloc[0]
    panels = panels_of(rows[rows["corpus"] == corpus], summary[summary["corpus"] == corpus])
    return styles, list({panel.target: panel for panel in panels}.values())


def _draw_panel(axes: Axes, panel: Panel, styles: Mapping[str, ModelStyle]) -> None:
    places = step_places(panel.means)
    end, labels = max(places.values()), []
    for condition, style in styles.items():
        rows = panel.means[panel.means["model"] == condition]
        if rows.empty:
            continue
        if style.baseline:
            marks.baseline_line(axes, rows.iloc[0], style)
            labels.append((style.label, float(rows["value"].iloc[0]), style.colour))
            continue
        x = rows["step"].map(places)
        marks.interval_band(axes, x, rows, style.colour)
        seeds = panel.seeds[panel.seeds["model"].map(task_of) == condition]
        marks.seed_lines(axes, seeds["step"].map(places), seeds, style.colour)
        axes.plot(x, rows["value"], color=style.colour, marker=style.marker)
        labels.append((_name(style), float(rows["value"].iloc[-1]), style.colour))
    chance = float(panel.own["chance"].iloc[0])
    marks.chance_line(axes, chance)
    labels.append(("chance", chance, marks.GREY))
    axes.set(xlabel="training step", xlim=(-0.25, end + 0.25), ylim=(0, 1), title=panel.target.capitalize())
    marks.few_ticks(axes, list(places), list(places.values()))
    slide.label_ends(axes, labels, end + 0.25, 0.075)


def _name(style: ModelStyle) -> str:
    return short_label(style.label).split(",")[0]
