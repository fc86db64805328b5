"""Import of recorded corpora into the form that all analyses read: checked, 16 kHz, one channel, sealed."""

import inspect
import logging
import os
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Literal

import numpy as np
import pandas as pd
from tqdm import tqdm

from auscult.corpora.audio import SAMPLE_RATE_HZ, read_audio, rescale_samples, write_audio
from auscult.corpora.faults import Faults
from auscult.corpora.readers.collection import read_collection
from auscult.corpora.readers.fluent import read_fluent
from auscult.corpora.readers.homophones import read_homophones
from auscult.corpora.readers.librispeech import read_librispeech
from auscult.corpora.readers.must_she import read_must_she
from auscult.corpora.readers.recordings import read_recordings
from auscult.corpora.readers.textgrid import read_textgrids
from auscult.corpora.readers.thchs30 import read_thchs30
from auscult.corpora.readers.timit import read_timit
from auscult.corpora.report import ImportReport
from auscult.corpora.text_importing import TEXT_READERS, import_text
from auscult.corpora.walk import list_files, list_source
from auscult.errors import ConfigError, CorpusError, LabelError
from auscult.manifests import Manifest, build_folder, check_folder, digest, digest_json
from auscult.tables import check_segments, check_utterances, write_table

__all__ = ["READERS", "import_corpus", "read_source"]

_log = logging.getLogger(__name__)
READERS: dict[str, Callable[..., tuple[pd.DataFrame, pd.DataFrame]]] = {
    "timit": read_timit,
    "textgrid": read_textgrids,
    "librispeech": read_librispeech,
    "homophones": read_homophones,
    "fluent": read_fluent,
    "thchs30": read_thchs30,
    "must-she": read_must_she,
    "recordings": read_recordings,
    "collection": read_collection,
}
# Parameter of readers that extract recordings from other files: the folder to write them to.
_SCRATCH = "recordings"
# Parameter of readers that count what they change and leave out.
_REPORT = "report"
_MAX_TAIL_S = 1.0
_KINDS = {str: "text", bool: "true or false"}


def import_corpus(
    folder: str | Path,
    *,
    corpus: str,
    reader: Literal[
        "timit",
        "textgrid",
        "recordings",
        "collection",
        "librispeech",
        "homophones",
        "fluent",
        "thchs30",
        "must-she",
        "conllu",
        "blimp",
    ],
    source: str | Path,
    resample: bool = True,
    options: Mapping[str, Any] | None = None,
    n_workers: int = 1,
    parents: Mapping[str, str] | None = None,
) -> Manifest:
    """Read a recorded corpus and write it as a sealed corpus folder of 16 kHz, one-channel, 16-bit FLAC.

    Recordings at other sample rates are resampled and their labels rescaled; channels are averaged; samples just beyond
    full scale are clipped (:func:`~auscult.corpora.audio.read_audio`). What was found, changed and left out is one line
    of the log, and the entry ``import_report`` of the manifest (:class:`~auscult.corpora.report.ImportReport`). The
    recipe holds a hash of all files that :func:`~auscult.corpora.walk.list_files` lists, so a changed source gives
    another corpus. Text corpora (readers ``conllu`` and ``blimp``) have tables of their own
    (:mod:`auscult.corpora.text`) and no audio.

    Labels past the end of a recording are an error. So is a recording that continues after its last label for more than
    1 s and more than half of its length, since the labels then probably belong to another recording; shorter tails over
    1 s are logged.

    Parameters
    ----------
    folder : the corpus folder to write
    corpus : name of the corpus, entered in column ``corpus``
    reader : name of the reader for the layout of ``source``
    source : folder of recordings and labels
    resample : False refuses recordings that are not at 16 kHz
    options : keyword arguments of the reader
    n_workers : number of threads that decode and encode; the result does not depend on it
    parents : manifest digests of the folders that ``source`` was made from

    Raises
    ------
    ConfigError
        The reader, or one of its options, does not exist.
    CorpusError, AudioError, LabelError
        The corpus is incomplete, or recordings or labels are invalid; all invalid recordings are named together.
    StorageError
        The disk is full or read-only; no partial folder is left.
    """
    source, options = Path(source), dict(options or {})
    if not source.is_dir():
        raise CorpusError(f"expected the source of corpus {corpus!r} at {source}, found no such folder; fetch it first")
    with TemporaryDirectory(prefix="auscult-") as scratch:
        files, report = list_files(source), ImportReport()
        report.left_out.update(files.ignored)
        tables = _read(reader, source, options, scratch, report)
        recipe = {
            "corpus": corpus,
            "reader": reader,
            "options": options,
            "resample": resample,
            "sample_rate_hz": SAMPLE_RATE_HZ,
            "source_sha256": _digest_source(source, options),
        }
        if reader in TEXT_READERS:
            return import_text(folder, tables, recipe=recipe, parents=parents)
        utterances, segments = tables
        names = [f"audio/{utterance}.flac" for utterance in utterances["utterance"]]
        with build_folder(folder, recipe, parents, import_report=report.content) as partial:
            facts = _convert_all(source, utterances, partial, names, resample, n_workers)
            _count_changes(report, facts)
            utterances, segments = _convert_tables(utterances.assign(corpus=corpus, path=names), segments, facts)
            _check_tails(segments, utterances, report)
            write_table(utterances, partial / "utterances.parquet")
            write_table(segments, partial / "segments.parquet")
    _log_size(utterances, segments)
    _log.info("corpus %r: %s", corpus, report)
    return check_folder(folder)


