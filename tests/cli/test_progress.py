"""The progress of a build in one line, and what it says of a job that fails."""

import io
import logging
import math
import subprocess
import sys
from types import SimpleNamespace

import pytest
from places import ROOT
from snakemake_interface_logger_plugins.common import LogEvent

from auscult.cli import progress as module
from auscult.cli.progress import Progress, describe, duration, planned_jobs
from auscult.jobs import LOG_ONLY
from snakemake_logger_plugin_auscult import LogHandler


class Clock:
    """Time that a test sets."""

    def __init__(self):
        self.now_s = 0.0

    def __call__(self):
        return self.now_s


class Terminal(io.StringIO):
    """Stream that says that it is a terminal."""

    def isatty(self):
        return True


@pytest.fixture
def clock():
    return Clock()


@pytest.fixture
def handler(monkeypatch, clock):
    """Return the plugin's handler, which writes to ``stream``."""
    monkeypatch.setenv(LOG_ONLY, "")
    monkeypatch.setattr(module, "_listeners", [])
    one = LogHandler(None, None)
    one.stream = io.StringIO()
    one.progress = Progress(one.stream, clock)
    return one


def send(handler, event=None, text=None, level=logging.INFO, **said):
    record = logging.LogRecord("snakemake", level, "", 0, text, (), None)
    record.__dict__.update({"event": event, **said})
    handler.emit(record)


def test_jobs_are_described_in_words():
    assert describe("train_model_hubert_tiny", {}) == "training hubert-tiny"
    assert describe("probing_run", {"corpus": "english", "model": "mfcc"}) == "probing english, mfcc"
    assert describe("figure_tone", {}) == "drawing tone"
    assert describe("abx_tables", {}) == "abx tables"
    assert describe("extract_part_english_hubert", {"scatteritem": "1-of-4"}) == (
        "extracting vectors english-hubert 1-of-4"
    )


def test_durations_are_in_words():
    seconds = (0, 40, 59.6, 720, 3900)
    assert list(map(duration, seconds)) == ["0 s", "40 s", "1 min", "12 min", "1 h 05 min"]


def test_time_left_is_the_longer_of_the_longest_chain_and_an_equal_share(clock):
    line = Progress(io.StringIO(), clock, n_cores=2)
    line.expect({1: 10.0, 2: 10.0, 3: 4.0}, {2: [1]})
    assert "about 20 min left" in line.line()
    line.expect({1: 10.0, 2: 10.0, 3: 40.0}, {2: [1]})
    assert "about 40 min left" in line.line()
    line.expect(dict.fromkeys(range(8), 10.0), {})
    assert "about 40 min left" in line.line()


def test_time_left_shrinks_with_a_running_job_and_follows_the_times_of_those_that_ended(clock):
    line = Progress(io.StringIO(), clock)
    line.expect({1: 1.0, 2: 10.0}, {2: [1]})
    line.begin(1, "abx", {})
    clock.now_s = 30
    assert "about 10 min left" in line.line()  # 10.5, rounded to even
    clock.now_s = 120
    line.finish(1)
    assert "about 20 min left" in line.line()  # twice as slow as expected
    line.begin(2, "abx", {})
    clock.now_s = 720
    assert "about 10 min left" in line.line()


def test_nothing_is_said_of_time_that_is_unknown(clock):
    line = Progress(io.StringIO(), clock)
    assert "left" not in line.line()
    line.expect({1: math.nan, 2: 3.0}, {})
    assert "about 3 min left and what is downloaded first" in line.line()
    line.finish(1)
    assert line.line().endswith("about 3 min left")


def test_in_a_file_a_line_is_printed_when_a_job_ends_at_most_every_ten_seconds(handler, clock):
    send(handler, LogEvent.RUN_INFO, stats={"total": 4})
    for number, now_s in enumerate((5, 8, 14, 16), start=1):
        send(handler, LogEvent.JOB_INFO, jobid=number, rule_name="probing_run", wildcards={"corpus": f"c{number}"})
        clock.now_s = now_s
        send(handler, LogEvent.JOB_FINISHED, job_id=number)
        send(handler, LogEvent.PROGRESS, done=number, total=4)
    handler.close()
    assert handler.stream.getvalue().splitlines() == [
        "1 of 4 jobs · 5 s · done: probing c1",
        "4 of 4 jobs · 16 s · done: probing c4",
        "4 of 4 jobs done in 16 s",
    ]


