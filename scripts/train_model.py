"""Train one small speech encoder and keep its checkpoints and its loss curve."""

from pathlib import Path

from auscult.devices import pick_device
from auscult.jobs import job
from auscult.models.training.pretraining import train_model

with job(snakemake.log[0], snakemake.threads):
    train_model(
        checkpoints=Path(snakemake.output.checkpoints[0]).parents[1],
        loss_table=Path(snakemake.output.loss),
        state=Path(snakemake.params.state),
        corpus=Path(snakemake.input.corpus).parent,
        recipe=snakemake.params.recipe,
        architecture=snakemake.params.architecture,
        codebooks=snakemake.params.codebooks,
        teacher=Path(snakemake.input.teacher[0]).parent if snakemake.input.teacher else None,
        steps=snakemake.params.steps,
        batch_size=snakemake.params.batch_size,
        crop_s=snakemake.params.crop_s,
        peak_learning_rate=snakemake.params.peak_learning_rate,
        matrix_rate=snakemake.params.matrix_rate,
        warmup=snakemake.params.warmup,
        seed=snakemake.params.seed,
        device=pick_device(snakemake.params.device),
        threads=snakemake.threads,
        identity={"threads": snakemake.threads, "code": snakemake.params.code},
    )
