"""Train the seeds of one translation mechanism and keep their checkpoints and the curves of their quality."""

from pathlib import Path

from auscult.devices import pick_device
from auscult.jobs import job
from auscult.models.training.translation import train_translators

with job(snakemake.log[0], snakemake.threads):
    names = list(snakemake.params.seeds)
    folder = Path(snakemake.output.checkpoints[0]).parents[2]
    train_translators(
        checkpoints={name: folder / name for name in names},
        quality_tables=dict(zip(names, map(Path, snakemake.output.quality))),
        states={name: Path(snakemake.params.state) / name for name in names},
        seeds=snakemake.params.seeds,
        steps=snakemake.params.steps,
        corpus=Path(snakemake.input.corpus).parent,
        start=Path(snakemake.input.start).parent,
        mechanism=snakemake.params.mechanism,
        batch_size=snakemake.params.batch_size,
        peak_learning_rate=snakemake.params.peak_learning_rate,
        matrix_rate=snakemake.params.matrix_rate,
        warmup=snakemake.params.warmup,
        dropout=snakemake.params.dropout,
        width=snakemake.params.width,
        decoder_layers=snakemake.params.decoder_layers,
        decoder_steps=snakemake.params.decoder_steps,
        encoder_rate=snakemake.params.encoder_rate,
        device=pick_device(snakemake.params.device),
        threads=snakemake.threads,
        identity={"threads": snakemake.threads, "code": snakemake.params.code},
    )
