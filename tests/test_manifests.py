import errno
import json
import os
import shutil
import signal
import subprocess
import sys
from types import SimpleNamespace

import pytest

from auscult import manifests
from auscult.errors import ManifestError, StorageError
from auscult.manifests import build_folder, check_folder, digest, digest_json, write_file


def build(folder, recipe=None, content=b"content", **options):
    with build_folder(folder, recipe or {"seed": 0}, **options) as partial:
        (partial / "sub").mkdir(exist_ok=True)
        (partial / "sub" / "a.bin").write_bytes(content)
    return folder


def full(*_):
    raise OSError(errno.ENOSPC, "No space left on device")


def interrupt(folder, recipe=None, **options):
    def build_half():
        with build_folder(folder, recipe or {"seed": 0}, **options) as partial:
            (partial / "half.bin").write_bytes(b"half")
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        build_half()


def write(path, text, error=None):
    with write_file(path) as partial:
        partial.write_text(text)
        if error:
            raise error


def test_a_sealed_folder_vouches_for_its_files_recipe_and_parents(tmp_path):
    manifest = check_folder(build(tmp_path / "f", {"seed": 3}, parents={"corpus": "abc"}))
    assert (manifest.recipe, manifest.parents) == ({"seed": 3}, {"corpus": "abc"})
    assert manifest.files == {"sub/a.bin": digest(tmp_path / "f" / "sub" / "a.bin")}
    assert manifest.sha256 == digest(tmp_path / "f" / "manifest.json")


def test_equal_recipes_and_bytes_have_equal_manifests(tmp_path):
    first, second = build(tmp_path / "a", {"x": 1, "y": 2}), build(tmp_path / "b", {"y": 2, "x": 1})
    assert digest(first / "manifest.json") == digest(second / "manifest.json")
    assert digest_json({"x": 1, "y": 2}) == digest_json({"y": 2, "x": 1})


def test_a_new_folder_replaces_the_old_one_whole(tmp_path):
    with build_folder(tmp_path / "f", {"seed": 0}) as partial:
        (partial / "old.bin").write_bytes(b"old")
    assert list(check_folder(build(tmp_path / "f")).files) == ["sub/a.bin"]
    assert not (tmp_path / "f" / "old.bin").exists()


def test_an_interrupted_build_leaves_nothing_and_keeps_what_was_there(tmp_path):
    before = digest(build(tmp_path / "f") / "manifest.json")
    interrupt(tmp_path / "f", {"seed": 1})
    assert [path.name for path in tmp_path.iterdir()] == ["f"]
    assert digest(tmp_path / "f" / "manifest.json") == before


def test_a_killed_build_leaves_no_folder_that_could_be_read(tmp_path):
    code = (
        "import os, signal, sys\nfrom auscult.manifests import build_folder\n"
        "with build_folder(sys.argv[1], {'seed': 0}) as partial:\n"
        "    (partial / 'a.bin').write_bytes(b'half')\n    os.kill(os.getpid(), signal.SIGKILL)\n"
    )
    killed = subprocess.run([sys.executable, "-c", code, str(tmp_path / "f")], check=False)
    assert killed.returncode == -signal.SIGKILL
    assert not (tmp_path / "f").exists()
    assert list(check_folder(build(tmp_path / "f")).files) == ["sub/a.bin"]


def test_a_resumed_build_finds_what_the_interrupted_one_wrote(tmp_path):
    interrupt(tmp_path / "f", resume=True)
    with build_folder(tmp_path / "f", {"seed": 0}, resume=True) as partial:
        assert (partial / "half.bin").read_bytes() == b"half"
    assert list(check_folder(tmp_path / "f").files) == ["half.bin"]


@pytest.mark.parametrize(
    "changed",
    [{"recipe": {"seed": 1}, "resume": True}, {"parents": {"corpus": "x"}, "resume": True}, {"resume": False}],
)
def test_a_build_of_something_else_starts_empty(tmp_path, changed):
    interrupt(tmp_path / "f", resume=True)
    assert "half.bin" not in check_folder(build(tmp_path / "f", **changed)).files


def test_a_folder_without_a_manifest_is_refused(tmp_path):
    with pytest.raises(
        ManifestError, match=r"expected .*manifest\.json \(a finished folder has one\), found none; delete"
    ):
        check_folder(tmp_path)


@pytest.mark.parametrize("text", ["no JSON", "[]", "{}", '{"files": {}}'])
def test_text_that_is_no_manifest_is_refused(tmp_path, text):
    (tmp_path / "manifest.json").write_text(text)
    with pytest.raises(
        ManifestError, match=r"expected a manifest in .*manifest\.json, found text that is not one; ask"
    ):
        check_folder(tmp_path, remedy="ask")


