"""A tiny study of one acoustic baseline on a folder of recordings, and the command line run on it."""

import pytest
from cli_cases import STUDY, write_recordings
from typer.testing import CliRunner

from auscult.cli.app import app


@pytest.fixture
def study(tmp_path):
    """Write the study and its recordings; return the path of the study file."""
    write_recordings(tmp_path / "speech")
    (tmp_path / "mine.yaml").write_text(STUDY)
    return tmp_path / "mine.yaml"


@pytest.fixture
def auscult():
    """Return a function that runs the command line, checks the exit status and returns what was printed."""

    def run(*arguments, status=0, **options):
        done = CliRunner().invoke(app, [str(argument) for argument in arguments], prog_name="auscult", **options)
        assert done.exit_code == status, done.output
        assert done.exception is None or isinstance(done.exception, SystemExit), done.exception
        return done.output

    return run
