"""Make the non-speech control corpus: noise, tones, chirps and clicks with the levels and lengths of speech."""

from pathlib import Path

from auscult.corpora.synthesis.nonspeech import synthesise_nonspeech
from auscult.jobs import job

with job(snakemake.log[0]):
    synthesise_nonspeech(
        Path(snakemake.output.manifest).parent,
        corpus=snakemake.wildcards.corpus,
        utterances=snakemake.params.utterances,
        seed=snakemake.params.seed,
        n_workers=snakemake.threads,
    )
