"""Find the onset of every curve over training, and compare onsets of models and seeds."""

from auscult.analyses.syntax.onsets import find_onsets
from auscult.analyses.syntax.settings import SyntaxSettings
from auscult.jobs import job
from auscult.settings import settings_from
from auscult.tables import read_table, write_table

with job(snakemake.log[0], snakemake.threads):
    results = read_table(snakemake.input.table)
    settings = settings_from(SyntaxSettings, snakemake.params.settings)
    write_table(find_onsets(results, settings), snakemake.output.table)
