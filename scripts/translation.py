"""Translate the test utterances of a corpus, score the gender that is written, and probe the states for it."""

from pathlib import Path

from auscult.corpora.corpus import read_corpus
from auscult.jobs import job
from auscult.models.translation import load_translator
from auscult.tables import write_table
from auscult.translation import score_translator

with job(snakemake.log[0], snakemake.threads):
    results, items = score_translator(
        read_corpus(Path(snakemake.input.corpus).parent),
        load_translator(Path(snakemake.input.checkpoint).parent, device=snakemake.params.device),
        n_probe=snakemake.params.n_probe,
        n_resamples=snakemake.params.n_resamples,
        seed=snakemake.params.seed,
        **dict(snakemake.wildcards.items()),
    )
    write_table(results, snakemake.output.table)
    write_table(items, snakemake.output.items)
