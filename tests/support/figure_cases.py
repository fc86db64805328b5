"""Result tables for tests of figures, and a function that runs the figure script as Snakemake does."""

import runpy
from functools import cache
from types import SimpleNamespace
from unittest.mock import patch
from xml.etree import ElementTree

import numpy as np
import pandas as pd
import yaml
from matplotlib.text import Text
from places import CAPTIONS, ROOT

from auscult.figures.captions import caption_html, render_caption
from auscult.figures.context import FigureContext
from auscult.figures.plotting import STYLE, figure_style
from auscult.study.configuration import check_study
from auscult.study.schema import build_schema
from auscult.tables import RESULT_COLUMNS, write_table

MODELS = {
    "hubert-english": {"label": "HuBERT (English)", "source": "trained"},
    "w2v2-english": {"label": "wav2vec 2.0 (English)", "source": "trained"},
    "mel": {"label": "log-mel", "source": "acoustic"},
    "mfcc": {"label": "MFCC", "source": "acoustic"},
    "f0": {"label": "F0", "source": "acoustic"},
    "time": {"label": "time", "source": "acoustic"},
}


LAYERS = ("cnn", "embed", "T1", "T2", "T3", "T4")


RUNS = [
    (name, step)
    for name, entry in MODELS.items()
    for step in (["0", "1500"] if entry["source"] == "trained" else ["final"])
]


CHANCE = {"phone": (0.04, 39), "speaker": (0.06, 16), "gender": (0.5, 2), "language": (0.33, 3)}


LEVEL = {"hubert-english": 0.72, "w2v2-english": 0.66, "mel": 0.55, "mfcc": 0.53, "f0": 0.15, "time": 0.05}


PANELS = (("english", "phone"), ("english", "speaker"), ("english", "gender"), ("multilingual", "language"))


def probing_rows(corpus, target, model, step, layer, value, labels="true", n_groups=16, **more):
    chance, n_classes = CHANCE[target]
    width = 0.03 if n_groups >= 6 else np.nan
    row = [corpus, model, step, layer, target, "accuracy", value, value - width, value + width, 12480, n_groups]
    return (
        dict(zip(RESULT_COLUMNS, row))
        | {
            "tier": "phone",
            "probe": "ridge",
            "labels": labels,
            "held_out": "speaker",
            "n_classes": n_classes,
            "chance": chance,
            "resampling_unit": "speaker",
            "n_folds": 4,
            "valid_value": value,
            "selected_layer": "",
        }
        | more
    )


def probing_table(panels=PANELS, runs=RUNS, layers=LAYERS, n_groups=16):
    random, rows = np.random.default_rng(1), []
    for corpus, target in panels:
        chance = CHANCE[target][0]
        for model, step in runs:
            names = layers if MODELS[model]["source"] == "trained" else ("input",)
            top = LEVEL[model] if step != "0" else 0.35
            shape = 0.6 + 0.4 * np.sin(np.linspace(0.3, 2.4, len(names))) if step != "0" else np.ones(len(names))
            values = chance + (1 - chance) * top * shape * random.uniform(0.93, 1, len(names))
            for labels, curve in (("true", values), ("shuffled", chance + random.normal(0, 0.008, len(names)))):
                more = {"labels": labels, "n_groups": n_groups}
                rows += [probing_rows(corpus, target, model, step, n, v, **more) for n, v in zip(names, curve)]
                best = int(np.argmax(values))
                rows.append(
                    probing_rows(
                        corpus, target, model, step, "selected", curve[best], selected_layer=names[best], **more
                    )
                )
    return pd.DataFrame(rows)


STUDY = {
    "name": "default",
    "title": "Embedded",
    "sources": {"english": "synthetic", "multilingual": "synthetic"},
    "left_out": {},
}


def manifest(folder, *parts):
    path = folder.joinpath(*parts, "manifest.json")
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("{}")
    return str(path)


class Inputs(SimpleNamespace):
    """Named inputs that can also be iterated over, as in Snakemake."""

    def items(self):
        return vars(self).items()


def run_script(name, folder, figure, inputs, study=STUDY, models=MODELS):
    stem, template = folder / "figures" / name, folder / "caption.rst"
    template.write_text("Shown. {{ finding }}")
    output = {ending: f"{stem}.{ending}" for ending in ("pdf", "svg", "png")}
    snakemake = SimpleNamespace(
        input=Inputs(
            style=str(STYLE),
            corpora=[manifest(folder, "corpora", "english")],
            checkpoints=[manifest(folder, "checkpoints", "hubert-english", "1500")],
            caption_template=str(template),
            **inputs,
        ),
        output=SimpleNamespace(
            details=f"{stem}-details.pdf",
            pages=f"{stem}-details",
            table=f"{stem}.csv",
            provenance=f"{stem}.json",
            **output,
        ),
        params=SimpleNamespace(
            figure={"name": name, "title": name, **figure}, study=study, models=models, tables=list(inputs)
        ),
        log=[str(folder / "log")],
        threads=1,
    )
    runpy.run_path(str(ROOT / "scripts" / "figure.py"), init_globals={"snakemake": snakemake})
    return stem


def draw_probing(folder, table, figure=None, **more):
    write_table(table, folder / "probing.csv")
    return run_script("probing", folder, figure or {"title": "Probing"}, {"table": str(folder / "probing.csv")}, **more)


def texts(stem):
    """Return the texts of a figure from its SVG."""
    svg = ElementTree.parse(f"{stem}.svg")
    return [" ".join("".join(node.itertext()).split()) for node in svg.iter("{http://www.w3.org/2000/svg}text")]


@cache
def default_analysis(name):
    """Return the settings of a family in the default study."""
    schema = build_schema(yaml.safe_load((ROOT / "workflow/schemas/study.schema.yaml").read_text()))
    return check_study(yaml.safe_load((ROOT / "config.yaml").read_text()), schema)["analyses"][name]


def caption_of(name, params, finding="Seen."):
    """Return the caption of a figure as HTML; settings default to those of the default study."""
    figure = {"models": (), **params["figure"]}
    context = FigureContext(
        name=name,
        models=params.get("models", {}),
        shown=figure["models"],
        analysis=default_analysis(name) | figure.get("analysis", {}),
        study=params.get("study", STUDY),
    )
    return caption_html(render_caption(CAPTIONS / f"{name}.rst", context, finding))


def context_of(name, models=MODELS, shown=(), analysis=None, study=STUDY):
    """Return the context of a figure of these models."""
    return FigureContext(name=name, models=models, shown=shown, analysis=analysis or {}, study=study)


def draw_styled(family, context, **tables):
    """Return a family's figure, drawn from tables in memory in the style of the workflow."""
    with figure_style():
        return family.draw(**tables, context=context)


def drawn(figure):
    """Return the lines of text that a figure, or each page of a list of them, shows."""
    if isinstance(figure, list):
        return [line for page in figure for line in drawn(page)]
    shown, draw = [], Text.draw

    def record(text, renderer):
        if text.get_visible():
            shown.extend(text.get_text().replace(r"\$", "$").splitlines())
        draw(text, renderer)

    figure.draw_without_rendering()
    figure.set_layout_engine("none")
    with figure_style(), patch.object(Text, "draw", record):
        figure.draw_without_rendering()
    return [" ".join(line.split()) for line in shown if line.strip()]


def note_of(figure):
    """Return the note below a figure, or the notes of all pages."""
    if isinstance(figure, list):
        return " ".join(map(note_of, figure))
    return " ".join(" ".join(text.get_text().split()) for text in figure.texts)
