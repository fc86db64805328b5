"""Attribute what one fine-tuned model predicts on a sample of test utterances."""

from pathlib import Path

from auscult.attribution import Settings, attribute_corpus
from auscult.corpora.corpus import read_corpus
from auscult.corpora.cues import cues, has_cues
from auscult.jobs import job
from auscult.models.predictor import load_predictor
from auscult.tables import write_table

with job(snakemake.log[0], snakemake.threads):
    speech = read_corpus(Path(snakemake.input.corpus).parent)
    predictor = load_predictor(Path(snakemake.input.checkpoint).parent, device=snakemake.params.device)
    scores, summary, example = attribute_corpus(
        predictor,
        speech,
        Settings(**snakemake.params.settings, seed=snakemake.params.seed),
        target=snakemake.params.explain[predictor.task],
        scale=snakemake.params.scale,
        cues=cues(speech.segments, speech.utterances) if has_cues(speech.segments) else None,
        n_utterances=snakemake.params.n_utterances,
        max_s=snakemake.params.max_s,
        drawn_within_s=snakemake.params.drawn_within_s,
        n_resamples=snakemake.params.n_resamples,
        **dict(snakemake.wildcards.items()),
    )
    write_table(scores, snakemake.output.scores)
    write_table(summary, snakemake.output.summary)
    write_table(example, snakemake.output.example)
