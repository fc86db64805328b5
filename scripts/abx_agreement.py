"""Compare the rankings of layers and models by ABX and by the probe."""

from auscult.analyses.abx.agreement import rank_agreement
from auscult.jobs import job
from auscult.tables import read_table, write_table

with job(snakemake.log[0], snakemake.threads):
    agreement = rank_agreement(read_table(snakemake.input.abx), read_table(snakemake.input.probing))
    write_table(agreement, snakemake.output.table)
