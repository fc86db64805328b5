"""Compare subspaces of factors in one model, erase each factor, and attribute predictions to the subspaces."""

from pathlib import Path

from auscult.activations.store import read_activations
from auscult.analyses.disentangling.analysis import disentangle_activations
from auscult.analyses.disentangling.settings import DisentanglingSettings
from auscult.jobs import job
from auscult.settings import settings_from
from auscult.tables import write_table

with job(snakemake.log[0], snakemake.threads):
    results = disentangle_activations(
        read_activations(Path(snakemake.input.activations).parent),
        layer=snakemake.params.layer,
        factors=snakemake.params.factors,
        targets=snakemake.params.targets,
        settings=settings_from(DisentanglingSettings, snakemake.params.settings),
        seed=snakemake.params.seed,
        **dict(snakemake.wildcards.items()),
    )
    write_table(results, snakemake.output.table)
