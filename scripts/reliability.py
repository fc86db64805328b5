"""Measure faithfulness, pointing game, randomisation and repetition of the attributions of one task's models."""

from pathlib import Path

from auscult.analyses.reliability.analysis import measure_run
from auscult.analyses.reliability.items import summarise_items
from auscult.analyses.reliability.sanity import explain_again
from auscult.corpora.corpus import read_corpus
from auscult.jobs import job
from auscult.models.predictor import load_predictor
from auscult.tables import read_table, write_table

with job(snakemake.log[0], snakemake.threads):
    given, seed = snakemake.params, snakemake.params.seed
    speech = read_corpus(Path(snakemake.input.corpus).parent)
    inputs = zip(given.runs, snakemake.input.checkpoints, snakemake.input.scores, given.attribution, given.reliability)
    for ((model, step), checkpoint, scores, attribution, reliability), table, measured in zip(
        inputs, snakemake.output.tables, snakemake.output.measured
    ):
        predictor, settings = load_predictor(Path(checkpoint).parent, device=given.device), dict(attribution)
        target = settings.pop("explain")[predictor.task]
        items = measure_run(
            predictor,
            speech,
            read_table(scores),
            model=model,
            explain=explain_again(speech, target=target, **settings),
            seed=seed,
            **reliability,
        )
        about = {"corpus": given.corpus, "model": model, "step": step, "task": given.task}
        write_table(summarise_items(items, **about, n_seeds=1, n_resamples=given.n_resamples, seed=seed), table)
        write_table(items.assign(model=model, step=step), measured)
