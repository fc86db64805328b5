"""The source files behind a module: what Snakemake must watch."""

import pytest

from auscult.sources import module_sources


def names(*modules):
    return {path.name for path in module_sources(*modules)}


def test_a_module_comes_with_what_it_imports_directly_and_indirectly():
    assert {"probing.py", "moments.py", "folds.py", "stats.py"} <= names("probing")


def test_plumbing_is_left_out():
    assert not names("probing", "activations") & {"errors.py", "jobs.py", "manifests.py"}


def test_an_analysis_does_not_depend_on_training_code():
    assert "loop.py" not in names("probing")


def test_a_module_that_does_not_exist_is_an_error():
    with pytest.raises(FileNotFoundError, match="no_such_module"):
        module_sources("no_such_module")
