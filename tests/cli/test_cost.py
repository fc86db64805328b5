"""Expected cost: earlier builds count as measured, sizes scale the rest, and the default study comes out as built."""

import json
import math

import pytest
from cli_cases import write_recordings
from workflow_runs import NOWHERE

from auscult.cli import cost
from auscult.cli.cost import JobCost, elapsed_minutes, job_costs, measured_jobs, rule_costs
from auscult.cli.places import open_study
from auscult.cli.work import Sizes, kind_of
from auscult.cli.workflow import Job

HEAD = "s\th:m:s\tmax_rss\tmax_vms\tmax_uss\tmax_pss\tio_in\tio_out\tmean_load\tcpu_time\n"


@pytest.mark.parametrize(
    ("rule", "kind"),
    [
        ("train_model_hubert_english", "train_model"),
        ("extract_activations_dutch__baselines", "extract_activations"),
        ("attribution_english_gender", "attribution"),
        ("attribution_tables", "attribution_tables"),
        ("reliability_task", "reliability_task"),
        ("figure_abx", "figure"),
        ("probing_run", "probing_run"),
    ],
)
def test_rules_of_one_kind_have_one_name(rule, kind):
    assert kind_of(rule) == kind


def test_hours_of_a_folder_are_those_of_its_recordings_and_synthetic_ones_follow_from_sentences(study):
    place = open_study(study)
    assert Sizes(place).hours["mine"] == pytest.approx(18 / 3600)
    hours = Sizes(open_study("default")).hours
    assert 1.5 < hours["english"] < 2.6  # 2.15 h as built
    assert math.isnan(Sizes(open_study("timit", study.parent)).hours["timit"])


def test_twice_the_speech_costs_twice_the_extraction_beyond_the_start(study, tmp_path):
    job = Job("extract_activations_mine__m", outputs=("results/activations/mine/mfcc/final/manifest.json",))
    once = Sizes(open_study(study)).work(job)
    write_recordings(tmp_path / "speech" / "more", speakers=("gus", "hal", "ida", "jon", "kim", "lea"))
    assert Sizes(open_study(study)).work(job) == pytest.approx(2 * once)


def test_a_job_that_ran_here_costs_what_it_cost_and_other_processes_are_not_counted(study):
    place = open_study(study)
    benchmark = place.directory / "logs" / "benchmarks" / "probing" / "mine.tsv"
    benchmark.parent.mkdir(parents=True)
    benchmark.write_text(f"{HEAD}600.0\t0:10:00\t1234.5\t1\t1\t1\t0\t0\t10\t57.0\n")
    record = place.directory / ".snakemake" / "metadata" / "abc"
    record.parent.mkdir(parents=True)
    record.write_text(json.dumps({"log": ["logs/import_folder/mine.log"], "starttime": 10.0, "endtime": 40.0}))
    found = measured_jobs(place.directory)
    assert found["logs/import_folder/mine.log"].seconds == 30.0
    jobs = [
        Job("probing_run", outputs=("a",), wildcards={"corpus": "mine"}, log="logs/probing/mine.log"),
        Job("import_folder", outputs=("b",), wildcards={"corpus": "mine"}, log="logs/import_folder/mine.log"),
        Job("figure_probing", outputs=("c",), log="logs/figures/probing.log"),
    ]
    totals = {total.kind: total for total in rule_costs(job_costs(place, jobs, factor=1.0))}
    assert (totals["probing_run"].minutes, totals["probing_run"].memory_mb) == (1.0, 1234.5)
    assert (totals["import_folder"].minutes, totals["import_folder"].n_measured) == (0.5, 1)
    assert totals["figure"].n_measured == 0
    assert totals["figure"].minutes > 0
    slow = job_costs(place, jobs, factor=2.0)
    assert slow[0].minutes == 1.0
    assert slow[2].minutes == pytest.approx(2 * totals["figure"].minutes)


def test_elapsed_time_is_the_longest_chain_or_an_equal_share():
    chain = [
        JobCost(Job("a", (), ("x",)), "a", 3.0, 0, False),
        JobCost(Job("b", ("x",), ("y",)), "b", 2.0, 0, False),
        JobCost(Job("c", (), ("z",)), "c", 1.0, 0, False),
    ]
    assert elapsed_minutes(chain, 1) == 6.0
    assert elapsed_minutes(chain, 2) == 5.0
    assert elapsed_minutes([], 2) == 0.0


def test_a_larger_model_and_unknown_lengths_are_seen(study, tmp_path):
    (tmp_path / "model").mkdir()
    (tmp_path / "model" / "config.json").write_text(json.dumps({"num_hidden_layers": 24, "hidden_size": 1024}))
    study.write_text(
        study.read_text()
        .replace("models:\n", "models:\n  large: {source: folder, path: model}\n", 1)
        .replace("models: [mfcc]", "models: [mfcc, large]")
    )
    sizes = Sizes(open_study(study))
    assert sizes.model("large") == (24, 1024)
    assert sizes.model("mfcc")[0] == 1
    disk = cost.disk_gb(sizes.place, sizes)
    assert 2 < disk["checkpoints"] < 4  # two checkpoints of 300 million weights
    unknown = [JobCost(Job("import_archive", (), ("x",)), "import_archive", math.nan, 800, False)]
    lines = cost.report(unknown, 2)
    assert lines[-1] == "not counted: 1 jobs on corpora whose length is unknown before they are downloaded"


def test_the_command_prints_rules_total_disk_and_downloads(auscult, study):
    printed = auscult("cost", study, "probing", "--cores", "2")
    assert "jobs to run" in printed
    assert "in all: " in printed
    assert "disk of the whole study: corpora 0.0 GB" in printed
    assert printed.endswith("download: nothing\n")


def test_downloads_are_listed_and_servers_are_not_asked_offline(study):
    place = open_study("timit", study.parent)
    listed = cost.report_downloads(place, offline=True)
    assert listed[0] == "download: 2 files or repositories, 0.0 GB, and 2 of unknown size"
    assert listed[1].startswith("  timit: https://")
    assert math.isnan(cost._archive_mb(f"{NOWHERE}/x.zip"))
