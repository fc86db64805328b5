"""Build the listening page."""

import json
from pathlib import Path

from auscult.corpora.corpus import read_corpus
from auscult.figures.plotting import SPEECH
from auscult.jobs import job
from auscult.listening.page import build_page
from auscult.sources import code_commit

with job(snakemake.log[0], snakemake.threads):
    corpora = {Path(path).parent.name: read_corpus(Path(path).parent) for path in snakemake.input.corpora}
    study = snakemake.params.study
    build_page(
        Path(snakemake.output.page).parent,
        lanes=[json.loads(Path(path).read_text(encoding="utf-8")) for path in snakemake.input.lanes],
        corpora=corpora,
        study={**study, "speech": {name: SPEECH.get(source, source) for name, source in study["sources"].items()}},
        commit=code_commit(),
    )
