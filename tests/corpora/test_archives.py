import gzip
import io
import stat
import tarfile
import zipfile

import numpy as np
import pytest

from auscult.corpora.archives import check_archive, unpack
from auscult.errors import ArchiveError, CorpusError, StorageError


def make_zip(path, members):
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in members:
            archive.writestr(name, content)
    return path


def make_tar(path, members, mode="w:gz"):
    with tarfile.open(path, mode) as archive:
        for member, content in members:
            info = tarfile.TarInfo(member) if isinstance(member, str) else member
            info.size = len(content)
            archive.addfile(info, io.BytesIO(content))
    return path


MAKERS = {"zip": make_zip, "tar": make_tar}


@pytest.fixture(params=MAKERS)
def make(request, tmp_path):
    return lambda members: MAKERS[request.param](tmp_path / f"a.{request.param}", members)


def refused(archive, message, **limits):
    """Unpack into an existing folder and check that a failure leaves it unchanged."""
    folder = archive.parent / "into" / "corpus"
    folder.mkdir(parents=True)
    (folder / "old.txt").write_text("old")
    with pytest.raises(ArchiveError, match=message):
        unpack(archive, folder, **limits)
    assert {path.name for path in archive.parent.rglob("*") if path.is_file()} == {archive.name, "old.txt"}


def test_members_arrive_with_their_bytes_and_replace_what_stood_there(make, tmp_path):
    folder = tmp_path / "corpus"
    folder.mkdir()
    (folder / "old.txt").write_text("old")
    unpack(make([("deep/er/a.txt", b"one"), ("b.txt", b"")]), folder)
    found = {path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()}
    assert found == {"deep/er/a.txt": b"one", "b.txt": b""}


def test_members_are_never_executable(tmp_path):
    info = tarfile.TarInfo("run.sh")
    info.mode = 0o4777
    unpack(make_tar(tmp_path / "a.tar", [(info, b"#!")]), tmp_path / "corpus")
    assert not (tmp_path / "corpus" / "run.sh").stat().st_mode & (stat.S_IXUSR | stat.S_ISUID)


@pytest.mark.parametrize("name", ["../evil.txt", "a/../../evil.txt", "/tmp/evil.txt", "C:/evil.txt", "..\\evil.txt"])
def test_names_that_leave_the_folder_are_refused(make, name):
    refused(make([("a.txt", b"good"), (name, b"evil")]), r"expected names inside the folder in .*a\.\w+, found '.*evil")


def test_a_folder_that_leaves_the_folder_is_refused(tmp_path):
    refused(
        make_zip(tmp_path / "a.zip", [("../evil/", b"")]), r"expected names inside the folder .*, found '\.\./evil/'"
    )


def test_a_link_in_a_zip_is_refused(tmp_path):
    link = zipfile.ZipInfo("link")
    link.external_attr = (stat.S_IFLNK | 0o777) << 16
    refused(
        make_zip(tmp_path / "a.zip", [(link, "/etc/passwd")]),
        r"expected plain files .*, found 'link', a link or device",
    )


@pytest.mark.parametrize("kind", [tarfile.SYMTYPE, tarfile.LNKTYPE, tarfile.CHRTYPE, tarfile.FIFOTYPE])
def test_a_link_or_device_in_a_tar_is_refused(tmp_path, kind):
    link = tarfile.TarInfo("link")
    link.type, link.linkname = kind, "../../etc/passwd"
    refused(
        make_tar(tmp_path / "a.tar", [("a.txt", b"good"), (link, b"")]), r"found 'link', a link or device; nothing was"
    )


def test_more_bytes_than_allowed_are_refused(make):
    archive = make([("a.txt", b"12345"), ("b.txt", b"12345")])
    refused(archive, r"expected at most 9 bytes from .*, found 10 at member 'b\.txt'", max_bytes=9)


def test_more_files_than_allowed_are_refused(make):
    refused(make([("a.txt", b"1"), ("b.txt", b"2")]), r"expected at most 1 files in .*, found more", max_files=1)


def test_a_decompression_bomb_is_refused_though_the_limits_allow_it(make):
    refused(
        make([("zeros", bytes(12 << 20))]), r"expected at most 10485760 bytes .*, found 12582912 .*decompression bomb"
    )


def test_a_member_that_comes_twice_is_refused(tmp_path):
    refused(
        make_tar(tmp_path / "a.tar", [("a.txt", b"1"), ("a.txt", b"2")]),
        r"each member of .* once, found 'a\.txt' twice",
    )


def test_a_file_used_as_a_folder_is_refused(make):
    refused(make([("a", b"1"), ("a/b", b"2")]), r"expected files and folders apart in .*, found 'a/b' below a file")


