"""Speak the sentences of a grammar with eSpeak NG: audio, utterances and segments of one corpus."""

from pathlib import Path

from auscult.corpora.synthesis.speech import synthesise_corpus
from auscult.jobs import job

with job(snakemake.log[0]):
    synthesise_corpus(
        Path(snakemake.output.manifest).parent,
        corpus=snakemake.wildcards.corpus,
        languages=snakemake.params.languages,
        sentences=snakemake.params.sentences,
        voices=snakemake.params.voices,
        syllables=snakemake.params.syllables,
        female_share=snakemake.params.female_share,
        variation=snakemake.params.variation,
        seed=snakemake.params.seed,
        n_workers=snakemake.threads,
    )
