"""Train a two-stage bottleneck on frames of one model and probe both latents on other voices."""

from pathlib import Path

from auscult.analyses.disentangling.bottleneck import BottleneckSettings
from auscult.analyses.disentangling.latents import probe_latents
from auscult.corpora.corpus import read_corpus
from auscult.jobs import job
from auscult.models.loading import open_model
from auscult.tables import write_table

with job(snakemake.log[0], snakemake.threads):
    checkpoint, bottleneck = snakemake.input.checkpoint, snakemake.params.bottleneck
    network, _ = open_model(
        features=snakemake.params.features,
        checkpoint=Path(checkpoint).parent if checkpoint else None,
        device=snakemake.params.device,
    )
    results = probe_latents(
        read_corpus(Path(snakemake.input.corpus).parent),
        network,
        layer=snakemake.params.layer,
        settings=BottleneckSettings(
            n_latent=bottleneck["n_latent"],
            steps=(bottleneck["textual_steps"], bottleneck["acoustic_steps"]),
            batch_size=bottleneck["batch_size"],
            beta=tuple(bottleneck["beta"]),
            peak_learning_rate=bottleneck["peak_learning_rate"],
        ),
        factors=snakemake.params.factors,
        targets=snakemake.params.targets,
        tier=snakemake.params.tier,
        splits=snakemake.params.splits,
        train_split=bottleneck["train_split"],
        n_train=bottleneck["n_train"],
        n_test=bottleneck["n_test"],
        batch_s=snakemake.params.batch_s,
        min_class_size=snakemake.params.min_class_size,
        n_folds=snakemake.params.n_folds,
        n_resamples=snakemake.params.n_resamples,
        seed=snakemake.params.seed,
        **dict(snakemake.wildcards.items()),
    )
    write_table(results, snakemake.output.table)
