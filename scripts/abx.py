"""Score every layer of one model on one corpus by ABX."""

from pathlib import Path

from auscult.activations.store import read_activations
from auscult.analyses.abx.analysis import AbxSettings, abx_activations
from auscult.jobs import job
from auscult.settings import settings_from
from auscult.tables import write_table

with job(snakemake.log[0], snakemake.threads):
    results, contrasts = abx_activations(
        read_activations(Path(snakemake.input.activations).parent),
        targets=snakemake.params.targets,
        settings=settings_from(AbxSettings, snakemake.params.settings),
        seed=snakemake.params.seed,
        **dict(snakemake.wildcards.items()),
    )
    write_table(results, snakemake.output.table)
    write_table(contrasts, snakemake.output.contrasts)
