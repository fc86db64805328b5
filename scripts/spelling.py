"""Score a recogniser on words whose number only a cue marks, with the cue audible and with the cue silenced."""

from pathlib import Path

from auscult.analyses.spelling.analysis import SpellingSettings, score_spelling
from auscult.corpora.corpus import read_corpus
from auscult.jobs import job
from auscult.models.predictor import load_predictor
from auscult.settings import settings_from
from auscult.tables import write_table

with job(snakemake.log[0], snakemake.threads):
    predictor = load_predictor(Path(snakemake.input.checkpoint).parent, device=snakemake.params.device)
    results = score_spelling(
        read_corpus(Path(snakemake.input.corpus).parent),
        predictor.transcribe,
        lens=predictor.transcribe_layers,
        settings=settings_from(SpellingSettings, snakemake.params.settings),
        seed=snakemake.params.seed,
        **dict(snakemake.wildcards.items()),
    )
    write_table(results, snakemake.output.table)
