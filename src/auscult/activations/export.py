"""Export: activations and frames in the forms that other tools read (npy, HDF5, safetensors, fastabx)."""

import csv
import json
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
import numpy.typing as npt
import pandas as pd
from tqdm import tqdm

from auscult.activations.array_names import listed
from auscult.activations.batches import batches_of_like_length
from auscult.activations.interface import Activations
from auscult.activations.segment_index import select_utterances
from auscult.activations.store import read_activations
from auscult.errors import AnalysisError
from auscult.manifests import write_file
from auscult.tables import write_table

if TYPE_CHECKING:
    from auscult.corpora.corpus import Corpus
    from auscult.models.interface import FrameModel

__all__ = ["Form", "FrameForm", "FORMS", "FRAME_FORMS", "export", "export_frames"]

Form = Literal["npy", "hdf5", "safetensors"]
FrameForm = Literal["npy", "hdf5", "fastabx"]
FORMS = ("npy", "hdf5", "safetensors")
FRAME_FORMS = ("npy", "hdf5", "fastabx")
_ITEM_HEADER = ("#file", "onset", "offset", "#phone", "prev-phone", "next-phone", "speaker")


def export(
    activations: Activations | str | Path,
    folder: str | Path,
    *,
    form: Form = "npy",
    tier: str | None = None,
    layers: Sequence[str] | None = None,
) -> list[Path]:
    """Write vectors of segments with the table of their segments.

    ``segments.csv`` has one row per vector, in the same order: all columns of the index, and ``onset_s`` and
    ``offset_s`` in seconds. A study reads what is written here by ``source: arrays`` with ``segments``.

    Parameters
    ----------
    activations : activations, or the folder in which they are stored (``results/activations/CORPUS/MODEL/STEP``)
    folder : folder to write into
    form : ``npy``, a file per layer, ``LAYER.npy``; ``hdf5``, one file ``activations.h5`` with a dataset per layer; or
        ``safetensors``, one file ``activations.safetensors`` with a tensor per layer; all (rows, dimensions) in float32
    tier : tier whose segments are written; all by default
    layers : layers to write; all by default

    Returns
    -------
    paths of the files

    Raises
    ------
    AnalysisError
        The form, tier or a layer does not exist.
    """
    _check_form(form, FORMS)
    source = read_activations(activations) if isinstance(activations, str | Path) else activations
    chosen, index = _chosen_layers(source.layers, layers), source.index
    tiers = list(index["tier"].unique())
    if tier is not None and tier not in tiers:
        raise AnalysisError(f"expected one of the tiers {', '.join(tiers)} to export, found {tier!r}")
    rows = np.flatnonzero(index["tier"] == tier) if tier is not None else np.arange(len(index))
    folder = Path(folder)
    table = folder / "segments.csv"
    write_table(_in_seconds(index.iloc[rows]), table)
    vectors = ((layer, source.load(layer, rows)) for layer in chosen)
    if form == "npy":
        return [*(_write_npy(folder / f"{layer}.npy", array) for layer, array in vectors), table]
    path = folder / ("activations.h5" if form == "hdf5" else "activations.safetensors")
    with write_file(path) as partial:
        if form == "hdf5":
            _write_hdf5(partial, vectors, {"layers": json.dumps(chosen), "table": table.name})
        else:
            from safetensors.numpy import save_file

            arrays = {layer: np.ascontiguousarray(array) for layer, array in vectors}
            save_file(arrays, partial, metadata={"layers": json.dumps(chosen)})
    return [path, table]


def export_frames(
    model: "FrameModel",
    corpus: "Corpus",
    folder: str | Path,
    *,
    form: FrameForm = "npy",
    layers: Sequence[str] | None = None,
    splits: Sequence[str] = ("test",),
    tier: str = "phone",
    batch_s: float = 60.0,
) -> list[Path]:
    """Run a model over a corpus and write its frames, with ``frames.json``: their rate and the time of the first.

    A study reads what is written here by ``source: arrays``, with ``frame_rate_hz`` and ``first_frame_s`` as in
    ``frames.json``, and gets the activations of the model itself.

    Parameters
    ----------
    model : a speech model, see :func:`auscult.load_model`
    corpus : recordings at the sample rate of the model
    folder : folder to write into
    form : ``npy``, ``LAYER/UTTERANCE.npy``; ``hdf5``, one file ``frames.h5`` with datasets ``LAYER/UTTERANCE``; or
        ``fastabx``, ``LAYER/UTTERANCE.pt`` with an item file ``items.item`` of all segments of a tier with both
        neighbours. All (frames, dimensions) in float32
    layers : layers to write; all by default
    splits : splits of the corpus to run
    tier : tier of the item file
    batch_s : seconds of audio per batch, padding included

    Returns
    -------
    paths of ``frames.json`` and of the file or the folders of frames, and for ``fastabx`` of the item file

    Raises
    ------
    AnalysisError
        The form or a layer does not exist, or the corpus has no segments of the tier.
    AudioError, CorpusError
        As for :func:`~auscult.activations.extraction.extract_sweep`.
    """
    _check_form(form, FRAME_FORMS)
    chosen, folder = _chosen_layers(model.layers, layers), Path(folder)
    utterances = select_utterances(corpus, splits, None, model)
    folder.mkdir(parents=True, exist_ok=True)
    timing, rate = model.timing, model.sample_rate_hz
    about = {
        "frame_rate_hz": rate / timing.hop_samples,
        "first_frame_s": float(timing.centres(1)[0]) / 2 / rate,
        "layers": chosen,
        "model": model.name,
        "corpus": corpus.name,
    }
    (folder / "frames.json").write_text(json.dumps(about, indent=1) + "\n", encoding="utf-8")
    found = [folder / "frames.json"]
    if form == "fastabx":
        found.append(_write_items(folder / "items.item", corpus, utterances, tier))
    frames = _run(model, corpus, utterances, chosen, batch_s)
    if form == "hdf5":
        with write_file(folder / "frames.h5") as partial:
            named = ((f"{layer}/{utterance}", array) for utterance, layer, array in frames)
            _write_hdf5(partial, named, {name: json.dumps(value) for name, value in about.items()})
        return [*found, folder / "frames.h5"]
    for utterance, layer, array in frames:
        path = folder / layer / f"{utterance}.{'npy' if form == 'npy' else 'pt'}"
        path.parent.mkdir(parents=True, exist_ok=True)
        if form == "npy":
            np.save(path, array)
        else:
            import torch

            torch.save(torch.from_numpy(array.copy()), path)
    return [*found, *(folder / layer for layer in chosen)]


