"""Tables shared by all parts, with their checks: utterances and segments of a corpus, and result rows."""

from collections.abc import Iterable
from pathlib import Path

import numpy as np
import pandas as pd

from auscult.errors import AnalysisError, CorpusError, LabelError
from auscult.manifests import write_file
from auscult.result_seals import check_result

__all__ = [
    "UTTERANCE_COLUMNS",
    "SEGMENT_COLUMNS",
    "RESULT_COLUMNS",
    "check_utterances",
    "check_segments",
    "no_segments",
    "check_results",
    "write_table",
    "read_table",
    "collect_tables",
]

_MAX_NAMED = 10
UTTERANCE_COLUMNS = (
    "utterance",
    "corpus",
    "path",
    "sample_rate_hz",
    "n_samples",
    "speaker",
    "gender",
    "language",
    "text",
    "split",
)
SEGMENT_COLUMNS = ("utterance", "tier", "index", "label", "onset", "offset", "parent")
RESULT_COLUMNS = (
    "corpus",
    "model",
    "step",
    "layer",
    "target",
    "metric",
    "value",
    "ci_low",
    "ci_high",
    "n",
    "n_groups",
)


def check_utterances(utterances: pd.DataFrame) -> pd.DataFrame:
    """Return the table if each utterance occurs once and has a positive length, else raise :class:`CorpusError`."""
    _require_columns(utterances, UTTERANCE_COLUMNS, "utterances", CorpusError)
    if utterances.empty:
        raise CorpusError("expected at least one utterance, found none; check the corpus entry and its source files")
    repeated = utterances["utterance"][utterances["utterance"].duplicated()]
    if len(repeated):
        raise CorpusError(f"expected each utterance once, found {repeated.iloc[0]!r} more than once")
    empty = utterances[(utterances["n_samples"] <= 0) | (utterances["sample_rate_hz"] <= 0)]
    if len(empty):
        row = empty.iloc[0]
        raise CorpusError(
            f"expected a positive length and sample rate, found {row.n_samples} samples at {row.sample_rate_hz} Hz "
            f"in utterance {row.utterance!r}"
        )
    return utterances


def check_segments(segments: pd.DataFrame, utterances: pd.DataFrame) -> pd.DataFrame:
    """Return the table if all segments lie within their recording and do not overlap within a tier, else raise.

    Onsets and offsets are integer sample indices at the utterance's own sample rate.

    Raises
    ------
    LabelError
        Times are not integers, look like seconds, run past the audio, are empty or overlap within a tier.
    """
    _require_columns(segments, SEGMENT_COLUMNS, "segments", LabelError)
    for column in ("onset", "offset"):
        if not np.issubdtype(segments[column].dtype, np.integer):
            raise LabelError(
                f"expected integer sample indices in column {column!r}, found {segments[column].dtype}; "
                "multiply times in seconds by the sample rate and round"
            )
    lengths = utterances.set_index("utterance")["n_samples"]
    unknown = segments.loc[~segments["utterance"].isin(lengths.index), "utterance"]
    if len(unknown):
        raise LabelError(f"expected labels of known utterances, found labels of {unknown.iloc[0]!r}")
    n_samples = segments["utterance"].map(lengths)
    _raise_first(segments, segments["onset"] < 0, "an onset at or after sample 0")
    past = segments["offset"] > n_samples
    _raise_first(segments, past, "labels within the recording", n_samples)
    _raise_first(segments, segments["offset"] <= segments["onset"], "an offset after its onset")
    last = segments.groupby("utterance", sort=False)["offset"].max()
    seconds = last.index[last < 0.005 * lengths.loc[last.index]]
    if len(seconds):
        name = seconds[0]
        raise LabelError(
            f"expected labels in samples, found the last of utterance {name!r} ending at {last[name]} of "
            f"{lengths[name]} samples; these look like seconds: multiply by the sample rate"
        )
    ordered = segments.sort_values(["utterance", "tier", "onset"], kind="stable")
    same = (ordered[["utterance", "tier"]] == ordered[["utterance", "tier"]].shift()).all(axis=1)
    _raise_first(ordered, same & (ordered["onset"] < ordered["offset"].shift()), "no overlap within a tier")
    return segments


