"""Train a two-stage bottleneck on frames of one model and probe both latents on other speakers."""

from pathlib import Path

from auscult.analyses.disentangling.latents import probe_latents
from auscult.analyses.disentangling.settings import DisentanglingSettings
from auscult.corpora.corpus import read_corpus
from auscult.jobs import job
from auscult.models.loading import open_model
from auscult.settings import settings_from
from auscult.tables import write_table

with job(snakemake.log[0], snakemake.threads):
    checkpoint = snakemake.input.checkpoint
    network, _ = open_model(
        features=snakemake.params.features,
        checkpoint=Path(checkpoint).parent if checkpoint else None,
        device=snakemake.params.device,
    )
    results = probe_latents(
        read_corpus(Path(snakemake.input.corpus).parent),
        network,
        names=dict(snakemake.wildcards.items()),
        layer=snakemake.params.layer,
        factors=snakemake.params.factors,
        targets=snakemake.params.targets,
        splits=snakemake.params.splits,
        batch_s=snakemake.params.batch_s,
        settings=settings_from(DisentanglingSettings, snakemake.params.settings),
        seed=snakemake.params.seed,
    )
    write_table(results, snakemake.output.table)
