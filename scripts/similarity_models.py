"""Compare the layers of every two models of a corpus, and of each model with its untrained control."""

from pathlib import Path

from auscult.activations.store import read_activations
from auscult.analyses.similarity.analysis import SimilaritySettings, compare_models
from auscult.jobs import job
from auscult.settings import settings_from
from auscult.tables import write_table

with job(snakemake.log[0], snakemake.threads):
    folders = [Path(path).parent for path in snakemake.input.activations]
    results = compare_models(
        {folder.parts[-2:]: read_activations(folder) for folder in folders},
        corpus=snakemake.wildcards.corpus,
        settings=settings_from(SimilaritySettings, snakemake.params.settings),
        seed=snakemake.params.seed,
    )
    write_table(results, snakemake.output.table)
