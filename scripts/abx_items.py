"""Score every layer of one model by ABX on the items of files."""

from pathlib import Path

from auscult.analyses.abx.analysis import abx_item_files
from auscult.corpora.corpus import read_corpus
from auscult.jobs import job
from auscult.models.loading import open_model
from auscult.tables import write_table

with job(snakemake.log[0], snakemake.threads):
    model, _ = open_model(
        features=snakemake.params.features,
        checkpoint=snakemake.params.checkpoint,
        device=snakemake.params.device,
    )
    results, contrasts = abx_item_files(
        model,
        read_corpus(Path(snakemake.input.corpus).parent),
        targets=snakemake.params.targets,
        model_name=snakemake.wildcards.model,
        step=snakemake.wildcards.step,
        batch_s=snakemake.params.batch_s,
        contexts=snakemake.params.contexts,
        speakers=snakemake.params.speakers,
        max_items_per_bin=snakemake.params.max_items_per_bin,
        max_cells=snakemake.params.max_cells,
        n_resamples=snakemake.params.n_resamples,
        seed=snakemake.params.seed,
    )
    write_table(results, snakemake.output.table)
    write_table(contrasts, snakemake.output.contrasts)
