"""Score every layer of one model on one corpus by ABX."""

from pathlib import Path

from auscult.activations.store import read_activations
from auscult.analyses.abx.analysis import abx_activations
from auscult.jobs import job
from auscult.tables import write_table

with job(snakemake.log[0], snakemake.threads):
    results, contrasts = abx_activations(
        read_activations(Path(snakemake.input.activations).parent),
        targets=snakemake.params.targets,
        contexts=snakemake.params.contexts,
        speakers=snakemake.params.speakers,
        distance=snakemake.params.distance,
        max_items_per_bin=snakemake.params.max_items_per_bin,
        max_cells=snakemake.params.max_cells,
        n_resamples=snakemake.params.n_resamples,
        seed=snakemake.params.seed,
        **dict(snakemake.wildcards.items()),
    )
    write_table(results, snakemake.output.table)
    write_table(contrasts, snakemake.output.contrasts)
