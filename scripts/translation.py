"""Translate test sentences with all seeds of one translator, score their gender, and probe the translator's states."""

from pathlib import Path

from auscult.analyses.translation.analysis import score_translators
from auscult.analyses.translation.settings import TranslationSettings
from auscult.corpora.corpus import read_corpus
from auscult.devices import pick_device
from auscult.jobs import job
from auscult.settings import settings_from
from auscult.tables import write_table

with job(snakemake.log[0], snakemake.threads):
    results, translations = score_translators(
        read_corpus(Path(snakemake.input.corpus).parent),
        [Path(manifest).parent for manifest in snakemake.input.checkpoints],
        corpus=snakemake.wildcards.corpus,
        companion=read_corpus(Path(snakemake.input.companion[0]).parent) if snakemake.input.get("companion") else None,
        settings=settings_from(TranslationSettings, snakemake.params.settings),
        device=pick_device(snakemake.params.device),
        seed=snakemake.params.seed,
    )
    write_table(results, snakemake.output.table)
    write_table(translations, snakemake.output.translations)
