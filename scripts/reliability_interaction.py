"""Compare the difference between words and frames in word-based tasks with the difference in other tasks."""

from auscult.analyses.reliability.interaction import interact
from auscult.jobs import job
from auscult.tables import read_table, write_table

with job(snakemake.log[0], snakemake.threads):
    runs = [tuple(run) for run in snakemake.params.runs]
    results = interact(
        dict(zip(runs, map(read_table, snakemake.input.contrasts))),
        snakemake.params.word_based,
        n_resamples=snakemake.params.n_resamples,
        seed=snakemake.params.seed,
    )
    write_table(results, snakemake.output.table)
