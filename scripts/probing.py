"""Probe every layer of one model on one corpus."""

from pathlib import Path

from auscult.activations import read_activations
from auscult.corpora.corpus import read_corpus
from auscult.jobs import job
from auscult.probing import probe_activations
from auscult.tables import write_table

with job(snakemake.log[0], snakemake.threads):
    acoustics = [read_activations(Path(manifest).parent) for manifest in snakemake.input.acoustics]
    corpora = [read_corpus(Path(manifest).parent) for manifest in snakemake.input.corpus]
    results = probe_activations(
        read_activations(Path(snakemake.input.activations).parent),
        targets=snakemake.params.targets,
        acoustics=dict(zip(snakemake.params.acoustics, acoustics)),
        segments=corpora[0].segments if corpora else None,
        probe=snakemake.params.probe,
        n_folds=snakemake.params.n_folds,
        n_permutations=snakemake.params.n_permutations,
        n_resamples=snakemake.params.n_resamples,
        min_class_size=snakemake.params.min_class_size,
        max_items=snakemake.params.max_items,
        seed=snakemake.params.seed,
        **dict(snakemake.wildcards.items()),
    )
    write_table(results, snakemake.output.table)
