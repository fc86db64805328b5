"""Score how one model mixes the words of sentences whose cues are known."""

from pathlib import Path

from auscult.analyses.mixing.analysis import mix_cues
from auscult.analyses.mixing.settings import MixingSettings
from auscult.corpora.corpus import read_corpus
from auscult.corpora.cues import cues
from auscult.jobs import job
from auscult.models.loading import open_model
from auscult.models.outputs import output_of
from auscult.models.predictor import load_predictor
from auscult.settings import settings_from
from auscult.tables import write_table

with job(snakemake.log[0], snakemake.threads):
    corpus = read_corpus(Path(snakemake.input.corpus).parent)
    model, _ = open_model(
        features=snakemake.params.features,
        checkpoint=snakemake.params.checkpoint,
        device=snakemake.params.device,
    )
    output, recogniser = output_of(snakemake.params.checkpoint), None
    if output == "ctc":
        recogniser = load_predictor(snakemake.params.checkpoint, device=snakemake.params.device)
    results, sentences, maps = mix_cues(
        model,
        corpus,
        cues(corpus.segments, corpus.utterances),
        recogniser=recogniser,
        spells=output != "",
        settings=settings_from(MixingSettings, snakemake.params.settings),
        seed=snakemake.params.seed,
        **dict(snakemake.wildcards.items()),
    )
    write_table(results, snakemake.output.table)
    write_table(sentences, snakemake.output.sentences)
    write_table(maps, snakemake.output.maps)