def test_on_a_terminal_the_line_is_rewritten_in_place_and_never_wider(monkeypatch, clock):
    monkeypatch.setenv("COLUMNS", "40")
    line = Progress(Terminal(), clock)
    line.total = 2
    line.begin(1, "probing_run", {"corpus": "english", "model": "a-model-of-a-long-name"})
    line.count(1, 2)
    written = line.stream.getvalue()
    assert "\n" not in written
    drawn = [part.removesuffix("\x1b[K") for part in written.split("\r")[1:]]
    assert [len(part) < 40 for part in drawn] == [True, True]
    assert drawn[-1].startswith("1 of 2 jobs · 0 s · now: probing")
    line.say("a warning")
    assert "\r\x1b[Ka warning\n\r1 of 2 jobs" in line.stream.getvalue()


def test_a_failed_job_is_named_with_its_log_and_its_last_lines(handler, clock, tmp_path):
    log = tmp_path / "step.log"
    log.write_text("".join(f"line {number}\n" for number in range(50)) + "auscult: expected x, found y; do z\n")
    send(handler, LogEvent.RUN_INFO, stats={"total": 2})
    send(handler, LogEvent.JOB_INFO, jobid=1, rule_name="tone_run", wildcards={"model": "hubert"})
    said = {"rule_name": "tone_run", "log": [str(log), str(tmp_path / "gone")]}
    send(handler, LogEvent.JOB_ERROR, level=logging.ERROR, jobid=1, **said)
    send(handler, LogEvent.ERROR, "RuleException:\nCalledProcessError", logging.ERROR)
    send(handler, None, "a warning of Snakemake", logging.WARNING)
    send(handler, None, "Select jobs to execute...")
    handler.close()
    lines = handler.stream.getvalue().splitlines()
    assert lines[:2] == ["failed: tone hubert (rule tone_run)", f"  its log: {log}"]
    assert lines[2:10] == [
        *(f"  | line {number}" for number in range(43, 50)),
        "  | auscult: expected x, found y; do z",
    ]
    assert lines[10:] == [
        f"  its log: {tmp_path / 'gone'}",
        "  | (there is no such file: the job did not start)",
        "a warning of Snakemake",
        "0 of 2 jobs done, 1 failed in 0 s; the same command continues the build",
    ]


def test_nothing_to_be_done_is_said(handler):
    send(handler, None, "Nothing to be done (all requested files are present and up to date).")
    handler.close()
    assert handler.stream.getvalue() == "Nothing to be done (all requested files are present and up to date).\n"


def test_jobs_of_snakemake_are_read():
    found = SimpleNamespace(
        jobid=7,
        rule=SimpleNamespace(name="abx_run"),
        input=["a"],
        output=["b"],
        wildcards_dict={"corpus": "c"},
        benchmark=None,
        log=["logs/abx/c.log"],
        threads=1,
    )
    job = planned_jobs([found])[7]
    assert (job.rule, job.inputs, job.outputs, job.log) == ("abx_run", ("a",), ("b",), "logs/abx/c.log")
    assert (job.wildcards, job.benchmark) == ({"corpus": "c"}, "")


def test_a_build_that_fails_says_so_in_a_few_lines(study):
    (study.parent / "speech" / "ada_00.wav").write_bytes(b"RIFF")
    target = "resources/corpora/mine/manifest.json"
    command = [sys.executable, "-m", "auscult.cli", "run", str(study), target, "--cores", "1"]
    done = subprocess.run(command, capture_output=True, text=True, cwd=ROOT)
    assert done.returncode == 1
    lines = [line for line in done.stderr.splitlines() if not line.startswith("Using workflow specific profile")]
    assert lines[0] == "failed: importing recordings mine (rule import_folder)"
    assert lines[1].startswith("  its log: ")
    assert "auscult: expected" in lines[-2]
    assert "ada_00.wav" in lines[-2]
    assert lines[-1].startswith("0 of 1 jobs done, 1 failed in ")
