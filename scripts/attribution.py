"""Attribute the predictions of the fine-tuned models of one task on a sample of test utterances.

With ``part``, only a share of the utterances is explained; with ``input.parts``, finished parts are summarised.
"""

from dataclasses import replace
from pathlib import Path

from auscult.analyses.attribution.analysis import attribute_corpus, explain_part
from auscult.analyses.attribution.parts import read_parts, write_part
from auscult.analyses.attribution.settings import AttributionSettings
from auscult.corpora.corpus import read_corpus
from auscult.corpora.cues import cues, has_cues
from auscult.jobs import job
from auscult.manifests import build_folder
from auscult.models.predictor import load_predictor
from auscult.models.training.arithmetic import training_arithmetic
from auscult.settings import settings_from
from auscult.tables import write_table


def explained_models():
    """Yield the predictor of each model of the task, and the arguments of its attribution."""
    given = snakemake.params
    settings = settings_from(AttributionSettings, given.settings)
    for (model, step), checkpoint, inputs in zip(given.runs, snakemake.input.checkpoints, given.inputs):
        predictor = load_predictor(Path(checkpoint).parent, device=given.device)
        # With these matrix products, explicit attention is faster than the fused one.
        predictor.model.set_attn_implementation("eager")
        chosen = replace(settings, inputs=tuple(inputs))
        yield predictor, chosen, {"model": model, "step": step, "cues": known, "seed": given.seed}


with job(snakemake.log[0], snakemake.threads), training_arithmetic(snakemake.threads):
    speech = read_corpus(Path(snakemake.input.corpus).parent)
    known = cues(speech.segments, speech.utterances) if has_cues(speech.segments) else None
    if snakemake.params.part:
        part, n_parts = map(int, snakemake.params.part.split("-of-"))
        with build_folder(snakemake.output[0], {"part": part, "of": n_parts, "code": snakemake.params.code}) as folder:
            for place, (predictor, settings, run) in enumerate(explained_models()):
                explained = explain_part(predictor, speech, settings, part=part, n_parts=n_parts, **run)
                if explained is not None:
                    write_part(explained, folder / str(place))
    else:
        outputs = zip(snakemake.output.scores, snakemake.output.summaries, snakemake.output.examples)
        for place, ((predictor, settings, run), paths) in enumerate(zip(explained_models(), outputs)):
            explained = read_parts(snakemake.input.parts, place)
            tables = attribute_corpus(
                predictor, speech, settings, corpus=snakemake.params.corpus, explained=explained, **run
            )
            for table, path in zip(tables, paths):
                write_table(table, path)
