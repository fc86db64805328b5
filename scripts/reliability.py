"""Measure faithfulness, pointing game, randomisation and retest of the attributions of the models of one task."""

from dataclasses import replace
from pathlib import Path

from auscult.analyses.attribution.settings import AttributionSettings
from auscult.analyses.reliability.analysis import measure_run
from auscult.analyses.reliability.items import summarise_items
from auscult.analyses.reliability.sanity import explain_again
from auscult.analyses.reliability.settings import ReliabilitySettings
from auscult.corpora.corpus import read_corpus
from auscult.jobs import job
from auscult.models.predictor import load_predictor
from auscult.models.training.arithmetic import training_arithmetic
from auscult.settings import settings_from
from auscult.tables import read_table, write_table

with job(snakemake.log[0], snakemake.threads), training_arithmetic(snakemake.threads):
    given, seed = snakemake.params, snakemake.params.seed
    speech = read_corpus(Path(snakemake.input.corpus).parent)
    settings = settings_from(ReliabilitySettings, given.settings)
    explain = explain_again(
        speech, replace(settings_from(AttributionSettings, given.attribution), inputs=settings.inputs), seed=seed
    )
    for (model, step), options, checkpoint, scores, table, measured in zip(
        given.runs,
        given.options,
        snakemake.input.checkpoints,
        snakemake.input.scores,
        snakemake.output.tables,
        snakemake.output.measured,
    ):
        predictor = load_predictor(Path(checkpoint).parent, device=given.device)
        # With these matrix products, explicit attention is faster than the fused one.
        predictor.model.set_attn_implementation("eager")
        items = measure_run(
            predictor,
            speech,
            read_table(scores),
            settings,
            model=model,
            explain=explain if options["retested"] else None,
            randomised=options["randomised"],
            only_right=options["only_right"],
            seed=seed,
        )
        about = {"corpus": given.corpus, "model": model, "step": step, "task": given.task}
        summary = summarise_items(items, **about, n_seeds=1, n_resamples=settings.n_resamples, seed=seed)
        write_table(summary, table)
        write_table(items.assign(model=model, step=step), measured)
