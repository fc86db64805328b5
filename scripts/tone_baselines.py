"""Probe acoustic contours of the syllables of one corpus for their tones and consonants."""

from pathlib import Path

from auscult.analyses.tone.analysis import tone_contours
from auscult.analyses.tone.settings import ToneSettings
from auscult.corpora.corpus import read_corpus
from auscult.jobs import job
from auscult.settings import settings_from
from auscult.tables import write_table

with job(snakemake.log[0], snakemake.threads):
    results, items = tone_contours(
        read_corpus(Path(snakemake.input.corpus).parent),
        features=snakemake.params.features,
        splits=snakemake.params.splits,
        training=read_corpus(Path(snakemake.input.training[0]).parent) if snakemake.input.training else None,
        settings=settings_from(ToneSettings, snakemake.params.settings),
        seed=snakemake.params.seed,
    )
    write_table(results, snakemake.output.table)
    write_table(items, snakemake.output.syllables)
