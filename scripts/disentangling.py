"""Measure how one model keeps factors apart: subspaces, selective erasure, and what predictions rest on."""

from pathlib import Path

from auscult.activations.store import read_activations
from auscult.analyses.disentangling.analysis import disentangle_activations
from auscult.jobs import job
from auscult.tables import write_table

with job(snakemake.log[0], snakemake.threads):
    results = disentangle_activations(
        read_activations(Path(snakemake.input.activations).parent),
        layer=snakemake.params.layer,
        factors=snakemake.params.factors,
        targets=snakemake.params.targets,
        tier=snakemake.params.tier,
        methods=snakemake.params.methods,
        shrinkage=snakemake.params.shrinkage,
        min_items=snakemake.params.min_items,
        max_items=snakemake.params.max_items,
        min_class_size=snakemake.params.min_class_size,
        n_folds=snakemake.params.n_folds,
        n_mlp_items=snakemake.params.n_mlp_items,
        n_null=snakemake.params.n_null,
        n_resamples=snakemake.params.n_resamples,
        seed=snakemake.params.seed,
        **dict(snakemake.wildcards.items()),
    )
    write_table(results, snakemake.output.table)
