"""Fetch one checkpoint of a model from a hub, its hashes verified."""

from pathlib import Path

from auscult.jobs import job
from auscult.models.hub.fetching import fetch_checkpoint

with job(snakemake.log[0], snakemake.threads):
    fetch_checkpoint(
        Path(snakemake.output.manifest).parent,
        **snakemake.params.published,
        # Not a parameter of the rule: another endpoint gives the same bytes and must not fetch them again.
        endpoint=snakemake.config["hub_endpoint"] or None,
        allow_pickle=snakemake.params.allow_pickle,
        head=snakemake.params.head,
        preprocessor=snakemake.params.preprocessor,
        language=snakemake.params.language,
        tokenizer=snakemake.params.tokenizer,
        record=Path(snakemake.params.record),
        store=Path(snakemake.output.manifest).parents[2],
    )
