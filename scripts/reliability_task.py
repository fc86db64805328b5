"""Summarise a task over its models: how their attributions agree, and what was measured of each."""

from auscult.analyses.reliability.tasks import measure_task
from auscult.jobs import job
from auscult.tables import read_table, write_table

with job(snakemake.log[0], snakemake.threads):
    results, contrasts = measure_task(
        {tuple(run): read_table(path) for run, path in zip(snakemake.params.runs, snakemake.input.scores)},
        [read_table(path) for path in snakemake.input.measured],
        between=snakemake.params.between,
        methods=snakemake.params.methods,
        top_share=snakemake.params.top_share,
        n_resamples=snakemake.params.n_resamples,
        seed=snakemake.params.seed,
        **dict(snakemake.wildcards.items()),
    )
    write_table(results, snakemake.output.table)
    write_table(contrasts, snakemake.output.contrasts)
