"""Run the checkpoints of a model, or the acoustic baselines, over a corpus and keep segment means of every layer.

A model of arrays made elsewhere is not run: its frames are averaged, or its vectors of segments are kept as they are.
With ``part``, only a part of the shards is made; with ``input.parts``, finished parts are taken over.
"""

from pathlib import Path

from auscult.activations.array_import import import_arrays
from auscult.activations.array_settings import array_settings
from auscult.activations.extraction import Extraction, extract_part, extract_sweep
from auscult.corpora.corpus import read_corpus
from auscult.jobs import job
from auscult.models.loading import model_opener

with job(snakemake.log[0], snakemake.threads):
    corpus = read_corpus(Path(snakemake.input.corpus).parent)
    given = snakemake.params
    settings = {"corpus": corpus, "tiers": given.tiers, "splits": given.splits}
    extractions = []
    for manifest, features, checkpoint, layers, windows, alteration, arrays in zip(
        given.manifests,
        given.features,
        given.checkpoints,
        given.layers,
        given.windows,
        given.alterations,
        given.arrays,
    ):
        folder = Path(manifest).parent
        name = dict(zip(("corpus", "model", "step"), folder.parts[-3:]))
        if arrays:
            import_arrays(
                folder, array_settings(arrays), recipe={**name, "arrays": arrays, "code": given.code}, **settings
            )
            continue
        opener, parents = model_opener(
            features=features,
            checkpoint=checkpoint,
            device=given.device,
            layers=layers,
            windows=windows,
            alteration=alteration,
        )
        recipe = {**name, "features": features, "device": given.device, "code": given.code}
        recipe |= {"layers": layers} if layers else {}
        recipe |= {"windows": windows} if windows else {}
        recipe |= {"alteration": alteration} if alteration else {}
        extractions.append(Extraction(folder, opener, recipe, {"corpus": corpus.manifest.sha256, **parents}))
    settings["batch_s"] = given.batch_s
    if given.part:
        part, n_parts = map(int, given.part.split("-of-"))
        extract_part(snakemake.output[0], extractions, part=part, n_parts=n_parts, **settings)
    elif extractions:
        extract_sweep(extractions, parts=snakemake.input.parts, **settings)
