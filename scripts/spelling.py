"""Score how often a recogniser spells number right where a cue alone tells it, the cue heard and silenced."""

from pathlib import Path

from auscult.analyses.spelling.analysis import score_spelling
from auscult.corpora.corpus import read_corpus
from auscult.jobs import job
from auscult.models.predictor import load_predictor
from auscult.tables import write_table

with job(snakemake.log[0], snakemake.threads):
    predictor = load_predictor(Path(snakemake.input.checkpoint).parent, device=snakemake.params.device)
    results = score_spelling(
        read_corpus(Path(snakemake.input.corpus).parent),
        predictor.transcribe,
        split=snakemake.params.split,
        n_resamples=snakemake.params.n_resamples,
        seed=snakemake.params.seed,
        **dict(snakemake.wildcards.items()),
    )
    write_table(results, snakemake.output.table)
