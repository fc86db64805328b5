"""Compare the layers of one model with each other and with reference spaces."""

from pathlib import Path

from auscult.activations.store import read_activations
from auscult.analyses.similarity.analysis import SimilaritySettings, compare_activations
from auscult.analyses.similarity.blocks import block_tables
from auscult.corpora.corpus import read_corpus
from auscult.jobs import job
from auscult.settings import settings_from
from auscult.tables import write_table

with job(snakemake.log[0], snakemake.threads):
    activations = read_activations(Path(snakemake.input.activations).parent)
    settings = settings_from(SimilaritySettings, snakemake.params.settings)
    shared = {"seed": snakemake.params.seed, **dict(snakemake.wildcards.items())}
    results = compare_activations(
        activations,
        references=snakemake.params.references,
        others={Path(path).parts[-3]: read_activations(Path(path).parent) for path in snakemake.input.others},
        sentences=read_corpus(Path(snakemake.input.corpus).parent).utterances["text"],
        settings=settings,
        **shared,
    )
    write_table(results, snakemake.output.table)
    blocks, gram = block_tables(activations, settings=settings, **shared)
    write_table(blocks, snakemake.output.blocks)
    write_table(gram, snakemake.output.gram)
