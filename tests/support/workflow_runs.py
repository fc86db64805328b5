"""Functions that run Snakemake on a study in a separate directory, without a network."""

import os
import re
import subprocess
import sys
from pathlib import Path

from places import ROOT

# Synthetic studies must run offline: all requests to other machines are sent to a closed port.
NOWHERE = "http://127.0.0.1:9"


PROXIES = {"HTTP_PROXY": NOWHERE, "HTTPS_PROXY": NOWHERE, "NO_PROXY": "127.0.0.1"}


ENVIRONMENT = {**os.environ, **PROXIES, "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}"}


def run(*command, cwd=ROOT, ok=True, **environment):
    """Run a command, check whether it succeeded, and return its output."""
    done = subprocess.run(command, cwd=cwd, capture_output=True, text=True, env={**ENVIRONMENT, **environment})
    printed = done.stdout + done.stderr
    assert (done.returncode == 0) == ok, printed[-6000:]
    return printed


def snakemake(directory, *arguments, study="studies/smoke.yaml", **options):
    """Run the workflow on a study in a separate directory and return its output."""
    return run(
        "snakemake",
        "--cores",
        "2",
        "--configfile",
        str(ROOT / study),
        "--directory",
        str(directory),
        *arguments,
        **options,
    )


def planned(printed):
    """Return the number of planned jobs of each rule in a dry run's job table."""
    return {rule: int(count) for rule, count in re.findall(r"^(\w+) +(\d+)$", printed, re.M) if rule != "total"}
