"""Translate test sentences with all seeds of one translator, score the gender that is written, and probe the states."""

from pathlib import Path

from auscult.analyses.translation.analysis import score_translators
from auscult.corpora.corpus import read_corpus
from auscult.devices import pick_device
from auscult.jobs import job
from auscult.tables import write_table

with job(snakemake.log[0], snakemake.threads):
    results, translations = score_translators(
        read_corpus(Path(snakemake.input.corpus).parent),
        [Path(manifest).parent for manifest in snakemake.input.checkpoints],
        corpus=snakemake.wildcards.corpus,
        n_probe=snakemake.params.n_probe,
        n_resamples=snakemake.params.n_resamples,
        seed=snakemake.params.seed,
        device=pick_device(snakemake.params.device),
    )
    write_table(results, snakemake.output.table)
    write_table(translations, snakemake.output.translations)
