"""Attribute what the fine-tuned models of one task predict on a sample of test utterances."""

from pathlib import Path

from auscult.analyses.attribution.analysis import Settings, attribute_corpus
from auscult.corpora.corpus import read_corpus
from auscult.corpora.cues import cues, has_cues
from auscult.jobs import job
from auscult.models.predictor import load_predictor
from auscult.tables import write_table

with job(snakemake.log[0], snakemake.threads):
    speech = read_corpus(Path(snakemake.input.corpus).parent)
    known = cues(speech.segments, speech.utterances) if has_cues(speech.segments) else None
    outputs = zip(snakemake.output.scores, snakemake.output.summaries, snakemake.output.examples)
    for (model, step), checkpoint, settings, paths in zip(
        snakemake.params.runs, snakemake.input.checkpoints, snakemake.params.settings, outputs
    ):
        predictor = load_predictor(Path(checkpoint).parent, device=snakemake.params.device)
        tables = attribute_corpus(
            predictor,
            speech,
            Settings(**settings, seed=snakemake.params.seed),
            target=snakemake.params.explain[predictor.task],
            scale=snakemake.params.scale,
            cues=known,
            n_utterances=snakemake.params.n_utterances,
            max_s=snakemake.params.max_s,
            drawn_within_s=snakemake.params.drawn_within_s,
            n_resamples=snakemake.params.n_resamples,
            corpus=snakemake.params.corpus,
            model=model,
            step=step,
        )
        for table, path in zip(tables, paths):
            write_table(table, path)
