"""Jobs start from the image that ``AUSCULT_CONTAINER`` names; a program in Apptainer's place runs them here."""

import pytest
from builds import contents
from workflow_runs import ENVIRONMENT, snakemake

pytestmark = pytest.mark.slow

# Takes everything up to the image as options, as Snakemake calls it: apptainer exec --home … IMAGE sh -c "…".
APPTAINER = """#!/bin/bash
if [ "$1" = --version ]; then echo "apptainer version 1.3.0"; exit; fi
echo "$@" >> {log}
while [ "$1" != {image} ]; do shift; done
shift
exec "$@"
"""


def test_every_job_starts_from_the_image(tmp_path):
    image, log, program = tmp_path / "auscult.sif", tmp_path / "calls.txt", tmp_path / "bin/apptainer"
    image.write_bytes(b"")
    program.parent.mkdir()
    program.write_text(APPTAINER.format(log=log, image=image))
    program.chmod(0o755)
    table = "results/abx/english/mel/final.csv"
    container = {"PATH": f"{program.parent}:{ENVIRONMENT['PATH']}", "AUSCULT_CONTAINER": str(image)}
    snakemake(tmp_path / "inside", "--software-deployment-method", "apptainer", "--", table, **container)
    assert len(log.read_text().splitlines()) == 3
    snakemake(tmp_path / "outside", "--", table)
    assert not log.read_text().count("outside")
    assert contents(tmp_path / "inside") == contents(tmp_path / "outside")
