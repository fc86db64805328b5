"""DVC with an S3 server: push, a fresh clone, pull, nothing left to do, the same bytes."""

import shutil
import socket
import subprocess
import time
import urllib.error
import urllib.request
from contextlib import contextmanager

import pytest
from builds import contents, differences
from places import ROOT
from workflow_runs import run

pytestmark = pytest.mark.slow

PROGRAMS = ROOT / "build/slow/bin"
KEYS = {"AWS_ACCESS_KEY_ID": "test", "AWS_SECRET_ACCESS_KEY": "test", "AWS_DEFAULT_REGION": "us-east-1"}
GIT = ("git", "-c", "user.name=test", "-c", "user.email=test@example.org")


@pytest.fixture
def server(tmp_path):
    """Start an S3 server with an empty bucket ``auscult`` and yield its address."""
    if not (PROGRAMS / "moto_server").is_file():
        pytest.fail(f"expected an S3 server in {PROGRAMS}, found none; run: make test-slow", pytrace=False)
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    address = f"http://127.0.0.1:{port}"
    with (tmp_path / "server.log").open("w") as log, running([PROGRAMS / "moto_server", "-p", str(port)], log):
        for _ in range(100):
            try:
                urllib.request.urlopen(urllib.request.Request(f"{address}/auscult", method="PUT")).close()
                break
            except urllib.error.URLError:
                time.sleep(0.2)
        yield address


@contextmanager
def running(command, log):
    with subprocess.Popen(command, stdout=log, stderr=log) as process:
        try:
            yield
        finally:
            process.terminate()


def dvc(*arguments, cwd):
    return run(str(PROGRAMS / "dvc"), *arguments, cwd=cwd, **KEYS)


def test_a_build_pushed_to_a_bucket_and_pulled_in_a_clone_is_the_same(undisturbed, server, tmp_path):
    first, clone = tmp_path / "first", tmp_path / "clone"
    for name in run("git", "ls-files", "--cached", "--others", "--exclude-standard").splitlines():
        (first / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy2(ROOT / name, first / name)
    shutil.copy2(ROOT / "studies/smoke.yaml", first / "config.yaml")
    shutil.copytree(undisturbed.directory, first, copy_function=shutil.copy2, dirs_exist_ok=True)
    run(*GIT, "init", "--quiet", cwd=first)
    dvc("remote", "add", "--default", "store", "s3://auscult/store", cwd=first)
    dvc("remote", "modify", "store", "endpointurl", server, cwd=first)
    dvc("commit", "--force", "--quiet", cwd=first)
    dvc("push", "--quiet", cwd=first)
    run(*GIT, "add", "--all", cwd=first)
    run(*GIT, "commit", "--quiet", "--message", "results", cwd=first)

    run(*GIT, "clone", "--quiet", str(first), str(clone))
    dvc("pull", "--quiet", cwd=clone)
    assert "up to date" in dvc("status", cwd=clone)
    run("snakemake", "--cores", "2", "--touch", "--forceall", "--quiet", "all", cwd=clone)
    assert "Nothing to be done" in run("snakemake", "--dry-run", "--cores", "2", cwd=clone)
    pulled = contents(clone)
    differing = [name for name in differences(undisturbed.contents, pulled) if name in pulled]
    assert [name for name in differing if name != "results/README.md"] == []
    figures = [name for name in undisturbed.contents if name.startswith("results/figures/")]
    assert len(figures) > 100
    assert all(name in pulled for name in figures)
