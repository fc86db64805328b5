"""The documentation: examples that run, in the pages and in docstrings, and a site that builds."""

import doctest
import os
import re
import subprocess
import sys
from importlib import import_module
from pathlib import Path

import matplotlib
import pytest
from places import ROOT

MODULES = sorted(
    ".".join(path.relative_to(ROOT / "src").with_suffix("").parts)
    for path in (ROOT / "src" / "auscult").rglob("*.py")
    if ">>> " in path.read_text()
)


def test_the_notebook_page_runs_as_it_stands(tmp_path, monkeypatch, capsys):
    matplotlib.use("agg")
    monkeypatch.chdir(tmp_path)
    page = (ROOT / "docs" / "notebook.md").read_text()
    exec("\n".join(re.findall(r"```python\n(.*?)```", page, re.S)), {"__name__": "notebook"})
    printed = capsys.readouterr().out
    assert "('cnn', 'embed', 'T1', 'T2', 'T3', 'T4') (320, 128)" in printed
    assert printed.count("Estimate(value=") == 5
    assert (tmp_path / "probing.png").stat().st_size > 10_000


@pytest.mark.parametrize("module", MODULES)
def test_examples_in_docstrings_run(module):
    found = import_module(module)
    result = doctest.testmod(found, extraglobs={"np": import_module("numpy"), "pd": import_module("pandas")})
    assert result.attempted
    assert not result.failed


def test_the_site_builds_without_a_warning(tmp_path):
    command = [Path(sys.executable).parent / "mkdocs", "build", "--strict", "--site-dir", str(tmp_path / "site")]
    environment = {**os.environ, "NO_MKDOCS_2_WARNING": "1"}
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, env=environment)
    assert done.returncode == 0, done.stderr[-3000:]
    pages = "".join(path.read_text() for path in (tmp_path / "site").rglob("*.html"))
    assert "<!-- settings -->" not in pages
    assert not re.findall(r'<(?:script|link|img)[^>]+(?:src|href)="https?://', pages)


def test_every_link_between_pages_of_the_readme_leads_somewhere():
    links = re.findall(r"\]\(([^)#:]+)\)", (ROOT / "README.md").read_text())
    assert len(links) > 20
    assert [link for link in links if not (ROOT / link).exists()] == []


def test_every_public_name_of_the_package_is_found_without_loading_torch_first():
    code = (
        "import sys, auscult; "
        "assert not {'torch', 'pandas', 'numpy'} & set(sys.modules), 'heavy'; "
        "print([name for name in auscult.__all__ if not callable(getattr(auscult, name))])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
