"""Summarise a task over its models: agreement of their attributions, and measures of single models."""

from auscult.analyses.reliability.settings import ReliabilitySettings
from auscult.analyses.reliability.tasks import measure_task
from auscult.jobs import job
from auscult.settings import settings_from
from auscult.tables import read_table, write_table

with job(snakemake.log[0], snakemake.threads):
    results, contrasts = measure_task(
        {tuple(run): read_table(path) for run, path in zip(snakemake.params.runs, snakemake.input.scores)},
        [read_table(path) for path in snakemake.input.measured],
        between=snakemake.params.between,
        settings=settings_from(ReliabilitySettings, snakemake.params.settings),
        seed=snakemake.params.seed,
        **dict(snakemake.wildcards.items()),
    )
    write_table(results, snakemake.output.table)
    write_table(contrasts, snakemake.output.contrasts)
