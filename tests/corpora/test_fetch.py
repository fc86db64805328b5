import hashlib
import json
import logging
import os
import threading
import time
from email.utils import formatdate
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from auscult.corpora import fetch
from auscult.corpora.fetch import fetch_file
from auscult.errors import DownloadError, StorageError

CONTENT = bytes(range(256)) * 5000
SHA256 = hashlib.sha256(CONTENT).hexdigest()


class Server(ThreadingHTTPServer):
    """Serves ``content`` with ranges; the first ``n_breaks`` answers end after half of the announced bytes."""

    content, etag, n_breaks, status, kind, ranges = CONTENT, '"v1"', 0, 200, "application/zip", True
    # Answers with a status and a header Retry-After before the file is served.
    busy: tuple[tuple[int, str], ...] = ()


class Handler(BaseHTTPRequestHandler):
    def do_GET(self):
        server, span = self.server, self.headers.get("Range")
        server.requests.append((self.path, span))
        if server.busy:
            (status, wait), *server.busy = server.busy
            self.send_response(status)
            self.send_header("Retry-After", wait)
            self.send_header("Content-Length", "0")
            self.end_headers()
            return
        if server.status != 200 or not self.path.endswith("/corpus.bin"):
            self.send_error(server.status if server.status != 200 else 404)
            return
        fresh = self.headers.get("If-Range") in (None, server.etag)
        start = int(span[6:-1]) if span and fresh and server.ranges else 0
        body = server.content[start:]
        self.send_response(206 if start else 200)
        self.send_header("Content-Length", str(len(body)))
        self.send_header("Content-Type", server.kind)
        if server.etag:
            self.send_header("ETag", server.etag)
        self.end_headers()
        broken, server.n_breaks = server.n_breaks > 0, server.n_breaks - 1
        self.wfile.write(body[: len(body) // 2] if broken else body)

    def log_message(self, *_):
        pass


@pytest.fixture
def server(monkeypatch):
    monkeypatch.setattr(fetch, "_WAIT_S", 0)
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    with Server(("127.0.0.1", 0), Handler) as server:
        server.requests = []
        server.url = f"http://127.0.0.1:{server.server_port}/data/corpus.bin"
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield server
        server.shutdown()
        thread.join()


def left(folder):
    return sorted(path.name for path in folder.iterdir())


def test_a_file_is_fetched_and_its_hash_returned(server, tmp_path):
    assert fetch_file(server.url, tmp_path / "c" / "corpus.bin", sha256=SHA256) == SHA256
    assert (tmp_path / "c" / "corpus.bin").read_bytes() == CONTENT
    assert left(tmp_path / "c") == ["corpus.bin"]


def test_a_file_that_is_there_is_not_fetched_again(server, tmp_path):
    (tmp_path / "corpus.bin").write_bytes(CONTENT)
    fetch_file(server.url, tmp_path / "corpus.bin", sha256=SHA256.upper())
    assert server.requests == []


def test_a_damaged_file_that_is_there_is_fetched_again(server, tmp_path, caplog):
    (tmp_path / "corpus.bin").write_bytes(CONTENT[:-1])
    fetch_file(server.url, tmp_path / "corpus.bin", sha256=SHA256)
    assert (tmp_path / "corpus.bin").read_bytes() == CONTENT
    assert "fetching it again" in caplog.text


def test_a_broken_connection_is_resumed_where_it_broke_off(server, tmp_path):
    server.n_breaks = 2
    assert fetch_file(server.url, tmp_path / "corpus.bin", sha256=None) == SHA256
    starts = [int(span[6:-1]) if span else 0 for _, span in server.requests]
    # Half of the requested bytes arrived each time; the last chunk of 64 KiB may be lost.
    assert starts[0] == 0
    assert len(CONTENT) / 2 - 65536 < starts[1] <= len(CONTENT) / 2
    assert starts[1] < starts[2] <= len(CONTENT) * 3 / 4


def test_half_a_file_of_an_earlier_run_is_continued(server, tmp_path):
    (tmp_path / "corpus.bin.part").write_bytes(CONTENT[:1000])
    assert fetch_file(server.url, tmp_path / "corpus.bin", sha256=SHA256) == SHA256
    assert server.requests == [("/data/corpus.bin", "bytes=1000-")]
    assert left(tmp_path) == ["corpus.bin"]


def test_a_failed_download_keeps_its_half_for_the_next_run(server, tmp_path):
    server.n_breaks = 3
    with pytest.raises(DownloadError, match=r"expected corpus\.bin from one of 1 sources, found it at none: http"):
        fetch_file(server.url, tmp_path / "corpus.bin", sha256=None)
    assert left(tmp_path) == ["corpus.bin.part", "corpus.bin.part.json"]
    assert fetch_file(server.url, tmp_path / "corpus.bin", sha256=None) == SHA256


def test_halves_of_two_versions_are_never_joined(server, tmp_path):
    server.n_breaks, server.content = 3, b"x" * len(CONTENT)
    with pytest.raises(DownloadError, match="found it at none"):
        fetch_file(server.url, tmp_path / "corpus.bin", sha256=None)
    server.content, server.etag = CONTENT, '"v2"'
    assert fetch_file(server.url, tmp_path / "corpus.bin", sha256=None) == SHA256


def test_an_unknown_half_is_not_continued_without_a_hash_to_judge_it(server, tmp_path):
    (tmp_path / "corpus.bin.part").write_bytes(b"other")
    assert fetch_file(server.url, tmp_path / "corpus.bin", sha256=None) == SHA256
    assert server.requests == [("/data/corpus.bin", None)]


def test_a_wrong_half_costs_a_second_download_not_an_error(server, tmp_path):
    (tmp_path / "corpus.bin.part").write_bytes(b"other")
    assert fetch_file(server.url, tmp_path / "corpus.bin", sha256=SHA256) == SHA256
    assert [span for _, span in server.requests] == ["bytes=5-", None]


def test_a_server_without_ranges_is_asked_from_the_start(server, tmp_path):
    server.ranges = False
    (tmp_path / "corpus.bin.part").write_bytes(CONTENT[:1000])
    assert fetch_file(server.url, tmp_path / "corpus.bin", sha256=SHA256) == SHA256


def test_a_wrong_hash_names_both_and_leaves_nothing(server, tmp_path):
    with pytest.raises(
        DownloadError, match=rf"expected SHA-256 {'0' * 64} from http.*, found {SHA256}; nothing was kept"
    ):
        fetch_file(server.url, tmp_path / "corpus.bin", sha256="0" * 64)
    assert left(tmp_path) == []


def test_the_first_hash_is_recorded_reported_and_enforced(server, tmp_path, caplog):
    record = tmp_path / "hashes.json"
    with caplog.at_level(logging.WARNING):
        fetch_file(server.url, tmp_path / "corpus.bin", sha256=None, record=record)
    assert json.loads(record.read_text()) == {server.url: SHA256}
    assert f"recorded {SHA256}" in caplog.text
    (tmp_path / "corpus.bin").unlink()
    server.content = CONTENT + b"!"
    with pytest.raises(
        DownloadError, match=rf"expected SHA-256 {SHA256} from .*, found [0-9a-f]{{64}}; nothing was kept"
    ):
        fetch_file(server.url, tmp_path / "corpus.bin", sha256=None, record=record)


def test_a_damaged_record_is_an_error(tmp_path):
    (tmp_path / "hashes.json").write_text("no JSON")
    with pytest.raises(DownloadError, match=r"expected a JSON object of hashes by address in .*hashes\.json"):
        fetch_file("http://127.0.0.1:9/a", tmp_path / "a", sha256=None, record=tmp_path / "hashes.json")


def test_a_folder_serves_as_a_mirror_without_any_network(tmp_path):
    (tmp_path / "my mirror").mkdir()
    (tmp_path / "my mirror" / "corpus.bin").write_bytes(CONTENT)
    mirrors = [(tmp_path / "empty").as_uri(), (tmp_path / "my mirror").as_uri()]
    found = fetch_file("https://invalid.invalid/corpus.bin", tmp_path / "c.zip", sha256=SHA256, mirrors=mirrors)
    assert (found, (tmp_path / "c.zip").read_bytes()) == (SHA256, CONTENT)


def test_the_address_itself_is_asked_after_the_mirrors(server, tmp_path):
    base = server.url.replace("/data/corpus.bin", "")
    fetch_file(
        server.url, tmp_path / "corpus.bin", sha256=SHA256, mirrors=[f"{base}/nothing/here.zip/", tmp_path.as_uri()]
    )
    assert [path for path, _ in server.requests] == ["/nothing/here.zip/corpus.bin"]


def test_every_source_that_failed_is_named_with_its_reason(server, tmp_path):
    server.status = 404
    with pytest.raises(
        DownloadError, match=r"2 sources.*file://.*\(No such file or directory\); http.*\(status 404\); check"
    ):
        fetch_file(server.url, tmp_path / "corpus.bin", sha256=SHA256, mirrors=[tmp_path.as_uri()])
    assert left(tmp_path) == []


def test_a_server_in_trouble_is_asked_three_times(server, tmp_path):
    server.status = 503
    with pytest.raises(DownloadError, match=r"\(status 503\)"):
        fetch_file(server.url, tmp_path / "corpus.bin", sha256=SHA256)
    assert len(server.requests) == 3


def test_a_web_page_in_place_of_the_file_is_not_taken(server, tmp_path):
    server.kind = "text/html"
    with pytest.raises(DownloadError, match="a web page came instead of the file"):
        fetch_file(server.url, tmp_path / "corpus.bin", sha256=None)


def test_an_unreachable_host_is_told_in_one_line(tmp_path, monkeypatch):
    monkeypatch.setattr(fetch, "_WAIT_S", 0)
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    with pytest.raises(DownloadError, match=r"\(ConnectionError\); check the network, or name a mirror") as caught:
        fetch_file("http://127.0.0.1:9/corpus.bin", tmp_path / "corpus.bin", sha256=None)
    assert "\n" not in str(caught.value)


def test_another_kind_of_address_is_refused(tmp_path):
    with pytest.raises(DownloadError, match=r"begins with http://, https:// or file://, found 'ftp://host/a'"):
        fetch_file("ftp://host/a", tmp_path / "a", sha256=None)


def test_a_full_disk_is_told_and_leaves_nothing(server, tmp_path, monkeypatch):
    def full(_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(StorageError, match="No space left on device; free space"):
        fetch_file(server.url, tmp_path / "corpus.bin", sha256=SHA256)
    assert left(tmp_path) == []


def test_a_mirror_with_another_file_does_not_hide_the_right_one(server, tmp_path, caplog):
    mirror = tmp_path / "mirror"
    mirror.mkdir()
    (mirror / "corpus.bin").write_bytes(b"another version")
    found = fetch_file(server.url, tmp_path / "corpus.bin", sha256=SHA256, mirrors=[mirror.as_uri()])
    assert found == SHA256
    assert "expected SHA-256" in caplog.text


def test_an_archive_that_is_cut_off_is_not_recorded_as_the_one_to_trust(tmp_path):
    (tmp_path / "mirror").mkdir()
    (tmp_path / "mirror" / "corpus.zip").write_bytes(b"PK but no more")
    record = tmp_path / "record.json"
    with pytest.raises(
        DownloadError,
        match=r"expected an archive from file:.*found another kind of file, or a truncated or damaged one",
    ):
        fetch_file((tmp_path / "mirror" / "corpus.zip").as_uri(), tmp_path / "corpus.zip", sha256=None, record=record)
    assert not record.exists()
    assert not (tmp_path / "corpus.zip").exists()


@pytest.mark.parametrize("content", [b"version https://git-lfs.github.com/spec/v1\n", b"PAR1", b""])
def test_a_first_download_of_a_table_that_is_none_is_not_trusted(tmp_path, content):
    source = tmp_path / "table.parquet"
    source.write_bytes(content)
    record = tmp_path / "record.json"
    with pytest.raises(
        DownloadError,
        match=r"expected an archive from file:.*found another kind of file, or a truncated or damaged one",
    ):
        fetch_file(source.as_uri(), tmp_path / "here" / "table.parquet", sha256=None, record=record)
    assert not record.exists()
    source.write_bytes(b"PAR1 rows PAR1")
    fetch_file(source.as_uri(), tmp_path / "here" / "table.parquet", sha256=None, record=record)
    assert record.exists()


@pytest.fixture
def waits(monkeypatch):
    """Collect the seconds that a download would wait."""
    found = []
    monkeypatch.setattr(fetch.time, "sleep", found.append)
    return found


@pytest.mark.parametrize("status", [429, 503])
def test_a_busy_server_is_asked_again_after_the_time_that_it_names(status, server, waits, tmp_path, caplog):
    server.busy = ((status, "7"), (status, formatdate(time.time() + 60, usegmt=True)))
    assert fetch_file(server.url, tmp_path / "corpus.bin", sha256=SHA256) == SHA256
    assert waits[0] == 7
    assert 50 < waits[1] <= 60
    assert f"status {status}, which asks to wait 7 s), trying again after 7 s" in caplog.text


def test_a_server_that_asks_for_hours_is_not_waited_for(server, waits, tmp_path):
    server.busy = ((429, "7200"),)
    with pytest.raises(DownloadError, match=r"\(status 429, which asks to wait 7200 s\); check the network"):
        fetch_file(server.url, tmp_path / "corpus.bin", sha256=SHA256)
    assert waits == []


def test_an_unreadable_waiting_time_is_none(server, waits, tmp_path):
    server.busy = ((503, "soon"),)
    assert fetch_file(server.url, tmp_path / "corpus.bin", sha256=SHA256) == SHA256
    assert waits == [0]
