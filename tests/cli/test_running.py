"""Building, inspecting and fetching a study by the command line; Snakemake itself is run once."""

import subprocess
import sys
from itertools import pairwise

import pytest
from places import ROOT

from auscult.cli import workflow
from auscult.cli.places import open_study
from auscult.cli.status import figure_states, upstream
from auscult.cli.workflow import Job, divide_arguments


@pytest.fixture
def called(monkeypatch):
    """Collect the commands that would be called, each with exit status 0."""
    commands = []

    def call(arguments):
        commands.append(list(arguments))
        return 0

    monkeypatch.setattr(workflow, "call", call)
    return commands


def test_the_help_teaches_an_order_and_every_command_has_one(auscult):
    printed = auscult("--help")
    for command in ("run", "status", "fetch"):
        assert f"  {command} " in printed
        assert len(auscult(command, "--help").splitlines()) > 10


def test_a_figure_is_built_by_one_snakemake_command(auscult, study, called):
    auscult("run", study, "probing", "--cores", "2", "--keep-going", "--config", "hub_unreachable=leave-out")
    (arguments,) = called
    assert arguments[1:3] == ["-m", "snakemake"]
    options = dict(pairwise(arguments))
    assert options["--snakefile"] == str(ROOT / "Snakefile")
    assert options["--configfile"] == str(study)
    assert options["--directory"] == str(study.parent / "runs" / "mine")
    assert options["--cores"] == "2"
    place = arguments.index("--")
    assert arguments[place + 1] == "results/figures/probing.pdf"
    assert {"--keep-going", "--config", "hub_unreachable=leave-out"} <= set(arguments[:place])


def test_a_whole_study_a_directory_and_a_dry_run_are_passed_on(auscult, study, called, tmp_path):
    auscult("run", study, "-n", "--directory", tmp_path / "elsewhere")
    (arguments,) = called
    assert "--" not in arguments
    assert "--dry-run" in arguments
    assert "--quiet" not in arguments
    assert arguments[arguments.index("--directory") + 1] == str(tmp_path / "elsewhere")


def test_the_exit_status_of_snakemake_is_kept(auscult, study, monkeypatch):
    monkeypatch.setattr(workflow, "call", lambda arguments: 1)
    auscult("run", study, status=1)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["run", "timti"], "expected a study file at timti, or one of the studies default,"),
        (["run", "STUDY", "porbing"], "expected a figure of study 'mine' (probing)"),
        (["status", "STUDY", "abx"], "found 'abx'"),
    ],
)
def test_misuse_is_one_line_and_status_2(auscult, study, arguments, message):
    printed = auscult(*[study if argument == "STUDY" else argument for argument in arguments], status=2)
    assert printed.startswith("auscult: ")
    assert message in printed
    assert len(printed.splitlines()) == 1


def test_a_study_with_a_mistake_is_one_line(auscult, study):
    study.write_text(study.read_text().replace("analyses:", "analysis:"))
    assert "unknown key 'analysis' in the study (did you mean 'analyses'?)" in auscult("run", study, status=2)


def test_studies_of_the_repository_are_known_by_name(auscult, called):
    auscult("run", "timit", "probing", "-n")
    arguments = called[0]
    assert str(ROOT / "studies" / "timit.yaml") in arguments
    assert str(ROOT / "runs" / "timit") in arguments


def test_fetch_asks_for_downloads_only(auscult, study, called):
    auscult("fetch", "timit")
    targets = called[0][called[0].index("--") + 1 :]
    assert targets == [
        "resources/downloads/timit/timit.zip",
        "resources/checkpoints/wav2vec2-base/final/manifest.json",
    ]
    assert auscult("fetch", study) == "auscult: study mine needs no download\n"


def test_figures_come_first_and_options_of_snakemake_follow():
    assert divide_arguments(["abx", "tone", "--forcerun", "abx"]) == (["abx", "tone"], ["--forcerun", "abx"])
    assert divide_arguments(["--", "--quiet"]) == ([], ["--quiet"])


def test_status_names_missing_figures_and_what_has_to_run_and_leaves_no_directory(auscult, study):
    planned = auscult("status", study, status=1)
    assert "probing  missing  " in planned
    assert "first import_folder: missing output files: resources/corpora/mine/manifest.json" in planned
    assert "0 of 1 figures are built" in planned
    assert not (study.parent / "runs").exists()


def test_a_figure_is_stale_if_its_files_exist_and_something_above_has_to_run(study):
    place = open_study(study)
    figures = place.directory / "results" / "figures"
    figures.mkdir(parents=True)
    for ending in workflow.ENDINGS:
        (figures / f"probing.{ending}").write_text("")
    jobs = [
        Job("figure_probing", ("results/probing/probing.csv",), ("results/figures/probing.pdf",)),
        Job("talk", ("results/figures/probing.pdf",), ("results/talk/index.html",)),
        Job("probing", ("corpus",), ("results/probing/probing.csv",), "Params have changed since last execution: code"),
    ]
    assert figure_states(place, [])[0].state == "built"
    (state,) = figure_states(place, jobs)
    assert (state.state, state.n_jobs) == ("stale", 2)
    assert state.cause == "probing: params have changed since last execution: code"
    assert [job.rule for job in upstream(jobs, ["results/talk/index.html"])] == ["figure_probing", "talk", "probing"]


def test_the_command_line_starts_without_loading_numbers_or_models():
    code = (
        "import sys, auscult.cli.app, auscult.cli.places, auscult.cli.workflow; "
        "assert not {'torch', 'pandas', 'numpy', 'transformers', 'snakemake'} & set(sys.modules), 'heavy'"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
