"""Score every layer of one model by ABX on the items of files."""

from pathlib import Path

from auscult.analyses.abx.analysis import AbxSettings, abx_item_files
from auscult.analyses.abx.frames import Limits
from auscult.corpora.corpus import read_corpus
from auscult.jobs import job
from auscult.models.loading import open_model
from auscult.settings import settings_from
from auscult.tables import write_table

with job(snakemake.log[0], snakemake.threads):
    model, _ = open_model(
        features=snakemake.params.features,
        checkpoint=snakemake.params.checkpoint,
        device=snakemake.params.device,
    )
    results, contrasts = abx_item_files(
        model,
        read_corpus(Path(snakemake.input.corpus).parent),
        targets=snakemake.params.targets,
        run=(snakemake.wildcards.model, snakemake.wildcards.step),
        settings=settings_from(AbxSettings, snakemake.params.settings),
        limits=Limits(batch_s=snakemake.params.batch_s),
        seed=snakemake.params.seed,
    )
    write_table(results, snakemake.output.table)
    write_table(contrasts, snakemake.output.contrasts)
