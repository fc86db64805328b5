"""Builds of the smoke study whose processes are killed at seeded moments, and finished by the documented recovery.

``AUSCULT_KILLS`` is the number of kills (20), ``AUSCULT_KILLS_PER_BUILD`` how many of them one build suffers (4).
"""

import math
import os
import random
import signal
import subprocess
import sys

import pytest
from builds import contents, differences
from places import ROOT
from workflow_runs import ENVIRONMENT

pytestmark = pytest.mark.slow

N_KILLS = int(os.environ.get("AUSCULT_KILLS", 20))
PER_BUILD = int(os.environ.get("AUSCULT_KILLS_PER_BUILD", 4))
CORES = os.environ.get("AUSCULT_CORES", "2")


def start(directory, log):
    """Start the documented command in a process group of its own."""
    command = [sys.executable, "-m", "auscult.cli", "run", str(ROOT / "studies/smoke.yaml"), "--cores", CORES]
    command += ["--directory", str(directory), "--quiet", "host"]
    return subprocess.Popen(command, env=ENVIRONMENT, stdout=log, stderr=log, start_new_session=True)


def group(process):
    """Return what is left of the process group, as the commands of its processes."""
    listed = subprocess.run(["ps", "-eo", "pgid=,args="], capture_output=True, text=True, check=True).stdout
    return [line for line in listed.splitlines() if line.split(None, 1)[0] == str(process.pid)]


def kill(process, after_s):
    """Kill the whole process group after so many seconds; return whether it was still at work."""
    try:
        process.wait(after_s)
    except subprocess.TimeoutExpired:
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()
        return True
    return False


@pytest.mark.parametrize("seed", range(math.ceil(N_KILLS / PER_BUILD)))
def test_a_build_that_was_killed_ends_in_the_same_bytes(undisturbed, tmp_path, seed):
    n_kills = min(PER_BUILD, N_KILLS - seed * PER_BUILD)
    draw = random.Random(seed)
    # On the average, the last kill comes when most of the work is done. Starting again takes some seconds each time.
    moments_s = [10 + 2 * draw.random() * undisturbed.duration_s / (n_kills + 1) for _ in range(n_kills)]
    log_file = tmp_path / "runs.log"
    with log_file.open("w") as log:
        killed = [kill(start(tmp_path / "build", log), after_s) for after_s in moments_s]
        last = start(tmp_path / "build", log)
        status = last.wait()
    printed = log_file.read_text()
    print(f"seed {seed}: killed {sum(killed)} of {n_kills} times, after {', '.join(f'{t:.0f} s' for t in moments_s)}")
    assert status == 0, printed[-4000:]
    assert group(last) == []
    assert differences(undisturbed.contents, contents(tmp_path / "build")) == []
    # A lock is left only by a run that was killed after it had planned its jobs.
    assert printed.count("removed the lock that a killed run left") <= sum(killed)
    assert "Traceback" not in printed
