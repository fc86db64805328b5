"""Run a model, or compute an acoustic baseline, over a corpus and keep the mean of every layer over every segment."""

from pathlib import Path

from auscult.activations import extract_activations
from auscult.corpora.corpus import read_corpus
from auscult.jobs import job
from auscult.models.opening import open_model
from auscult.sources import code_digest

with job(snakemake.log[0], snakemake.threads):
    corpus = read_corpus(Path(snakemake.input.corpus).parent)
    model, parents = open_model(
        features=snakemake.params.features,
        checkpoint=snakemake.params.checkpoint,
        device=snakemake.params.device,
    )
    extract_activations(
        Path(snakemake.output.manifest).parent,
        model=model,
        corpus=corpus,
        tiers=snakemake.params.tiers,
        splits=snakemake.params.splits,
        batch_s=snakemake.params.batch_s,
        recipe={
            **dict(snakemake.wildcards.items()),
            "features": snakemake.params.features,
            "device": snakemake.params.device,
            "code": code_digest("activations", "models.opening", "corpora.corpus"),
        },
        parents={"corpus": corpus.manifest.sha256, **parents},
    )
