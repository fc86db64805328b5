"""Vectors of segments made elsewhere: one row per segment, with a table that names the segments."""

import json
import logging
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
import pandas as pd
from safetensors.numpy import save_file

from auscult.activations.array_files import stored_arrays
from auscult.activations.array_model import layers_of_arrays
from auscult.activations.array_names import listed
from auscult.activations.array_settings import ArraySettings
from auscult.activations.segment_index import corpus_index
from auscult.activations.store import INDEX, shard_name
from auscult.errors import AnalysisError
from auscult.manifests import Manifest, build_folder, check_folder, write_file
from auscult.tables import write_table

if TYPE_CHECKING:
    from auscult.corpora.corpus import Corpus

__all__ = ["TOLERANCE_S", "import_vectors"]

# Largest distance between a time in the table and in the corpus: times in tables are often rounded to 1 or 10 ms.
TOLERANCE_S = 0.005
_log = logging.getLogger(__name__)


def import_vectors(
    folder: str | Path,
    *,
    settings: ArraySettings,
    corpus: "Corpus",
    tiers: Sequence[str],
    splits: Sequence[str],
    recipe: Mapping[str, Any],
    parents: Mapping[str, str],
    shard_rows: int = 20000,
) -> Manifest:
    """Store vectors of segments as activations, as if they had been extracted.

    The table of segments (CSV or Parquet) has one row per row of the arrays, with columns ``utterance``, ``tier`` and
    either ``index`` (position of the segment on its tier, from 0) or ``onset_s`` and ``offset_s``. A row belongs to the
    segment of the corpus whose onset and offset are within :data:`TOLERANCE_S`. A tier of the study that the table
    lacks is left out and logged; of the other tiers, every segment needs a row.

    Parameters
    ----------
    folder : folder of the activations
    settings : path of the arrays, one per layer (rows, dimensions), and of the table (``segments``)
    corpus, tiers, splits : corpus, and its tiers and splits of which vectors are kept
    recipe, parents : entries of the folder's manifest
    shard_rows : maximum number of vectors per shard

    Raises
    ------
    AnalysisError
        The table lacks a column, has other rows than the arrays, or lacks segments of the corpus; an array is not
        (rows, dimensions) or not finite.
    """
    table = _read_segments(str(settings.segments))
    vectors = _read_vectors(settings, len(table))
    covered = [tier for tier in tiers if (table["tier"] == tier).any()]
    if not covered:
        raise AnalysisError(
            f"expected segments of the tiers {', '.join(tiers)} in {settings.segments}, found "
            f"{', '.join(map(str, table['tier'].unique()))}"
        )
    if len(covered) < len(tiers):
        absent = ", ".join(tier for tier in tiers if tier not in covered)
        _log.warning("%s has no segments of tiers %s, which are left out", settings.segments, absent)
    utterances = corpus.utterances[corpus.utterances["split"].isin(splits)]
    index = corpus_index(corpus, utterances, covered, shard_rows).assign(n_frames=0, nearest=False)
    rows = _match(index, table, settings)
    with build_folder(
        folder, {**recipe, "extraction": {"tiers": list(covered), "splits": list(splits)}}, parents
    ) as partial:
        for shard, part in index.groupby("shard", sort=False):
            chosen = {layer: np.ascontiguousarray(array[rows[part.index]]) for layer, array in vectors.items()}
            with write_file(partial / shard_name(int(str(shard)))) as path:
                save_file(chosen, path, metadata={"layers": json.dumps(list(vectors))})
        write_table(index, partial / INDEX)
    return check_folder(folder)


def _read_segments(path: str) -> pd.DataFrame:
    if not Path(path).is_file():
        raise AnalysisError(f"expected a table of segments at {path}, found none; correct segments of the model")
    try:
        table = pd.read_parquet(path) if path.endswith(".parquet") else pd.read_csv(path, keep_default_na=False)
    except (ValueError, OverflowError, OSError) as error:  # errors of pandas and PyArrow are kinds of these
        reason = " ".join(str(error).split())[:200]
        raise AnalysisError(f"expected a table of segments in {path}, found: {reason}; write it again") from None
    lacking = [column for column in ("utterance", "tier") if column not in table]
    timed = {"onset_s", "offset_s"} <= set(table)
    if lacking or not ("index" in table or timed):
        raise AnalysisError(
            f"expected columns utterance, tier and index, or utterance, tier, onset_s and offset_s, in {path}, found "
            f"{', '.join(map(str, table))}"
        )
    for column in ("index",) if "index" in table else ("onset_s", "offset_s"):
        if table[column].dtype.kind not in "iuf":
            raise AnalysisError(f"expected numbers in column {column!r} of {path}, found {table[column].iloc[0]!r}")
    return table.astype({"utterance": str, "tier": str})