def test_one_changed_byte_is_noticed(tmp_path):
    folder = build(tmp_path / "f")
    (folder / "sub" / "a.bin").write_bytes(b"Content")
    with pytest.raises(
        ManifestError, match=r"expected SHA-256 [0-9a-f]{12}… for .*sub/a\.bin, found [0-9a-f]{12}…; delete"
    ):
        check_folder(folder)


def test_a_lost_file_is_noticed(tmp_path):
    folder = build(tmp_path / "f")
    (folder / "sub" / "a.bin").unlink()
    with pytest.raises(ManifestError, match=r"expected .*sub/a\.bin \(listed in its manifest\), found no such file"):
        check_folder(folder)


@pytest.mark.parametrize("call", ["fsync", "replace"])
def test_a_full_disk_is_told_in_one_line_and_leaves_nothing(tmp_path, monkeypatch, call):
    monkeypatch.setattr(os, call, full)
    with pytest.raises(
        StorageError, match=r"expected to write .*, found: No space left on device; free space or"
    ) as caught:
        build(tmp_path / "f")
    assert "\n" not in str(caught.value)
    assert list(tmp_path.iterdir()) == []


def test_a_disk_full_while_the_folder_is_filled_leaves_nothing(tmp_path):
    with (
        pytest.raises(StorageError, match=r"expected to write .*f, found: No space left"),
        build_folder(tmp_path / "f", {}),
    ):
        full()
    assert list(tmp_path.iterdir()) == []


def test_a_file_is_replaced_only_when_it_is_whole(tmp_path):
    (tmp_path / "a.txt").write_text("old")
    with pytest.raises(KeyboardInterrupt):
        write(tmp_path / "a.txt", "ha", KeyboardInterrupt)
    assert [(path.name, path.read_text()) for path in tmp_path.iterdir()] == [("a.txt", "old")]


def test_a_file_on_a_full_disk_is_told_and_keeps_the_old_one(tmp_path, monkeypatch):
    (tmp_path / "a.txt").write_text("old")
    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(StorageError, match=r"expected to write .*a\.txt, found: No space"):
        write(tmp_path / "a.txt", "new")
    assert [(path.name, path.read_text()) for path in tmp_path.iterdir()] == [("a.txt", "old")]


def test_other_faults_of_the_system_keep_their_kind(tmp_path):
    with pytest.raises(IsADirectoryError), write_file(tmp_path / "a.txt"):
        raise IsADirectoryError(errno.EISDIR, "Is a directory")


def test_the_partial_name_keeps_the_ending(tmp_path):
    with write_file(tmp_path / "deep" / "a.parquet") as partial:
        assert partial.suffix == ".parquet"
        partial.write_bytes(b"x")
    assert (tmp_path / "deep" / "a.parquet").read_bytes() == b"x"


def test_a_manifest_is_plain_json_in_a_fixed_order(tmp_path):
    text = (build(tmp_path / "f", {"b": 1, "a": 2}) / "manifest.json").read_text()
    assert text == json.dumps(json.loads(text), indent=1, sort_keys=True) + "\n"


@pytest.mark.parametrize("message", ["System error.", "I/O error: No space left on device (os error 28)"])
def test_a_full_disk_gives_one_line_for_every_writer(tmp_path, monkeypatch, message):
    free = 0 if message == "System error." else 10**9
    monkeypatch.setattr(shutil, "disk_usage", lambda _: SimpleNamespace(free=free))
    with (
        pytest.raises(StorageError, match="found: No space left on device; free space"),
        write_file(tmp_path / "a.flac"),
    ):
        raise RuntimeError(message)
    assert not list(tmp_path.iterdir())


def test_other_faults_of_a_writer_keep_their_name(tmp_path):
    with pytest.raises(RuntimeError, match="a fault of ours"), write_file(tmp_path / "a.flac"):
        raise RuntimeError("a fault of ours")


def test_a_file_beyond_the_size_limit_is_told_in_one_line(tmp_path):
    code = (
        "import resource, sys; from pathlib import Path; from auscult.manifests import write_file\n"
        "resource.setrlimit(resource.RLIMIT_FSIZE, (1000, 1000))\n"
        "with write_file(Path(sys.argv[1])) as partial: partial.write_bytes(bytes(2000))"
    )
    done = subprocess.run([sys.executable, "-c", code, tmp_path / "a"], capture_output=True, text=True)
    assert "StorageError: expected to write" in done.stderr
    assert not list(tmp_path.iterdir())


def test_a_kill_while_sealing_costs_nothing_that_a_resumed_run_can_keep(tmp_path, monkeypatch):
    def killed(*_):
        raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr(manifests, "_flush", killed)
        with pytest.raises(KeyboardInterrupt), build_folder(tmp_path / "f", {}, resume=True) as partial:
            (partial / "shard").write_text("whole")
    with build_folder(tmp_path / "f", {}, resume=True) as partial:
        assert (partial / "shard").read_text() == "whole"
    assert set(check_folder(tmp_path / "f").files) == {"shard"}
