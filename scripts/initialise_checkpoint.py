"""Initialise the untrained control of a model: its architecture with fresh weights."""

from pathlib import Path

from auscult.jobs import job
from auscult.models.checkpoints import initialise_checkpoint

with job(snakemake.log[0], snakemake.threads):
    initialise_checkpoint(
        Path(snakemake.output.manifest).parent,
        like=Path(snakemake.input.like).parent,
        seed=snakemake.params.seed,
    )