@contextmanager
def read_source(
    reader: str, source: str | Path, options: Mapping[str, Any] | None = None
) -> Iterator[tuple[Any, ImportReport]]:
    """Yield the tables of a source folder and the report of its reader, without importing the corpus.

    Recordings that a reader extracts from other files exist within the block only.

    Parameters
    ----------
    reader, source, options : as in :func:`import_corpus`

    Raises
    ------
    ConfigError
        The reader, or one of its options, does not exist.
    CorpusError, LabelError
        The corpus is incomplete, or labels are invalid.
    """
    report = ImportReport()
    report.left_out.update(list_files(source).ignored)
    with TemporaryDirectory(prefix="auscult-") as scratch:
        yield _read(reader, Path(source), dict(options or {}), scratch, report), report


def _read(reader: str, source: Path, options: dict[str, Any], scratch: str, report: ImportReport) -> Any:
    readers: dict[str, Callable[..., Any]] = {**READERS, **TEXT_READERS}
    if reader not in readers:
        raise ConfigError(f"expected a reader among {', '.join(readers)}, found {reader!r}; correct the corpus entry")
    parameters = list(inspect.signature(readers[reader]).parameters)[1:]
    known = [name for name in parameters if name not in (_SCRATCH, _REPORT)]
    unknown = [option for option in options if option not in known]
    if unknown:
        raise ConfigError(
            f"expected options of reader {reader!r} among {', '.join(known)}, found {unknown[0]!r}; correct it"
        )
    kinds = inspect.get_annotations(readers[reader], eval_str=True)
    for option, value in options.items():
        if kinds[option] in (str, bool) and not isinstance(value, kinds[option]):
            raise ConfigError(
                f"expected option {option} of reader {reader!r} to be {_KINDS[kinds[option]]}, found {value!r}; "
                "correct the corpus entry"
            )
    supplied = {_SCRATCH: scratch, _REPORT: report}
    return readers[reader](source, **options, **{name: supplied[name] for name in supplied if name in parameters})


def _digest_source(source: Path, options: Mapping[str, Any]) -> str:
    paths = list_source(source, options)
    return digest_json({Path(os.path.relpath(path, source)).as_posix(): digest(path) for path in paths})


