"""Collect what translators write and what is heard in them, average over seeds, and regress one on the other."""

from auscult.jobs import job
from auscult.tables import collect_tables, write_table
from auscult.translation_summary import summarise_translation

with job(snakemake.log[0], snakemake.threads):
    write_table(collect_tables(snakemake.input.table), snakemake.output.table)
    summary = summarise_translation(
        collect_tables(snakemake.input.translations),
        n_resamples=snakemake.params.n_resamples,
        seed=snakemake.params.seed,
    )
    write_table(summary, snakemake.output.summary)
