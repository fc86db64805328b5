"""The source files behind a module: what Snakemake must watch."""

import re
import subprocess
import sys

import pytest

from auscult.sources import code_commit, module_sources


def names(*modules):
    return {path.name for path in module_sources(*modules)}


def test_a_module_comes_with_what_it_imports_directly_and_indirectly():
    assert {"analysis.py", "moments.py", "folds.py", "intervals.py"} <= names("analyses.probing.analysis")


def test_plumbing_is_left_out():
    assert not names("analyses.probing.analysis", "activations.store") & {"errors.py", "jobs.py", "manifests.py"}


def test_an_analysis_does_not_depend_on_training_code():
    assert "pretraining.py" not in names("analyses.probing.analysis")


def test_a_module_that_does_not_exist_is_an_error():
    with pytest.raises(FileNotFoundError, match="no_such_module"):
        module_sources("no_such_module")


def test_the_commit_is_that_of_the_code_and_says_when_it_was_changed():
    head = subprocess.run(["git", "rev-parse", "HEAD"], capture_output=True, text=True, check=True).stdout
    assert re.fullmatch(r"[0-9a-f]{12}(-dirty)?", code_commit())
    assert head.startswith(code_commit().removesuffix("-dirty"))


def test_outside_of_git_there_is_no_commit(tmp_path):
    code = "from auscult import sources; sources._PACKAGE = '.'; print(repr(sources.code_commit()))"
    package = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=tmp_path, check=True)
    assert package.stdout.strip() == "''"
