"""Let the output of one recogniser read each of its layers, and score the transcripts."""

from pathlib import Path

from auscult.analyses.lens.analysis import read_layers
from auscult.analyses.lens.settings import LensSettings
from auscult.corpora.corpus import read_corpus
from auscult.jobs import job
from auscult.models.outputs import output_of
from auscult.models.predictor import load_predictor
from auscult.models.transcriber import load_transcriber
from auscult.settings import settings_from
from auscult.tables import write_table

with job(snakemake.log[0], snakemake.threads):
    checkpoint = Path(snakemake.input.checkpoint).parent
    load = load_transcriber if output_of(checkpoint) == "decoder" else load_predictor
    results = read_layers(
        read_corpus(Path(snakemake.input.corpus).parent),
        load(checkpoint, device=snakemake.params.device),
        names=dict(snakemake.wildcards.items()),
        settings=settings_from(LensSettings, snakemake.params.settings),
        seed=snakemake.params.seed,
    )
    write_table(results, snakemake.output.table)
