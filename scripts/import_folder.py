"""Read a local folder of recordings and labels as tables and 16 kHz audio."""

from pathlib import Path

from auscult.corpora.importing import import_corpus
from auscult.jobs import job

with job(snakemake.log[0], snakemake.threads):
    import_corpus(
        Path(snakemake.output.manifest).parent,
        corpus=snakemake.wildcards.corpus,
        reader=snakemake.params.reader,
        source=Path(snakemake.params.source),
        resample=snakemake.params.resample,
        options=snakemake.params.options,
        n_workers=snakemake.threads,
    )
