"""Stack the results of all models, average them over seeds and compare conditions."""

from auscult.analyses.tone.summary import summarise_tone
from auscult.jobs import job
from auscult.tables import collect_tables, write_table

with job(snakemake.log[0], snakemake.threads):
    items = collect_tables(snakemake.input.syllables)
    summary = summarise_tone(items, n_resamples=snakemake.params.n_resamples, seed=snakemake.params.seed)
    write_table(collect_tables(snakemake.input.table), snakemake.output.table)
    write_table(summary, snakemake.output.summary)
