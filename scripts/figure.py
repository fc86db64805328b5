"""Draw the figures of a family from its collected tables."""

from importlib import import_module
from pathlib import Path

from auscult.figures.context import FigureContext
from auscult.figures.output import write_figure
from auscult.jobs import job

with job(snakemake.log[0], snakemake.threads):
    figure = snakemake.params.figure
    write_figure(
        import_module(f"auscult.analyses.{figure['name']}.headline"),
        import_module(f"auscult.analyses.{figure['name']}.figure"),
        Path(snakemake.output.pdf).with_suffix(""),
        {name: getattr(snakemake.input, name) for name in snakemake.params.tables},
        FigureContext(
            name=figure["name"],
            title=figure["title"],
            models=snakemake.params.models,
            shown=figure.get("models", ()),
            analysis=figure.get("analysis", {}),
            study=snakemake.params.study,
        ),
        caption=snakemake.input.caption_template,
        corpora=snakemake.input.corpora,
        checkpoints=snakemake.input.checkpoints,
        style=snakemake.input.style,
    )
