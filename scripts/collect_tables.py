"""Stack the tables of one analysis family: each named input into the output of the same name."""

from auscult.jobs import job
from auscult.tables import collect_tables, write_table

with job(snakemake.log[0], snakemake.threads):
    for name, collected in snakemake.output.items():
        paths = snakemake.input.get(name)
        write_table(collect_tables([paths] if isinstance(paths, str) else paths), collected)
