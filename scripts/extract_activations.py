"""Run a model, or compute an acoustic baseline, over a corpus and keep the mean of every layer over every segment."""

from pathlib import Path

from auscult.activations import extract_activations
from auscult.corpora.corpus import read_corpus
from auscult.jobs import job
from auscult.manifests import check_folder
from auscult.models.acoustic import acoustic_model
from auscult.models.speech import load_speech_model

with job(snakemake.log[0], snakemake.threads):
    corpus = read_corpus(Path(snakemake.input.corpus).parent)
    parents = {"corpus": corpus.manifest.sha256}
    if snakemake.params.features:
        model = acoustic_model(snakemake.params.features)
    else:
        folder = Path(snakemake.input.checkpoint).parent
        parents["checkpoint"] = check_folder(folder).sha256
        model = load_speech_model(folder, device=snakemake.params.device)
    extract_activations(
        Path(snakemake.output.manifest).parent,
        model=model,
        corpus=corpus,
        tiers=snakemake.params.tiers,
        splits=snakemake.params.splits,
        batch_s=snakemake.params.batch_s,
        recipe=dict(snakemake.wildcards.items()),
        parents=parents,
    )