def test_a_truncated_archive_is_refused(make):
    archive = make([("a.txt", bytes(range(256)) * 40), ("b.txt", b"2")])
    archive.write_bytes(archive.read_bytes()[:-60])
    refused(archive, r"expected a whole zip or tar archive, found .*a\.\w+ damaged or encrypted")


def test_a_flipped_byte_is_noticed(tmp_path):
    archive = make_zip(tmp_path / "a.zip", [("a.txt", bytes(range(256)))])
    content = bytearray(archive.read_bytes())
    content[60] ^= 1
    archive.write_bytes(content)
    refused(archive, r"expected a whole zip or tar archive, found .* damaged")


def test_text_is_not_an_archive(tmp_path):
    (tmp_path / "a.zip").write_text("<html>not found</html>")
    refused(tmp_path / "a.zip", r"expected a whole zip or tar archive, found .*a\.zip damaged")


def test_an_archive_of_nothing_is_refused(make):
    refused(make([]), r"expected files in .*a\.\w+, found an empty archive")


def test_a_missing_archive_is_named(tmp_path):
    with pytest.raises(CorpusError, match=r"expected an archive at .*none\.zip, found no such file; fetch it first"):
        unpack(tmp_path / "none.zip", tmp_path / "corpus")


def test_a_full_disk_leaves_nothing(make, tmp_path, monkeypatch):
    def full(*_):
        raise OSError(28, "No space left on device")

    archive = make([("a.txt", b"1")])
    monkeypatch.setattr("auscult.corpora.archives.shutil.copyfileobj", full)
    with pytest.raises(StorageError, match=r"expected to write .*corpus, found: No space left on device; free space"):
        unpack(archive, tmp_path / "corpus")
    assert list(tmp_path.iterdir()) == [archive]


MODES = {"a.tar": "w", "a.tar.gz": "w:gz", "a.tar.bz2": "w:bz2", "a.tar.xz": "w:xz"}
SPEECH = [(f"speaker{n}/{n}.wav", np.random.default_rng(n).bytes(700 + n)) for n in range(4)]


def whole(name, folder):
    path = folder / name
    return make_zip(path, SPEECH) if name.endswith("zip") else make_tar(path, SPEECH, MODES[name])


@pytest.mark.parametrize("name", [*MODES, "a.zip"])
def test_whole_archives_pass_and_truncated_ones_do_not(name, tmp_path):
    path = whole(name, tmp_path)
    check_archive(path)
    content = path.read_bytes()
    # A plain tar without its padding, but with a block of zeros at the end, is whole.
    n_bytes = 4 * (512 + 1024) if name == "a.tar" else len(content)
    for n_kept in (n_bytes - 1, n_bytes - 200, n_bytes // 2, 600):
        path.write_bytes(content[:n_kept])
        with pytest.raises(ArchiveError, match=f"{path}.*fetch it again"):
            check_archive(path)


@pytest.mark.parametrize("name", [*MODES, "a.zip"])
def test_a_flipped_bit_is_found_or_harmless(name, tmp_path):
    path = whole(name, tmp_path)
    content = path.read_bytes()
    places = np.random.default_rng(0).choice(len(content), 60, replace=False)
    n_found = 0
    for place in places:
        damaged = bytearray(content)
        damaged[place] ^= 4
        path.write_bytes(damaged)
        try:
            unpack(path, tmp_path / "unpacked")
        except ArchiveError:
            n_found += 1
            continue
        found = {
            file.relative_to(tmp_path / "unpacked").as_posix(): file.read_bytes()
            for file in (tmp_path / "unpacked").rglob("*")
            if file.is_file()
        }
        assert name == "a.tar" or found == dict(SPEECH)
    # The content of a plain tar has no checksum.
    assert n_found >= (10 if name == "a.tar" else 40)


def test_a_damaged_header_is_not_taken_for_the_end(tmp_path):
    path = whole("a.tar", tmp_path)
    content = bytearray(path.read_bytes())
    content[1536 + 10] ^= 1
    path.write_bytes(content)
    refused(path, "expected zeros at the end of .*, found other bytes after byte 1536")


@pytest.mark.parametrize("kind", [tarfile.XHDTYPE, tarfile.XGLTYPE, tarfile.GNUTYPE_LONGNAME, tarfile.GNUTYPE_LONGLINK])
@pytest.mark.parametrize("opener", [open, gzip.open])
def test_a_header_of_a_gigabyte_is_refused_unread(kind, opener, tmp_path):
    info = tarfile.TarInfo("header")
    info.type, info.size = kind, 1 << 30
    with opener(tmp_path / "a.tar", "wb") as archive:
        archive.write(info.tobuf() + b"x" * 4096)
    refused(tmp_path / "a.tar", "expected headers of at most 4194304 bytes in .*, found one of 1073741824")
