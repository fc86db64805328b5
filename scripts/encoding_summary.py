"""Compare midpoints and layers of levels within each model, and the spread of midpoints between models."""

from auscult.analyses.encoding.summary import summarise_encoding
from auscult.jobs import job
from auscult.tables import read_table, write_table

with job(snakemake.log[0], snakemake.threads):
    summary = summarise_encoding(
        read_table(snakemake.input.curves),
        read_table(snakemake.input.draws),
        compare=snakemake.params.compare,
    )
    write_table(summary, snakemake.output.table)
