"""Build the page of the study and the few numbers that are compared between versions."""

import json
import subprocess
from pathlib import Path

from auscult.jobs import job
from auscult.manifests import write_file
from auscult.tables import read_table
from auscult.talk import build_talk, headline_numbers

with job(snakemake.log[0], snakemake.threads):
    repository = Path(snakemake.scriptdir).parent
    commit = subprocess.run(
        ["git", "-C", repository, "describe", "--always", "--dirty"], capture_output=True, text=True
    ).stdout.strip()
    params = {"study": snakemake.params.study, "models": snakemake.params.models}
    build_talk(
        Path(snakemake.output.page).parent,
        figures=[
            {
                "name": name,
                "title": figure["title"],
                "stem": Path(f"results/figures/{name}"),
                "caption": caption,
                "params": {**params, "figure": figure},
            }
            for (name, figure), caption in zip(snakemake.params.figures.items(), snakemake.input.captions, strict=True)
        ],
        study=snakemake.params.study,
        commit=commit,
    )
    with write_file(snakemake.output.metrics) as partial:
        numbers = headline_numbers(read_table(path) for path in snakemake.input.tables)
        partial.write_text(json.dumps(numbers, indent=1) + "\n")