def _run(
    model: "FrameModel", corpus: "Corpus", utterances: pd.DataFrame, layers: Sequence[str], batch_s: float
) -> Iterator[tuple[str, str, npt.NDArray[np.float32]]]:
    """Yield utterance, layer and frames."""
    lengths = utterances.set_index("utterance")["n_samples"]
    batches = batches_of_like_length(lengths, int(batch_s * model.sample_rate_hz))
    with tqdm(total=len(lengths), unit="utterance", disable=None) as progress:
        for batch in batches:
            frames = model.frames([corpus.waveform(name) for name in batch])
            for place, name in enumerate(batch):
                for layer in layers:
                    yield name, layer, frames[layer][place].float().cpu().numpy()
            progress.update(len(batch))


def _write_items(path: Path, corpus: "Corpus", utterances: pd.DataFrame, tier: str) -> Path:
    """Write an item file: segments of a tier that have a neighbour on both sides, with times in seconds."""
    segments = corpus.segments[corpus.segments["tier"] == tier].sort_values(["utterance", "index"], kind="stable")
    about = utterances.set_index("utterance")
    segments = segments[segments["utterance"].isin(about.index)]
    if segments.empty:
        found = ", ".join(corpus.segments["tier"].unique()) or "none"
        raise AnalysisError(f"expected segments of tier {tier!r} for an item file, found tiers {found}")
    labels = segments.groupby("utterance")["label"]
    items = segments.assign(previous=labels.shift(1), following=labels.shift(-1)).dropna(
        subset=["previous", "following"]
    )
    rates = about.loc[items["utterance"], "sample_rate_hz"].to_numpy()
    columns = (
        items["utterance"],
        [f"{seconds:.6f}" for seconds in items["onset"] / rates],
        [f"{seconds:.6f}" for seconds in items["offset"] / rates],
        items["label"],
        items["previous"],
        items["following"],
        about.loc[items["utterance"], "speaker"],
    )
    with write_file(path) as partial, open(partial, "w", encoding="utf-8", newline="") as stream:
        writer = csv.writer(stream, delimiter=" ", lineterminator="\n")
        writer.writerow(_ITEM_HEADER)
        writer.writerows(zip(*columns))
    return path


def _write_npy(path: Path, array: npt.NDArray[Any]) -> Path:
    with write_file(path) as partial:
        np.save(partial, array)
    return path


def _write_hdf5(path: Path, arrays: Any, attributes: Mapping[str, str]) -> None:
    import h5py

    with h5py.File(path, "w") as stream:
        stream.attrs.update(attributes)
        for name, array in arrays:
            stream.create_dataset(name, data=array)


def _in_seconds(index: pd.DataFrame) -> pd.DataFrame:
    timed = {"onset", "offset", "sample_rate_hz"} <= set(index)
    rate = index["sample_rate_hz"] if timed else None
    seconds = {f"{name}_s": index[name] / rate for name in ("onset", "offset")} if timed else {}
    return index.drop(columns=[name for name in ("shard", "row") if name in index]).assign(**seconds)


def _chosen_layers(known: Sequence[str], wanted: Sequence[str] | None) -> list[str]:
    missing = [layer for layer in wanted or () if layer not in known]
    if missing:
        raise AnalysisError(f"expected layers among {', '.join(known)} to export, found {listed(missing)}")
    return list(known if wanted is None else wanted)


def _check_form(form: str, forms: Sequence[str]) -> None:
    if form not in forms:
        raise AnalysisError(f"expected a form of export among {', '.join(forms)}, found {form!r}")
