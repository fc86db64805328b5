"""Draw one figure from the collected tables of its analysis."""

from importlib import import_module
from pathlib import Path

from auscult.figures import plotting
from auscult.jobs import job

with job(snakemake.log[0], snakemake.threads), plotting.figure_style(snakemake.input.style):
    settings, study, models = snakemake.params.figure, snakemake.params.study, snakemake.params.models
    shared = ("corpora", "checkpoints", "style", "code")
    tables = [path for name, path in snakemake.input.items() if name not in shared]
    family = import_module(f"auscult.analyses.{settings['name']}.figure")
    figure, shown = family.compose(snakemake.input, settings, study, models)
    source = plotting.provenance(
        study["name"],
        {"figure": settings, "models": models},
        tables,
        snakemake.input.corpora,
        snakemake.input.checkpoints,
    )
    plotting.save_figure(figure, Path(snakemake.output.pdf).with_suffix(""), shown, source)
