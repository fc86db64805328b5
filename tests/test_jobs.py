import subprocess
import sys

import pytest

from auscult.jobs import LOG_ONLY, job

IMPORTS = "import sys\nfrom auscult.errors import LabelError\nfrom auscult.jobs import job\n"


def run(code, log):
    return subprocess.run(
        [sys.executable, "-c", IMPORTS + code, str(log)], capture_output=True, check=False, timeout=60
    )


def test_a_user_s_mistake_ends_in_one_line_and_status_one(tmp_path):
    code = "with job(sys.argv[1]):\n    raise LabelError('expected x,\\n found y; do z')\n"
    ended = run(code, tmp_path / "logs" / "step.log")
    assert (ended.returncode, ended.stdout, ended.stderr) == (1, b"", b"auscult: expected x, found y; do z\n")
    assert (tmp_path / "logs" / "step.log").read_bytes() == ended.stderr


def test_a_fault_of_ours_keeps_its_traceback(tmp_path):
    ended = run("with job(sys.argv[1]):\n    {}['gone']\n", tmp_path / "step.log")
    assert ended.returncode == 1
    assert b"Traceback" in ended.stderr
    assert b"KeyError: 'gone'" in ended.stderr
    assert "KeyError: 'gone'" in (tmp_path / "step.log").read_text()


def test_messages_go_to_the_terminal_and_the_log_but_bars_only_to_the_latter(tmp_path):
    code = (
        "with job(sys.argv[1]):\n    print('done')\n    sys.stderr.write('\\r50 %')\n    sys.stderr.write('\\r60 %')\n"
    )
    ended = run(code + "    sys.stderr.write('\\n')\n", tmp_path / "step.log")
    assert ended.returncode == 0
    assert ended.stderr == b"done\n"
    assert (tmp_path / "step.log").read_text() == "done\n50 %\n60 %\n"


def test_bars_of_tqdm_are_lines_of_the_log(tmp_path):
    code = "with job(sys.argv[1]):\n    from tqdm import tqdm\n    list(tqdm(range(3), desc='layers', disable=None))\n"
    ended = run(code, tmp_path / "step.log")
    assert ended.stderr == b""
    lines = (tmp_path / "step.log").read_text().splitlines()
    assert len(lines) == 2
    assert lines[-1].startswith("layers: 100%")
    assert "3/3" in lines[-1]


def test_below_a_progress_line_everything_goes_to_the_log(tmp_path, monkeypatch):
    monkeypatch.setenv(LOG_ONLY, "1")
    ended = run("with job(sys.argv[1]):\n    print('read')\n    raise LabelError('found y')\n", tmp_path / "step.log")
    assert (ended.returncode, ended.stderr) == (1, b"")
    assert (tmp_path / "step.log").read_text() == "read\nauscult: found y\n"


def test_what_the_library_reports_is_shown_and_kept(tmp_path):
    code = "import logging\nwith job(sys.argv[1]):\n    logging.getLogger('auscult.x').info('8 recordings')\n"
    ended = run(code, tmp_path / "step.log")
    assert ended.stderr == b"auscult: 8 recordings\n"
    assert (tmp_path / "step.log").read_bytes() == ended.stderr


def test_threads_are_limited_inside_and_the_streams_given_back(tmp_path, monkeypatch):
    monkeypatch.setenv("NUMBA_NUM_THREADS", "3")
    torch = pytest.importorskip("torch")
    before, streams = torch.get_num_threads(), (sys.stdout, sys.stderr)
    try:
        with job(tmp_path / "step.log", threads=3):
            assert torch.get_num_threads() == 3
            assert sys.stderr is not streams[1]
        assert sys.stderr is streams[1]
    finally:
        sys.stdout, sys.stderr = streams
        torch.set_num_threads(before)


def test_numba_imported_inside_a_job_has_its_threads(tmp_path):
    code = "with job(sys.argv[1], threads=1):\n    import numba\n    print(numba.get_num_threads())\n"
    ended = run("import os\nos.environ.pop('NUMBA_NUM_THREADS', None)\n" + code, tmp_path / "step.log")
    assert ended.stderr == b"1\n"


def test_numba_imported_before_a_job_is_held_back_within_it(tmp_path):
    code = "import numba\nwith job(sys.argv[1], threads=1):\n    print(numba.get_num_threads())\n"
    ended = run("import os\nos.environ['NUMBA_NUM_THREADS'] = '2'\n" + code, tmp_path / "step.log")
    assert ended.stderr == b"1\n"