def _convert_all(
    source: Path, utterances: pd.DataFrame, folder: Path, names: list[str], resample: bool, n_workers: int
) -> pd.DataFrame:
    """Write every recording in the common form; return its original rate, channels and new length, in order."""
    faults = Faults("recordings")

    def convert(path: str, utterance: str, name: str) -> dict[str, int]:
        # A reader gives an absolute path to a recording that it extracted, whose file the user never sees.
        shown = f"the recording of utterance {utterance!r}" if Path(path).is_absolute() else str(source / path)
        with faults.check():
            recording = read_audio(source / path, resample=resample, name=shown)
            write_audio(recording.waveform, folder / name)
            return {
                "original_hz": recording.original_sample_rate_hz,
                "n_channels": recording.n_channels,
                "n_samples": len(recording.waveform),
                "n_clipped": recording.n_clipped,
            }
        return {}

    with ThreadPoolExecutor(n_workers) as pool:
        converted = pool.map(convert, utterances["path"], utterances["utterance"], names)
        facts = list(tqdm(converted, total=len(names), unit="recording", disable=None))
    faults.complain()
    return pd.DataFrame(facts)


def _count_changes(report: ImportReport, facts: pd.DataFrame) -> None:
    for rate, n in facts["original_hz"].value_counts().sort_index().items():
        if rate != SAMPLE_RATE_HZ:
            band = f", which hold nothing above {rate // 2} Hz" if rate < SAMPLE_RATE_HZ else ""
            report.changed[f"recordings resampled from {rate} to {SAMPLE_RATE_HZ} Hz{band}"] = n
    report.changed["recordings whose channels were averaged"] = int((facts["n_channels"] > 1).sum())
    report.changed["recordings with samples clipped to full scale"] = int((facts["n_clipped"] > 0).sum())
    report.changed["samples clipped to full scale"] = int(facts["n_clipped"].sum())


def _convert_tables(
    utterances: pd.DataFrame, segments: pd.DataFrame, facts: pd.DataFrame
) -> tuple[pd.DataFrame, pd.DataFrame]:
    rates = segments["utterance"].map(dict(zip(utterances["utterance"], facts["original_hz"])))
    for column in ("onset", "offset"):
        # Labels are in samples of their own recording.
        samples = rescale_samples(segments[column], rates.to_numpy(np.int64), SAMPLE_RATE_HZ)
        segments = segments.assign(**{column: samples})
    utterances = utterances.assign(n_samples=facts["n_samples"].to_numpy(), sample_rate_hz=SAMPLE_RATE_HZ)
    return check_utterances(utterances), check_segments(segments, utterances)


def _check_tails(segments: pd.DataFrame, utterances: pd.DataFrame, report: ImportReport) -> None:
    if segments.empty:  # no labels, so none can belong to another recording
        return
    ends = utterances["utterance"].map(segments.groupby("utterance")["offset"].max()).fillna(0)
    tails = utterances["n_samples"] - ends
    wrong = (tails > _MAX_TAIL_S * SAMPLE_RATE_HZ) & (tails > utterances["n_samples"] / 2)
    if wrong.any():
        row, end = utterances[wrong].iloc[0], int(ends[wrong].iloc[0])
        raise LabelError(
            f"expected labels over at least half of the recording, found the last of utterance {row['utterance']!r} "
            f"ending at {end} of {row['n_samples']} samples ({int(wrong.sum())} such utterances); they may belong to "
            "another recording: check the source"
        )
    n_long = int((tails > _MAX_TAIL_S * SAMPLE_RATE_HZ).sum())
    if n_long:
        report.found[f"recordings longer than their labels by more than {_MAX_TAIL_S:g} s"] = n_long


def _log_size(utterances: pd.DataFrame, segments: pd.DataFrame) -> None:
    tiers = ", ".join(f"{count} {tier}s" for tier, count in segments["tier"].value_counts().sort_index().items())
    _log.info(
        "corpus %r: %d utterances of %d speakers, %.1f min, %s",
        utterances["corpus"].iloc[0],
        len(utterances),
        utterances["speaker"].nunique(),
        utterances["n_samples"].sum() / SAMPLE_RATE_HZ / 60,
        tiers or "no labels",
    )
