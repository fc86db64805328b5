"""Run the checkpoints of a model, or the acoustic baselines, over a corpus and keep segment means of every layer."""

from pathlib import Path

from auscult.activations.extraction import Extraction, extract_sweep
from auscult.corpora.corpus import read_corpus
from auscult.jobs import job
from auscult.models.loading import model_opener

with job(snakemake.log[0], snakemake.threads):
    corpus = read_corpus(Path(snakemake.input.corpus).parent)
    device, code = snakemake.params.device, snakemake.params.code
    extractions = []
    runs = zip(snakemake.output.manifests, snakemake.params.features, snakemake.params.checkpoints)
    for manifest, features, checkpoint in runs:
        folder = Path(manifest).parent
        opener, parents = model_opener(features=features, checkpoint=checkpoint, device=device)
        name = dict(zip(("corpus", "model", "step"), folder.parts[-3:]))
        recipe = {**name, "features": features, "device": device, "code": code}
        extractions.append(Extraction(folder, opener, recipe, {"corpus": corpus.manifest.sha256, **parents}))
    extract_sweep(
        extractions,
        corpus=corpus,
        tiers=snakemake.params.tiers,
        splits=snakemake.params.splits,
        batch_s=snakemake.params.batch_s,
    )
