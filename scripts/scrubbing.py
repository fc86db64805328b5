"""Erase gender from one model, probe every layer again and count its errors; keep the erasers."""

from pathlib import Path

from auscult.analyses.scrubbing.analysis import scrub_gender
from auscult.analyses.scrubbing.settings import ScrubbingSettings
from auscult.corpora.corpus import read_corpus
from auscult.erasure.erasers import save_erasers
from auscult.jobs import job
from auscult.manifests import check_folder
from auscult.models.acoustic import acoustic_model
from auscult.models.outputs import output_of
from auscult.models.predictor import load_predictor
from auscult.models.transcriber import load_transcriber
from auscult.settings import settings_from
from auscult.tables import write_table

with job(snakemake.log[0], snakemake.threads):
    corpus, features = read_corpus(Path(snakemake.input.corpus).parent), snakemake.params.features
    parents = {"corpus": corpus.manifest.sha256}
    fit_source = read_corpus(Path(snakemake.input.fit[0]).parent) if snakemake.input.fit else None
    if fit_source is not None:
        parents["fit"] = fit_source.manifest.sha256
    if features is None:
        checkpoint = Path(snakemake.input.checkpoint).parent
        load = load_transcriber if output_of(checkpoint) == "decoder" else load_predictor
        model = load(checkpoint, device=snakemake.params.device)
        parents["checkpoint"] = check_folder(checkpoint).sha256
    else:
        model = acoustic_model(features)
    settings = settings_from(ScrubbingSettings, snakemake.params.settings)
    names, seed = dict(snakemake.wildcards.items()), snakemake.params.seed
    results, erasers = scrub_gender(corpus, model, names=names, fit_source=fit_source, settings=settings, seed=seed)
    recipe = {**settings.recipe(), "names": names, "seed": seed, "features": features}
    save_erasers(Path(snakemake.output.erasers).parent, erasers, recipe, parents)
    write_table(results, snakemake.output.table)
