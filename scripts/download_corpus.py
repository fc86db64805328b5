"""Download the archive of one corpus: resumed where it stopped, compared with its hash."""

import os
from pathlib import Path

from auscult.corpora.fetch import fetch_file
from auscult.jobs import job

with job(snakemake.log[0], snakemake.threads):
    fetch_file(
        snakemake.params.url,
        Path(snakemake.output.archive),
        sha256=snakemake.params.sha256,
        # Not a parameter of the rule: another mirror gives the same bytes and must not download them again.
        mirrors=[*snakemake.config["mirrors"], *os.environ.get("AUSCULT_MIRRORS", "").split()],
        record=Path(snakemake.params.record),
    )
