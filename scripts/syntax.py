"""Measure every checkpoint of one language model on one corpus: loss, syntax in its attention, grammar."""

from pathlib import Path

from auscult.analyses.syntax.analysis import follow_syntax
from auscult.corpora.text import read_text_corpus
from auscult.jobs import job
from auscult.tables import write_table

with job(snakemake.log[0], snakemake.threads):
    folders = [Path(manifest).parent for manifest in snakemake.input.checkpoints]
    results = follow_syntax(
        {folder.name: folder for folder in folders},
        read_text_corpus(Path(snakemake.input.corpus).parent),
        model=snakemake.wildcards.model,
        device=snakemake.params.device,
        split=snakemake.params.split,
        min_arcs=snakemake.params.min_arcs,
        max_sentences=snakemake.params.max_sentences,
        variant=snakemake.params.variant,
        n_resamples=snakemake.params.n_resamples,
        seed=snakemake.params.seed,
    )
    write_table(results, snakemake.output.table)
