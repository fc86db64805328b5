"""The code behind a result: which files it is, what counts as a change, and its commit."""

import re
import subprocess
import sys

import pytest
from places import ROOT

from auscult import sources
from auscult.sources import code_commit, code_digest, keep_digests, module_sources, recall_digests

MODULE = '''"""A module."""

from auscult.errors import AnalysisError

RATE = 3


def rise(x):
    """Return more."""
    return x + RATE  # why
'''


@pytest.fixture
def digest_of(tmp_path):
    """Return the digest of a script with this text."""

    def digest(text):
        path = tmp_path / f"{abs(hash(text))}.py"
        path.write_text(text)
        return code_digest(path)

    return digest


def names(*modules):
    return {path.name for path in module_sources(*modules)}


def test_a_module_comes_with_what_it_imports_directly_and_indirectly():
    assert {"analysis.py", "moments.py", "folds.py", "intervals.py"} <= names("analyses.probing.analysis")


def test_a_script_comes_with_the_modules_behind_it():
    assert {"train_model.py", "pretraining.py", "units.py"} <= names(ROOT / "scripts" / "train_model.py")


def test_plumbing_is_left_out():
    assert not names("analyses.probing.analysis", "activations.store") & {"errors.py", "jobs.py", "manifests.py"}


def test_an_analysis_does_not_depend_on_training_code():
    assert "pretraining.py" not in names("analyses.probing.analysis")


def test_a_module_that_does_not_exist_is_an_error():
    with pytest.raises(FileNotFoundError, match="no_such_module"):
        module_sources("no_such_module")


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ('"""A module."""', '"""Another docstring."""'),
        ('    """Return more."""\n', ""),
        ("  # why", ""),
        ("x + RATE", "(x +\n            RATE)"),
        ("def rise(x):", "def rise(x: float) -> float:"),
        ("RATE = 3\n", "\n\nRATE = 3\n\n"),
        ("from auscult", "from typing import Any\n\nfrom auscult"),
        ("RATE = 3", '__all__ = ["rise"]\nRATE = 3'),
    ],
)
def test_words_annotations_and_layout_are_no_change(digest_of, old, new):
    assert old in MODULE
    assert digest_of(MODULE.replace(old, new)) == digest_of(MODULE)


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("RATE = 3", "RATE = 4"),
        ("RATE = 3", "RATE = 3.0"),
        ("RATE = 3", 'RATE = "3"'),
        ("x + RATE", "x - RATE"),
        ("def rise(x):", "def rise(x=0):"),
        ("def rise", "@staticmethod\ndef rise"),
        ("from auscult.errors", "from auscult.tables"),
    ],
)
def test_whatever_may_change_a_result_changes_the_digest(digest_of, old, new):
    assert old in MODULE
    assert digest_of(MODULE.replace(old, new)) != digest_of(MODULE)


def test_a_change_in_an_imported_module_changes_the_digest_of_a_script(tmp_path, monkeypatch):
    package = tmp_path / "auscult"
    package.mkdir()
    (package / "low.py").write_text("A = 1\n")
    (package / "high.py").write_text("from auscult.low import A\n")
    monkeypatch.setattr(sources, "_PACKAGE", package)
    found = []
    for text in ("A = 1\n", '"""Words."""\n\nA = 1  # one\n', "A = 2\n"):
        (package / "low.py").write_text(text)
        sources._read.cache_clear()
        found.append(code_digest("high"))
    assert found[0] == found[1] != found[2]


def test_digests_do_not_depend_on_where_a_repository_lies(tmp_path):
    script = ROOT / "scripts" / "train_model.py"
    for place in ("aaa", "zzz"):
        copy = tmp_path / place / "scripts" / script.name
        copy.parent.mkdir(parents=True)
        copy.write_text(script.read_text())
        assert code_digest(copy) == code_digest(script)


def test_every_script_of_the_workflow_has_a_digest_and_no_rule_lists_code():
    rules = "".join(path.read_text() for path in sorted((ROOT / "workflow" / "rules").glob("*.smk")))
    scripts = set(re.findall(r'"\.\./\.\./scripts/(\w+)\.py"', rules))
    digested = set(re.findall(r'code=code_of\(\s*"(\w+)"', rules))
    # A download depends on what was asked for: its bytes are compared with a hash, and it is not made again.
    assert scripts - digested == {"fetch_checkpoint", "download_corpus"}
    assert {path.stem for path in (ROOT / "scripts").glob("*.py")} == scripts


def test_digests_are_kept_between_runs_and_a_damaged_cache_is_left_alone(tmp_path, monkeypatch):
    cache, script = tmp_path / "cache" / "digests.json", tmp_path / "s.py"
    script.write_text(MODULE)
    before = code_digest(script)
    keep_digests(cache)
    for damage in (None, "{", "[1]"):
        if damage is not None:
            cache.write_text(damage)
        monkeypatch.setattr(sources, "_READ", {})
        sources._read.cache_clear()
        recall_digests(cache)
        assert code_digest(script) == before


def test_the_commit_is_that_of_the_code_and_says_when_it_was_changed():
    head = subprocess.run(["git", "rev-parse", "HEAD"], capture_output=True, text=True, check=True).stdout
    assert re.fullmatch(r"[0-9a-f]{12}(-dirty)?", code_commit())
    assert head.startswith(code_commit().removesuffix("-dirty"))


def test_outside_of_git_there_is_no_commit(tmp_path):
    code = "from auscult import sources; sources._PACKAGE = '.'; print(repr(sources.code_commit()))"
    package = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=tmp_path, check=True)
    assert package.stdout.strip() == "''"


def test_the_commit_is_found_in_the_repository_of_another_user(monkeypatch):
    mine = code_commit()
    monkeypatch.setenv("GIT_TEST_ASSUME_DIFFERENT_OWNER", "1")
    assert code_commit() == mine


def test_a_repository_that_git_cannot_read_is_not_silently_no_commit(tmp_path, monkeypatch, caplog):
    subprocess.run(["git", "init", "-q", tmp_path], check=True)
    (tmp_path / ".git" / "config").write_text("[core\n")
    monkeypatch.setattr(sources, "_PACKAGE", tmp_path)
    assert code_commit() == "unknown"
    assert "git cannot read its repository: fatal: bad config line 1" in caplog.text


def test_without_git_there_is_no_commit(monkeypatch):
    monkeypatch.setenv("PATH", "")
    assert code_commit() == ""


def test_the_code_of_a_study_is_read_without_loading_it():
    code = (
        "import sys; import auscult.study.loading, auscult.study.extractions, auscult.sources; "
        "print(sorted({'pandas', 'numpy', 'torch', 'matplotlib', 'sklearn'} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
