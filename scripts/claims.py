"""Judge the claims of the talk by the tables of the study's figures."""

from pathlib import Path

from auscult.claims.verdicts import describe_verdicts, judge, read_claims
from auscult.jobs import job
from auscult.manifests import write_file
from auscult.tables import read_table, write_table

with job(snakemake.log[0], snakemake.threads):
    tables = {Path(path).stem: read_table(path) for path in snakemake.input.tables}
    verdicts = judge(read_claims(snakemake.input.claims), tables)
    write_table(verdicts, snakemake.output.table)
    with write_file(snakemake.output.text) as partial:
        partial.write_text(describe_verdicts(verdicts) + "\n", encoding="utf-8")
