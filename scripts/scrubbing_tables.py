"""Collect the results of scrubbing, and tabulate the error rates before and after erasure."""

from auscult.analyses.scrubbing.summary import tabulate_rates
from auscult.jobs import job
from auscult.tables import collect_tables, write_table

with job(snakemake.log[0], snakemake.threads):
    results = collect_tables(snakemake.input.table)
    write_table(results, snakemake.output.table)
    write_table(tabulate_rates(results), snakemake.output.rates)
