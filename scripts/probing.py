"""Probe every layer of all models of a study on one corpus."""

from pathlib import Path

import pandas as pd

from auscult.activations.store import read_activations
from auscult.analyses.probing.analysis import probe_activations
from auscult.analyses.probing.kept_results import KeptResults, confusion_table
from auscult.analyses.probing.settings import ProbingSettings
from auscult.corpora.corpus import read_corpus
from auscult.jobs import job
from auscult.settings import settings_from
from auscult.tables import write_table

with job(snakemake.log[0], snakemake.threads):
    acoustics = [read_activations(Path(manifest).parent) for manifest in snakemake.input.acoustics]
    corpora = [read_corpus(Path(manifest).parent) for manifest in snakemake.input.corpus]
    training, n_runs = snakemake.params.training, len(snakemake.params.runs)
    kept = KeptResults() if hasattr(snakemake.output, "item_table") else None
    results = [
        probe_activations(
            read_activations(Path(manifest).parent),
            targets=snakemake.params.targets,
            acoustics=dict(zip(snakemake.params.acoustics, acoustics)),
            segments=corpora[0].segments if corpora else None,
            training={
                corpus: read_activations(Path(snakemake.input.training[number * n_runs + run]).parent)
                for number, corpus in enumerate(training)
            },
            kept=kept,
            settings=settings_from(ProbingSettings, snakemake.params.settings),
            seed=snakemake.params.seed,
            corpus=snakemake.wildcards.corpus,
            model=model,
            step=step,
        )
        for run, ((model, step), manifest) in enumerate(zip(snakemake.params.runs, snakemake.input.activations))
    ]
    write_table(pd.concat(results, ignore_index=True), snakemake.output.table)
    if kept:
        write_table(kept.table(), snakemake.output.item_table)
        write_table(confusion_table(kept.table()), snakemake.output.confusions)
        kept.write_probes(snakemake.output.probes)
