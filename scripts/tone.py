"""Probe every layer of every checkpoint of one model for the tones and consonants of one corpus."""

from pathlib import Path

from auscult.activations.store import read_activations
from auscult.analyses.tone.analysis import tone_activations
from auscult.analyses.tone.settings import ToneSettings
from auscult.jobs import job
from auscult.settings import settings_from
from auscult.tables import write_table

with job(snakemake.log[0], snakemake.threads):
    folders = [Path(manifest).parent for manifest in snakemake.input.activations]
    others = [Path(manifest).parent for manifest in snakemake.input.training]
    results, items = tone_activations(
        {folder.name: read_activations(folder) for folder in folders},
        training=(others[0].parts[-3], {one.name: read_activations(one) for one in others}) if others else None,
        settings=settings_from(ToneSettings, snakemake.params.settings),
        seed=snakemake.params.seed,
        **dict(snakemake.wildcards.items()),
    )
    write_table(results, snakemake.output.table)
    write_table(items, snakemake.output.syllables)