def no_segments() -> pd.DataFrame:
    """Return the segments table of a corpus without labels."""
    kinds = {"index": "int64", "onset": "int64", "offset": "int64", "parent": "int64"}
    return pd.DataFrame({name: pd.Series(dtype=kinds.get(name, "object")) for name in SEGMENT_COLUMNS})


def check_results(results: pd.DataFrame) -> pd.DataFrame:
    """Return a result table if its first columns are :data:`RESULT_COLUMNS`, else raise :class:`AnalysisError`."""
    _require_columns(results, RESULT_COLUMNS, "results", AnalysisError)
    if list(results.columns[: len(RESULT_COLUMNS)]) != list(RESULT_COLUMNS):
        raise AnalysisError(f"expected result columns to open with {', '.join(RESULT_COLUMNS)}")
    return results


def write_table(table: pd.DataFrame, path: str | Path) -> None:
    """Write a table completely or not at all, as CSV or Parquet by the ending of ``path``, without an index column."""
    path = Path(path)
    with write_file(path) as partial:
        if path.suffix == ".parquet":
            table.to_parquet(partial, index=False)
        else:
            # Ten digits exceed the precision of any interval and hide the rounding of different orders of summation.
            table.to_csv(partial, index=False, float_format="%.10g", lineterminator="\n")


def read_table(path: str | Path) -> pd.DataFrame:
    """Read a table written by :func:`write_table`; texts such as ``nan`` and ``null`` stay text.

    Raises
    ------
    ManifestError
        The table is empty, or differs from the seal of the step that wrote it.
    AnalysisError
        The file holds no table.
    """
    path = Path(path)
    check_result(path)
    try:
        if path.suffix == ".parquet":
            return pd.read_parquet(path)
        return pd.read_csv(path, keep_default_na=False, na_values=[""], dtype={"step": str, "layer": str})
    except FileNotFoundError:
        raise
    except (ValueError, OSError) as error:
        # Errors of pandas and PyArrow on damaged files are kinds of these.
        raise AnalysisError(
            f"expected a table in {path}, found none ({error}); delete the file and run the same command again"
        ) from None


def collect_tables(paths: Iterable[str | Path]) -> pd.DataFrame:
    """Stack tables of one family in the given order; tables without rows, whose columns lack types, are left out."""
    tables = [read_table(path) for path in paths]
    return pd.concat([table for table in tables if len(table)] or tables[:1], ignore_index=True)


def _require_columns(table: pd.DataFrame, columns: Iterable[str], what: str, kind: type[Exception]) -> None:
    missing = [column for column in columns if column not in table.columns]
    if missing:
        raise kind(f"expected columns {', '.join(columns)} in the {what} table, found no {', '.join(missing)}")


def _raise_first(segments: pd.DataFrame, wrong: pd.Series, expected: str, n_samples: pd.Series | None = None) -> None:
    if not wrong.any():
        return
    row = segments[wrong].iloc[0]
    utterances = segments.loc[wrong, "utterance"].unique()
    of_length, advice = "", ""
    if n_samples is not None:
        of_length = f" in a recording of {n_samples[wrong].iloc[0]} samples"
        advice = ", or set the option past_end (clip, leave_out) where the reader has it"
    others = ", ".join(map(repr, utterances[1:_MAX_NAMED]))
    more = f" and {len(utterances) - _MAX_NAMED} more" if len(utterances) > _MAX_NAMED else ""
    raise LabelError(
        f"expected {expected}, found {row['tier']} {row['label']!r} at samples {row['onset']}–{row['offset']}"
        f"{of_length} (utterance {row['utterance']!r}, index {row['index']}; {int(wrong.sum())} such segments in "
        f"{len(utterances)} utterances{', also ' + others if others else ''}{more}); correct the labels, or leave "
        f"these recordings out{advice}"
    )
