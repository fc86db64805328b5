"""Processors that QEMU emulates (``apt install qemu-user``) give the same numbers with the same instruction set."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from auscult.instructions import instruction_variables, processor_features

PROGRAM = Path(__file__).parents[1] / "support" / "stages_digest.py"


def digests(*emulator, variables):
    env = {**os.environ, "OMP_NUM_THREADS": "1", **variables}
    command = [*emulator, sys.executable, str(PROGRAM)]
    done = subprocess.run(command, env=env, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr[-2000:]
    return json.loads(done.stdout)


@pytest.fixture(scope="module")
def limited():
    return digests(variables=instruction_variables(processor_features()))


@pytest.mark.slow
@pytest.mark.parametrize("processor", ["Haswell", "EPYC"])
def test_avx2_gives_the_same_bytes_on_a_processor_without_avx512(limited, processor):
    assert shutil.which("qemu-x86_64"), "expected qemu-x86_64 to emulate other processors; apt install qemu-user"
    emulated = digests("qemu-x86_64", "-cpu", processor, variables=instruction_variables(()))
    assert emulated == limited
