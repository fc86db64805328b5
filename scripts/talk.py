"""Build the page of the study and the few numbers that are compared between versions."""

import json
from pathlib import Path

from auscult.figures.talk import build_talk, headline_numbers
from auscult.jobs import job
from auscult.manifests import write_file
from auscult.sources import code_commit
from auscult.tables import read_table

with job(snakemake.log[0], snakemake.threads):
    build_talk(
        Path(snakemake.output.page).parent,
        figures=[
            {"name": name, "title": title, "stem": Path(f"results/figures/{name}")}
            for name, title in snakemake.params.titles.items()
        ],
        study=snakemake.params.study,
        parts=snakemake.params.parts,
        models=snakemake.params.models,
        charts=snakemake.params.charts,
        claims=read_table(snakemake.input.claims),
        commit=code_commit(),
    )
    with write_file(snakemake.output.metrics) as partial:
        numbers = headline_numbers(read_table(path) for path in snakemake.input.tables)
        partial.write_text(json.dumps(numbers, indent=1) + "\n")
