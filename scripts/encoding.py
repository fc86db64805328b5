"""Score the linguistic levels of one model at all its checkpoints on one corpus, and fit their curves."""

from pathlib import Path

from auscult.activations.store import read_activations
from auscult.analyses.encoding.analysis import encode_sweep
from auscult.analyses.encoding.settings import EncodingSettings
from auscult.corpora.corpus import read_corpus
from auscult.jobs import job
from auscult.settings import settings_from
from auscult.tables import write_table

with job(snakemake.log[0], snakemake.threads):
    folders = [Path(manifest).parent for manifest in snakemake.input.activations]
    corpora = [read_corpus(Path(manifest).parent) for manifest in snakemake.input.corpus]
    scores, curves, draws = encode_sweep(
        {folder.name: read_activations(folder) for folder in folders},
        levels=snakemake.params.levels,
        expected=snakemake.params.expected,
        segments=corpora[0].segments if corpora else None,
        settings=settings_from(EncodingSettings, snakemake.params.settings),
        seed=snakemake.params.seed,
        **dict(snakemake.wildcards.items()),
    )
    write_table(scores, snakemake.output.scores)
    write_table(curves, snakemake.output.curves)
    write_table(draws, snakemake.output.draws)
