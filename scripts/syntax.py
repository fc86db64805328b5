"""Measure loss, syntactic attention and grammatical accuracy of every checkpoint of a language model on one corpus."""

from pathlib import Path

from auscult.analyses.syntax.analysis import follow_syntax
from auscult.analyses.syntax.settings import SyntaxSettings
from auscult.corpora.text import read_text_corpus
from auscult.jobs import job
from auscult.models.training.arithmetic import training_arithmetic
from auscult.settings import settings_from
from auscult.tables import write_table

with job(snakemake.log[0], snakemake.threads), training_arithmetic(snakemake.threads):
    folders = [Path(manifest).parent for manifest in snakemake.input.checkpoints]
    results = follow_syntax(
        {folder.name: folder for folder in folders},
        read_text_corpus(Path(snakemake.input.corpus).parent),
        model=snakemake.wildcards.model,
        device=snakemake.params.device,
        settings=settings_from(SyntaxSettings, snakemake.params.settings),
        seed=snakemake.params.seed,
    )
    write_table(results, snakemake.output.table)
