"""Date the break of every curve over training, and compare the dates of models and seeds."""

from auscult.analyses.syntax.onsets import find_onsets
from auscult.jobs import job
from auscult.tables import read_table, write_table

with job(snakemake.log[0], snakemake.threads):
    results = read_table(snakemake.input.table)
    write_table(find_onsets(results, share=snakemake.params.share), snakemake.output.table)
