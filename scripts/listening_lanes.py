"""Choose utterances of one corpus, and compute what each layer makes of them."""

import json
from pathlib import Path

from auscult.corpora.corpus import read_corpus
from auscult.jobs import job
from auscult.listening.lanes import Run, listen
from auscult.listening.settings import ListenSettings
from auscult.manifests import write_file
from auscult.settings import settings_from
from auscult.tables import read_table

with job(snakemake.log[0], snakemake.threads):
    (attributions,) = snakemake.input.get("attributions") or [None]
    lanes = listen(
        read_corpus(Path(snakemake.input.corpus).parent),
        [Run(**run) for run in snakemake.params.runs],
        settings_from(ListenSettings, snakemake.params.settings),
        attributions=read_table(attributions) if attributions else None,
        device=snakemake.params.device,
        seed=snakemake.params.seed,
    )
    with write_file(snakemake.output.lanes) as partial:
        partial.write_text(json.dumps(lanes, ensure_ascii=False, separators=(",", ":")), encoding="utf-8")
