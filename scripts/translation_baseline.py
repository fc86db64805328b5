"""Probe acoustic frames for the speaker's gender as the states of translators are probed."""

from pathlib import Path

from auscult.analyses.translation.analysis import score_baseline
from auscult.analyses.translation.settings import TranslationSettings
from auscult.corpora.corpus import read_corpus
from auscult.jobs import job
from auscult.models.acoustic import acoustic_model
from auscult.settings import settings_from
from auscult.tables import write_table

with job(snakemake.log[0], snakemake.threads):
    baseline = acoustic_model(snakemake.params.features)
    results = score_baseline(
        read_corpus(Path(snakemake.input.corpus).parent),
        lambda waveforms: baseline.frames(waveforms)["input"],
        companion=read_corpus(Path(snakemake.input.companion[0]).parent) if snakemake.input.get("companion") else None,
        settings=settings_from(TranslationSettings, snakemake.params.settings),
        seed=snakemake.params.seed,
        **dict(snakemake.wildcards.items()),
    )
    write_table(results, snakemake.output.table)
