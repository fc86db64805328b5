"""Map the segment vectors of one model to two dimensions and evaluate the maps on held-out speakers."""

from pathlib import Path

from auscult.activations.store import read_activations
from auscult.analyses.reduction.analysis import reduce_activations
from auscult.analyses.reduction.settings import ReductionSettings
from auscult.jobs import job
from auscult.settings import settings_from
from auscult.tables import write_table

with job(snakemake.log[0], snakemake.threads):
    quality, coordinates = reduce_activations(
        read_activations(Path(snakemake.input.activations).parent),
        layers=snakemake.params.layers,
        settings=settings_from(ReductionSettings, snakemake.params.settings),
        seed=snakemake.params.seed,
        **dict(snakemake.wildcards.items()),
    )
    write_table(quality, snakemake.output.quality)
    write_table(coordinates, snakemake.output.coordinates)
