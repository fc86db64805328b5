"""Synthesise utterances of voices that no model has met, and sentences with exchanged pitch and vocal tract."""

from pathlib import Path

from auscult.corpora.synthesis.unmet_voices import synthesise_companion
from auscult.jobs import job

with job(snakemake.log[0]):
    synthesise_companion(
        Path(snakemake.output.manifest).parent,
        corpus=snakemake.wildcards.corpus,
        n_workers=snakemake.threads,
        **snakemake.params.plan,
    )
