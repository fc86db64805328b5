"""Collect the results of all models, average them over seeds and compare conditions."""

from auscult.analyses.tone.settings import ToneSettings
from auscult.analyses.tone.summary import summarise_tone
from auscult.jobs import job
from auscult.settings import settings_from
from auscult.tables import collect_tables, write_table

with job(snakemake.log[0], snakemake.threads):
    items = collect_tables(snakemake.input.syllables)
    settings = settings_from(ToneSettings, snakemake.params.settings)
    summary = summarise_tone(items, settings=settings, seed=snakemake.params.seed)
    write_table(collect_tables(snakemake.input.table), snakemake.output.table)
    write_table(summary, snakemake.output.summary)
