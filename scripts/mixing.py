"""Score how one model mixes the words of sentences whose true cue is known."""

from pathlib import Path

from auscult.analyses.mixing.analysis import mix_cues
from auscult.corpora.corpus import read_corpus
from auscult.corpora.cues import cues
from auscult.jobs import job
from auscult.models.loading import open_model
from auscult.tables import write_table

with job(snakemake.log[0], snakemake.threads):
    corpus = read_corpus(Path(snakemake.input.corpus).parent)
    model, _ = open_model(
        features=snakemake.params.features,
        checkpoint=snakemake.params.checkpoint,
        device=snakemake.params.device,
    )
    results, sentences, maps = mix_cues(
        model,
        corpus,
        cues(corpus.segments, corpus.utterances),
        methods=snakemake.params.methods,
        splits=snakemake.params.splits,
        max_sentences=snakemake.params.max_sentences,
        memory_mb=snakemake.params.memory_mb,
        n_resamples=snakemake.params.n_resamples,
        seed=snakemake.params.seed,
        **dict(snakemake.wildcards.items()),
    )
    write_table(results, snakemake.output.table)
    write_table(sentences, snakemake.output.sentences)
    write_table(maps, snakemake.output.maps)
