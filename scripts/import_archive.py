"""Unpack the archive of one corpus and read it as tables and 16 kHz audio."""

import shutil
from pathlib import Path

from auscult.corpora.archives import unpack_or_copy
from auscult.corpora.importing import import_corpus
from auscult.jobs import job
from auscult.manifests import digest

with job(snakemake.log[0], snakemake.threads):
    archive = Path(snakemake.input.archive)
    # Stays where messages say it is if the import fails.
    source = archive.parent / "unpacked"
    shutil.rmtree(source, ignore_errors=True)
    unpack_or_copy(archive, source)
    parents = {"archive": digest(archive)}
    for alignments in snakemake.input.alignments:
        unpack_or_copy(Path(alignments), source / "alignments")
        parents["alignments"] = digest(alignments)
    import_corpus(
        Path(snakemake.output.manifest).parent,
        corpus=snakemake.wildcards.corpus,
        reader=snakemake.params.reader,
        source=source,
        resample=snakemake.params.resample,
        options=snakemake.params.options,
        n_workers=snakemake.threads,
        parents=parents,
    )
    shutil.rmtree(source)
