"""One directory holds one study, and a command that Snakemake would misread ends in one line."""

import json

import pytest
from places import ROOT
from workflow_runs import run

from auscult.errors import ConfigError
from auscult.study.directories import check_command, check_directory, default_directory, keep_owner


@pytest.fixture
def root(tmp_path):
    (tmp_path / "repository" / "studies").mkdir(parents=True)
    (tmp_path / "repository" / "config.yaml").write_text("study: default\n")
    return tmp_path / "repository"


def built(directory, study="", file=None):
    (directory / "results" / "figures").mkdir(parents=True)
    if file:
        keep_owner({"study": study}, file, directory)
    elif study:
        (directory / "results" / "figures" / "abx.json").write_text(json.dumps({"study": study}))
    return directory


@pytest.mark.parametrize("recorded", [True, False], ids=["recorded", "from a figure"])
def test_the_results_of_another_study_are_kept_and_the_command_is_given(root, tmp_path, recorded):
    directory = built(tmp_path / "run", "first", tmp_path / "first.yaml" if recorded else None)
    with pytest.raises(
        ConfigError, match="expected a directory of its own for study 'mine', found the one of study 'first'"
    ) as caught:
        check_directory({"study": "mine"}, root / "studies" / "mine.yaml", directory, root)
    assert str(caught.value).endswith(
        "run: snakemake --cores 2 --configfile ../repository/studies/mine.yaml --directory ../repository/runs/mine"
    )


def test_the_repository_belongs_to_its_own_study_even_before_it_is_built(root):
    with pytest.raises(ConfigError, match="found the one of study 'default'"):
        check_directory({"study": "mine"}, root / "studies" / "mine.yaml", root, root)
    assert check_directory({"study": "default"}, root / "config.yaml", root, root) == ""
    assert check_directory({"study": "renamed"}, root / "config.yaml", root, root) == ""


def test_an_empty_directory_and_one_whose_results_were_deleted_are_free(root, tmp_path):
    keep_owner({"study": "first"}, tmp_path / "first.yaml", tmp_path / "run")
    for directory in (tmp_path / "new", tmp_path / "run"):
        assert check_directory({"study": "mine"}, tmp_path / "mine.yaml", directory, root) == ""


def test_a_renamed_study_keeps_its_directory_and_another_file_of_the_name_is_a_warning(root, tmp_path):
    first = tmp_path / "first.yaml"
    first.write_text("study: first\n")
    directory = built(tmp_path / "run", "first", first)
    assert check_directory({"study": "other"}, first, directory, root) == ""
    assert "has the same name" in check_directory({"study": "first"}, tmp_path / "second.yaml", directory, root)


def test_the_default_directory_does_not_depend_on_the_current_folder(root, tmp_path):
    assert default_directory("default", root / "config.yaml", root) == root
    assert default_directory("mine", root / "studies" / "a.yaml", root) == root / "runs" / "mine"
    assert default_directory("mine", tmp_path / "a.yaml", root) == tmp_path / "runs" / "mine"


@pytest.mark.parametrize("option", ["--configfile", "--configfiles"])
def test_a_target_after_the_study_file_is_one_line(tmp_path, capsys, option):
    study = tmp_path / "a.yaml"
    study.write_text("study: a\n")
    with pytest.raises(SystemExit, match="2"):
        check_command(["--cores", "1", option, str(study), "results/figures/abx.pdf", "-n"])
    assert capsys.readouterr().err == (
        f"auscult: expected study files after {option}, found 'results/figures/abx.pdf', which Snakemake would read as "
        f"one; put targets after `--`: {option} {study} -- results/figures/abx.pdf\n"
    )


def test_commands_that_snakemake_reads_right_are_left_alone(tmp_path):
    study = tmp_path / "a.yaml"
    study.write_text("study: a\n")
    check_command(["--cores", "1", "abx", "--configfile", str(study), "--directory", "x", "--", "abx"])
    check_command([f"--configfile={study}", "abx"])
    check_command(["-n", "--", "--configfile", "no"])


def test_an_unreadable_study_file_is_one_line(tmp_path, capsys):
    (tmp_path / "a.yaml").write_bytes(b"\x89PNG")
    with pytest.raises(SystemExit, match="2"):
        check_command(["--configfile", str(tmp_path / "a.yaml")])
    assert "which is not UTF-8" in capsys.readouterr().err


def test_snakemake_prints_these_lines_without_a_traceback(tmp_path):
    study, directory = str(ROOT / "studies/smoke.yaml"), built(tmp_path / "run", "first")
    swallowed = run("snakemake", "-n", "--cores", "1", "--configfile", study, "probing", ok=False)
    assert "auscult: expected study files after --configfile, found 'probing'" in swallowed
    command = ("snakemake", "-n", "--cores", "1", "--configfile", study, "--directory", str(directory))
    refused = run(*command, ok=False)
    assert "auscult: expected a directory of its own for study 'smoke', found the one of study 'first'" in refused
    assert "Traceback" not in swallowed + refused
