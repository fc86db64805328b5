"""Collect what translators write and what is heard in them, average over seeds, and regress one on the other."""

from auscult.analyses.translation.summary import summarise_translation
from auscult.jobs import job
from auscult.tables import collect_tables, write_table

with job(snakemake.log[0], snakemake.threads):
    write_table(collect_tables(snakemake.input.table), snakemake.output.table)
    summary = summarise_translation(
        collect_tables(snakemake.input.translations),
        n_resamples=snakemake.params.n_resamples,
        seed=snakemake.params.seed,
    )
    write_table(summary, snakemake.output.summary)
