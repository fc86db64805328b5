import os
import subprocess
import sys

import pytest

from auscult.environment import use_writable_cache

CODE = """
import sys
from auscult.environment import use_utf8
use_utf8()
print(sys.flags.utf8_mode, sys.getfilesystemencoding(), sys.argv[1])
"""


@pytest.mark.skipif(os.name != "posix", reason="locales of POSIX")
def test_a_command_in_an_ascii_locale_is_started_again_in_utf8():
    env = {**os.environ, "LC_ALL": "C", "PYTHONCOERCECLOCALE": "0", "PYTHONUTF8": "0"}
    run = subprocess.run([sys.executable, "-c", CODE, "zo\u00eb"], env=env, capture_output=True, check=True)
    assert run.stdout.decode() == "1 utf-8 zo\u00eb\n"


def test_a_command_in_utf8_goes_on():
    env = {**os.environ, "PYTHONUTF8": "1"}
    run = subprocess.run([sys.executable, "-c", CODE, "x"], env=env, capture_output=True, check=True)
    assert run.stdout.split()[0] == b"1"


def test_a_cache_that_cannot_be_written_is_replaced(monkeypatch, tmp_path):
    (tmp_path / "file").touch()
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "file" / "cache"))
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    use_writable_cache()
    assert os.environ["XDG_CACHE_HOME"].startswith(str(tmp_path / "auscult-cache-"))


def test_a_cache_that_can_be_written_is_kept(monkeypatch, tmp_path):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    use_writable_cache()
    assert os.environ["XDG_CACHE_HOME"] == str(tmp_path / "cache")