def _read_vectors(settings: ArraySettings, n_rows: int) -> dict[str, npt.NDArray[np.float32]]:
    arrays = {array.key.rpartition("/")[2]: array for array in stored_arrays(settings.path)}
    layers, faults, vectors = layers_of_arrays(list(arrays), settings), [], {}
    for layer in layers:
        array = np.asarray(arrays[layer].read())
        if array.ndim != 2 or len(array) != n_rows or array.dtype.kind != "f":
            faults.append(f"{layer} of shape {array.shape} and type {array.dtype}")
            continue
        n_wrong = int((~np.isfinite(array)).any(axis=1).sum())
        if n_wrong:
            faults.append(f"{layer} with NaN or infinity in {n_wrong} rows")
        vectors[layer] = array.astype(np.float32)
    if faults:
        raise AnalysisError(
            f"expected finite arrays of {n_rows} rows, one per row of {settings.segments}, and dimensions at "
            f"{settings.path}, found {listed(faults)}"
        )
    return vectors


def _match(index: pd.DataFrame, table: pd.DataFrame, settings: ArraySettings) -> npt.NDArray[np.int64]:
    """Return the row of the table of every segment of the index."""
    if "index" in table:
        keys = ["utterance", "tier", "index"]
        named = pd.MultiIndex.from_frame(table[keys])
        repeated = table[named.duplicated()]
        rows = _indexer(named, pd.MultiIndex.from_frame(index[keys])) if repeated.empty else np.zeros(len(index), int)
    else:
        rows = _nearest(index, table)
        taken = pd.Series(rows[rows >= 0])
        repeated = table.iloc[sorted(taken[taken.duplicated()])]
    faults = []
    missing = index[rows < 0]
    if len(repeated):
        faults.append(f"rows that name a segment twice ({len(repeated)}): {listed(_named(repeated))}")
    if len(missing):
        faults.append(f"no row for {len(missing)} of {len(index)} segments: {listed(_named(missing))}")
    known = set(index["utterance"])
    others = table[table["tier"].isin(set(index["tier"])) & ~table.index.isin(rows) & table["utterance"].isin(known)]
    if len(others) and not len(repeated):
        faults.append(f"rows that fit no segment of the corpus ({len(others)}): {listed(_named(others))}")
    strange = sorted(set(table["utterance"]) - known)
    if strange and not settings.ignore_others:
        faults.append(
            f"utterances that the splits of the corpus lack ({len(strange)}): {listed(strange)}; take them out, or set "
            "ignore_others: true"
        )
    if faults:
        raise AnalysisError(f"expected the segments of the corpus in {settings.segments}, found {'; '.join(faults)}")
    return rows


def _indexer(named: pd.MultiIndex, wanted: pd.MultiIndex) -> npt.NDArray[np.int64]:
    return named.get_indexer(wanted).astype(np.int64)


def _nearest(index: pd.DataFrame, table: pd.DataFrame) -> npt.NDArray[np.int64]:
    rate = index["sample_rate_hz"].to_numpy()
    wanted = pd.DataFrame(
        {
            "utterance": index["utterance"],
            "tier": index["tier"],
            "onset_s": index["onset"] / rate,
            "end_s": index["offset"] / rate,
            "place": np.arange(len(index)),
        }
    )
    listed_ = table[["utterance", "tier", "onset_s", "offset_s"]].astype({"onset_s": float, "offset_s": float})
    joined = pd.merge_asof(
        wanted.sort_values("onset_s"),
        listed_.assign(row=np.arange(len(table))).sort_values("onset_s"),
        on="onset_s",
        by=["utterance", "tier"],
        direction="nearest",
        tolerance=TOLERANCE_S,
    ).sort_values("place")
    fits = (joined["offset_s"] - joined["end_s"]).abs() <= TOLERANCE_S
    return joined["row"].where(fits, -1).fillna(-1).to_numpy(np.int64)


def _named(rows: pd.DataFrame) -> list[str]:
    second = "index" if "index" in rows else "onset_s"
    return [f"{row['utterance']} {row['tier']} {row[second]}" for row in rows.head(20).to_dict("records")] + [""] * max(
        0, len(rows) - 20
    )
