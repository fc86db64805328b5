"""Collect the results of translators, average them over seeds, and regress gender accuracy on the probe's F1."""

from auscult.analyses.translation.settings import TranslationSettings
from auscult.analyses.translation.summary import summarise_translation
from auscult.jobs import job
from auscult.settings import settings_from
from auscult.tables import collect_tables, write_table

with job(snakemake.log[0], snakemake.threads):
    write_table(collect_tables(snakemake.input.table), snakemake.output.table)
    summary = summarise_translation(
        collect_tables(snakemake.input.translations),
        settings=settings_from(TranslationSettings, snakemake.params.settings),
        seed=snakemake.params.seed,
    )
    write_table(summary, snakemake.output.summary)
