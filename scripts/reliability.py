"""Measure faithfulness, the pointing game, randomisation and repetition of one model's attributions on one corpus."""

from pathlib import Path

from auscult.corpora.corpus import read_corpus
from auscult.jobs import job
from auscult.models.predictor import load_predictor
from auscult.reliability import measure_run
from auscult.reliability_items import summarise_items
from auscult.reliability_sanity import explain_again
from auscult.tables import read_table, write_table

with job(snakemake.log[0], snakemake.threads):
    run, seed = dict(snakemake.wildcards.items()), snakemake.params.seed
    predictor = load_predictor(Path(snakemake.input.checkpoint).parent, device=snakemake.params.device)
    settings = dict(snakemake.params.attribution)
    target = settings.pop("explain")[predictor.task]
    speech = read_corpus(Path(snakemake.input.corpus).parent)
    items = measure_run(
        predictor,
        speech,
        read_table(snakemake.input.scores),
        model=run["model"],
        explain=explain_again(speech, target=target, **settings),
        seed=seed,
        **snakemake.params.reliability,
    )
    results = summarise_items(
        items, task=snakemake.params.task, n_seeds=1, n_resamples=snakemake.params.n_resamples, seed=seed, **run
    )
    write_table(results, snakemake.output.table)
    write_table(items.assign(model=run["model"], step=run["step"]), snakemake.output.measured)
