"""Attribute the predictions of the fine-tuned models of one task on a sample of test utterances."""

from dataclasses import replace
from pathlib import Path

from auscult.analyses.attribution.analysis import attribute_corpus
from auscult.analyses.attribution.settings import AttributionSettings
from auscult.corpora.corpus import read_corpus
from auscult.corpora.cues import cues, has_cues
from auscult.jobs import job
from auscult.models.predictor import load_predictor
from auscult.models.training.arithmetic import training_arithmetic
from auscult.settings import settings_from
from auscult.tables import write_table

with job(snakemake.log[0], snakemake.threads), training_arithmetic(snakemake.threads):
    speech = read_corpus(Path(snakemake.input.corpus).parent)
    known = cues(speech.segments, speech.utterances) if has_cues(speech.segments) else None
    outputs = zip(snakemake.output.scores, snakemake.output.summaries, snakemake.output.examples)
    settings = settings_from(AttributionSettings, snakemake.params.settings)
    for (model, step), checkpoint, inputs, paths in zip(
        snakemake.params.runs, snakemake.input.checkpoints, snakemake.params.inputs, outputs
    ):
        predictor = load_predictor(Path(checkpoint).parent, device=snakemake.params.device)
        # With these matrix products, explicit attention is faster than the fused one.
        predictor.model.set_attn_implementation("eager")
        tables = attribute_corpus(
            predictor,
            speech,
            replace(settings, inputs=tuple(inputs)),
            cues=known,
            seed=snakemake.params.seed,
            corpus=snakemake.params.corpus,
            model=model,
            step=step,
        )
        for table, path in zip(tables, paths):
            write_table(table, path)
