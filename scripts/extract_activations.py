"""Run the checkpoints of a model, or the acoustic baselines, over a corpus and keep segment means of every layer.

A model of arrays made elsewhere is not run: its frames are averaged, or its vectors of segments are kept as they are.
"""

from pathlib import Path

from auscult.activations.array_import import import_arrays
from auscult.activations.array_settings import array_settings
from auscult.activations.extraction import Extraction, extract_sweep
from auscult.corpora.corpus import read_corpus
from auscult.jobs import job
from auscult.models.loading import model_opener

with job(snakemake.log[0], snakemake.threads):
    corpus = read_corpus(Path(snakemake.input.corpus).parent)
    device, code = snakemake.params.device, snakemake.params.code
    settings = {"corpus": corpus, "tiers": snakemake.params.tiers, "splits": snakemake.params.splits}
    extractions = []
    given = snakemake.params
    runs = zip(snakemake.output.manifests, given.features, given.checkpoints, given.layers, given.arrays)
    for manifest, features, checkpoint, layers, arrays in runs:
        folder = Path(manifest).parent
        name = dict(zip(("corpus", "model", "step"), folder.parts[-3:]))
        if arrays:
            import_arrays(folder, array_settings(arrays), recipe={**name, "arrays": arrays, "code": code}, **settings)
            continue
        opener, parents = model_opener(features=features, checkpoint=checkpoint, device=device, layers=layers)
        recipe = {**name, "features": features, "device": device, "code": code}
        recipe |= {"layers": layers} if layers else {}
        extractions.append(Extraction(folder, opener, recipe, {"corpus": corpus.manifest.sha256, **parents}))
    if extractions:
        extract_sweep(extractions, batch_s=snakemake.params.batch_s, **settings)
