"""Probe acoustic contours around the syllables of one corpus for their tones and consonants."""

from pathlib import Path

from auscult.analyses.tone.analysis import tone_contours
from auscult.corpora.corpus import read_corpus
from auscult.jobs import job
from auscult.tables import write_table

with job(snakemake.log[0], snakemake.threads):
    results, items = tone_contours(
        read_corpus(Path(snakemake.input.corpus).parent),
        features=snakemake.params.features,
        contrasts=snakemake.params.contrasts,
        splits=snakemake.params.splits,
        n_folds=snakemake.params.n_folds,
        n_resamples=snakemake.params.n_resamples,
        seed=snakemake.params.seed,
    )
    write_table(results, snakemake.output.table)
    write_table(items, snakemake.output.syllables)
