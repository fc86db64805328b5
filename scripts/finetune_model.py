"""Fine-tune one pre-trained encoder and keep its checkpoints and the curve of its quality."""

from pathlib import Path

from auscult.devices import pick_device
from auscult.jobs import job
from auscult.models.training.finetuning import finetune_model

with job(snakemake.log[0], snakemake.threads):
    finetune_model(
        checkpoints=Path(snakemake.output.checkpoints[0]).parents[1],
        quality_table=Path(snakemake.output.quality),
        state=Path(snakemake.params.state),
        corpus=Path(snakemake.input.corpus).parent,
        start=Path(snakemake.input.start).parent,
        task=snakemake.params.task,
        target=snakemake.params.target,
        steps=snakemake.params.steps,
        batch_size=snakemake.params.batch_size,
        peak_learning_rate=snakemake.params.peak_learning_rate,
        matrix_rate=snakemake.params.matrix_rate,
        warmup=snakemake.params.warmup,
        dropout=snakemake.params.dropout,
        mask_probability=snakemake.params.mask_probability,
        augmented_share=snakemake.params.augmented_share,
        time_warp=snakemake.params.time_warp,
        head_steps=snakemake.params.head_steps,
        seed=snakemake.params.seed,
        device=pick_device(snakemake.params.device),
        threads=snakemake.threads,
        identity={"threads": snakemake.threads, "code": snakemake.params.code},
    )
