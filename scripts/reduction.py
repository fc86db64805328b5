"""Map the segment vectors of one model to the plane and measure the maps on held-out speakers."""

from pathlib import Path

from auscult.activations.store import read_activations
from auscult.analyses.reduction.analysis import reduce_activations
from auscult.jobs import job
from auscult.tables import write_table

with job(snakemake.log[0], snakemake.threads):
    quality, coordinates = reduce_activations(
        read_activations(Path(snakemake.input.activations).parent),
        tier=snakemake.params.tier,
        layers=snakemake.params.layers,
        methods=snakemake.params.methods,
        factors=snakemake.params.factors,
        supervised_by=snakemake.params.supervised_by,
        n_items=snakemake.params.n_items,
        n_neighbours=snakemake.params.n_neighbours,
        n_resamples=snakemake.params.n_resamples,
        n_seeds=snakemake.params.n_seeds,
        seed=snakemake.params.seed,
        **dict(snakemake.wildcards.items()),
    )
    write_table(quality, snakemake.output.quality)
    write_table(coordinates, snakemake.output.coordinates)
