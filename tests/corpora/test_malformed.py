"""Damaged sources: 100 seeded ones a reader are read or refused, without another exception, a hang or much memory."""

import bz2
import logging
import resource
import shutil
import signal
import tarfile
import zipfile
from contextlib import contextmanager

import numpy as np
import pytest
from malformed import SOURCES, damage, make_archive, make_source

from auscult.corpora.archives import check_archive, unpack
from auscult.corpora.importing import read_source
from auscult.errors import ArchiveError, AuscultError

N_SEEDS = 100
MAX_CPU_S, MAX_GROWTH_KB = 5, 1 << 20
KEPT_WHOLE = (".wav", ".flac")


@contextmanager
def limits():
    """End what takes more than 5 s of CPU time; afterwards, the peak of memory has grown by less than 1 GB."""

    def stop(*_):
        raise AssertionError(f"more than {MAX_CPU_S} s")

    before, old = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss, signal.signal(signal.SIGPROF, stop)
    signal.setitimer(signal.ITIMER_PROF, MAX_CPU_S)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_PROF, 0)
        signal.signal(signal.SIGPROF, old)
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < MAX_GROWTH_KB


@pytest.mark.parametrize("name", SOURCES)
def test_a_damaged_source_is_read_or_refused(tmp_path, name, caplog):
    caplog.set_level(logging.CRITICAL)
    reader, options = make_source(tmp_path / "whole", name)
    with read_source(reader, tmp_path / "whole", options):
        pass
    files = [path.relative_to(tmp_path / "whole") for path in sorted((tmp_path / "whole").rglob("*")) if path.is_file()]
    labels = [path for path in files if path.suffix.lower() not in KEPT_WHOLE]
    told = []
    for seed in range(N_SEEDS):
        rng = np.random.default_rng([seed, len(name)])
        folder = tmp_path / "damaged"
        shutil.copytree(tmp_path / "whole", folder)
        path = folder / labels[rng.integers(len(labels))]
        done = damage(path, rng)
        try:
            with limits(), read_source(reader, folder, options):
                pass
        except AuscultError as error:
            told.append(str(error))
        except Exception as error:
            raise AssertionError(f"seed {seed}: {done} of {path.name}: {error!r}") from error
        shutil.rmtree(folder)
    assert len(told) > N_SEEDS / 10
    assert all(len(text) > 20 and "\n" not in text for text in told)


@pytest.mark.parametrize("kind", ["zip", "tar", "tar.gz"])
def test_a_damaged_archive_is_unpacked_or_refused(tmp_path, kind):
    told = []
    for seed in range(N_SEEDS):
        rng = np.random.default_rng(seed)
        path = tmp_path / f"a.{kind}"
        make_archive(path, kind, rng)
        damage(path, rng)
        for read in (check_archive, lambda path: unpack(path, tmp_path / "out")):
            try:
                with limits():
                    read(path)
            except AuscultError as error:
                told.append(str(error))
    assert all(f"a.{kind}" in text for text in told)


def test_a_zip_of_a_rare_method_is_refused(tmp_path):
    with zipfile.ZipFile(tmp_path / "a.zip", "w", zipfile.ZIP_LZMA) as opened:
        opened.writestr("a.txt", "text")
    with pytest.raises(ArchiveError, match="expected members that are stored, deflated or compressed by bzip2"):
        unpack(tmp_path / "a.zip", tmp_path / "out")


def _pax(length):
    header = tarfile.TarInfo("a.txt")
    header.pax_headers = {"comment": "x" * length}
    return header.tobuf(tarfile.PAX_FORMAT)


@pytest.mark.parametrize(("length", "n"), [(1 << 30, 1), (1 << 21, 8)])
def test_headers_of_gigabytes_are_refused_before_they_are_read(tmp_path, length, n):
    header = _pax(min(length, 1 << 21))
    stated = bytearray(header)
    if length > 1 << 21:  # the size is only stated
        stated[124:136] = b"%011o\0" % length
        stated[148:156] = b" " * 8
        stated[148:156] = b"%06o\0 " % sum(stated[:512])
    (tmp_path / "a.tar").write_bytes(bytes(stated)[:-512] * n + bytes(stated)[-512:] + bytes(10_240))
    with limits(), pytest.raises(ArchiveError, match="expected headers of at most"):
        unpack(tmp_path / "a.tar", tmp_path / "out")


def test_a_tar_with_endless_zeros_behind_it_is_refused(tmp_path):
    with tarfile.open(tmp_path / "whole.tar", "w") as opened:
        opened.addfile(tarfile.TarInfo("a.txt"))
    with bz2.open(tmp_path / "a.tar.bz2", "wb") as stream:
        stream.write((tmp_path / "whole.tar").read_bytes())
        for _ in range(70):
            stream.write(bytes(1 << 20))
    for read in (check_archive, lambda path: unpack(path, tmp_path / "out")):
        with pytest.raises(ArchiveError, match="this may be a decompression bomb"):
            read(tmp_path / "a.tar.bz2")
