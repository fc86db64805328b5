"""Write the sentences of a grammar, their parses and minimal pairs: one corpus of text."""

from pathlib import Path

from auscult.corpora.synthesis.text import write_text_corpus
from auscult.jobs import job

with job(snakemake.log[0], snakemake.threads):
    write_text_corpus(
        Path(snakemake.output.manifest).parent,
        corpus=snakemake.wildcards.corpus,
        grammar=snakemake.params.grammar,
        sentences=snakemake.params.sentences,
        pairs=snakemake.params.pairs,
        seed=snakemake.params.seed,
    )
