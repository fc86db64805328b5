"""Train one small BERT and keep its checkpoints and its loss curve."""

from pathlib import Path

from auscult.devices import pick_device
from auscult.jobs import job
from auscult.models.training.language_model import train_language_model

with job(snakemake.log[0], snakemake.threads):
    train_language_model(
        checkpoints=Path(snakemake.output.checkpoints[0]).parents[1],
        loss_table=Path(snakemake.output.loss),
        state=Path(snakemake.params.state),
        corpus=Path(snakemake.input.corpus).parent,
        architecture=snakemake.params.architecture,
        steps=snakemake.params.steps,
        batch_size=snakemake.params.batch_size,
        mask_share=snakemake.params.mask_share,
        peak_learning_rate=snakemake.params.peak_learning_rate,
        matrix_rate=snakemake.params.matrix_rate,
        warmup=snakemake.params.warmup,
        syntax_regulariser=snakemake.params.syntax_regulariser,
        regulariser_until=snakemake.params.regulariser_until,
        regulariser_arcs=snakemake.params.regulariser_arcs,
        seed=snakemake.params.seed,
        device=pick_device(snakemake.params.device),
        threads=snakemake.threads,
        identity={"threads": snakemake.threads, "code": snakemake.params.code},
    )
