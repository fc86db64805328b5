"""Arrays of frames made elsewhere (s3prl, NeMo, codecs, …), behind the interface that extraction reads."""

import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from auscult.activations.array_files import StoredArray, array_files, stored_arrays
from auscult.activations.array_names import UNNAMED, Matched, listed, match_names
from auscult.activations.array_settings import ArraySettings
from auscult.activations.array_timing import ArrayTiming
from auscult.errors import AnalysisError
from auscult.manifests import digest, digest_json

if TYPE_CHECKING:
    from pathlib import Path

    from torch import Tensor

    from auscult.corpora.corpus import Corpus

__all__ = ["ArrayModel", "open_arrays", "layers_of_arrays", "arrays_digest"]

_log = logging.getLogger(__name__)
Frames = npt.NDArray[np.float32]


@dataclass(frozen=True)
class ArrayModel:
    """Checked arrays of frames of every utterance, read when they are pooled.

    Parameters
    ----------
    name : path of the arrays, for messages
    sample_rate_hz : of the corpus
    layers : names of the layers, in order of depth
    timing : times of the frames
    counts : number of frames of each utterance
    """

    name: str
    sample_rate_hz: int
    layers: tuple[str, ...]
    timing: ArrayTiming
    counts: Mapping[str, int] = field(repr=False)
    _read: "_Reader" = field(repr=False)

    def frame_counts(self, utterances: pd.Series) -> npt.NDArray[np.int64]:
        """Return the number of frames of utterances, by name [shape=(n,)]."""
        return utterances.map(dict(self.counts)).to_numpy(np.int64)

    def frames_of(self, utterances: Sequence[str]) -> "Mapping[str, list[Tensor]]":
        """Return for each layer one tensor [shape=(n_frames, n_dims)] per utterance."""
        import torch

        read = [self._read(name) for name in utterances]
        return {
            layer: [
                torch.from_numpy(frames[layer][: self.counts[name]].copy()) for name, frames in zip(utterances, read)
            ]
            for layer in self.layers
        }


def open_arrays(settings: ArraySettings, corpus: "Corpus", splits: Sequence[str]) -> ArrayModel:
    """Check arrays of frames against a corpus and return them as a model; all faults are reported at once.

    Every array is read once here, so that nothing is extracted from arrays that are refused.

    Parameters
    ----------
    settings : where the arrays lie and how they are to be read; ``frame_rate_hz`` is required
    corpus : corpus of the arrays
    splits : splits of the corpus whose utterances need arrays

    Raises
    ------
    AnalysisError
        A utterance has no array or several; an array belongs to no utterance; arrays differ in layers or dimensions,
        are no finite floating-point numbers of (frames, dimensions), or have more or fewer frames than fit in the
        recording.
    """
    if settings.frame_rate_hz is None:
        raise AnalysisError(f"expected frame_rate_hz for arrays of frames at {settings.path}, found none; state it")
    utterances = corpus.utterances[corpus.utterances["split"].isin(splits)]
    if utterances["sample_rate_hz"].nunique() != 1:
        raise AnalysisError(f"expected utterances of one sample rate in corpus {corpus.name!r}, splits {splits}")
    rate = int(utterances["sample_rate_hz"].iloc[0])
    arrays = {array.key: array for array in stored_arrays(settings.path)}
    matched = match_names(list(arrays), list(corpus.utterances["utterance"]), settings.pattern, settings.path)
    timing = ArrayTiming.of(settings.frame_rate_hz, settings.first_frame_s, rate)
    faults = _named_faults(matched, utterances["utterance"], settings)
    read = _Reader(arrays, matched, settings)
    scan = _Scan(settings, timing, rate)
    for name, n_samples in zip(utterances["utterance"], utterances["n_samples"]):
        if name in matched.keys:
            scan.add(name, int(n_samples), read)
    faults += scan.faults()
    if faults:
        raise AnalysisError(f"expected arrays for corpus {corpus.name!r} at {settings.path}, found {'; '.join(faults)}")
    _report(settings, matched, scan)
    return ArrayModel(settings.path, rate, scan.layers, timing, scan.counts, read)


def layers_of_arrays(found: Sequence[str], settings: ArraySettings) -> tuple[str, ...]:
    """Return the layers to keep, in the order of the settings or else of the numbers in their names.

    Raises
    ------
    AnalysisError
        A layer of the settings does not exist.
    """
    if not settings.layers:
        return tuple(sorted(found, key=_natural))
    missing = [layer for layer in settings.layers if layer not in found]
    if missing:
        raise AnalysisError(
            f"expected layers {', '.join(settings.layers)} in the arrays at {settings.path}, found only "
            f"{', '.join(sorted(found, key=_natural))}; correct layers"
        )
    return settings.layers


def arrays_digest(path: "str | Path") -> str:
    """Return the SHA-256 of all files of arrays at a path, which becomes a parent of the activations."""
    files = array_files(path)
    return digest_json({str(each.name if len(files) == 1 else each.relative_to(path)): digest(each) for each in files})


class _Reader:
    """Function of an utterance that returns its arrays by layer, each (frames, dimensions) in float32."""

    def __init__(self, arrays: Mapping[str, StoredArray], matched: Matched, settings: ArraySettings):
        self._arrays, self._matched, self._settings = arrays, matched, settings

    def __call__(self, utterance: str) -> dict[str, Frames]:
        stored = {layer: self._arrays[key].read() for layer, key in self._matched.keys[utterance].items()}
        frames = self._by_layer(stored)
        return {layer: np.asarray(array.T if self._settings.transposed else array) for layer, array in frames.items()}

    def _by_layer(self, stored: Mapping[str, npt.NDArray[Any]]) -> dict[str, npt.NDArray[Any]]:
        if set(stored) != {""}:
            kept = self._settings.layers or stored
            return {layer: _without_batch(array) for layer, array in stored.items() if layer in kept}
        array = stored[""]
        if array.ndim == 4 and array.shape[1] == 1:  # states of several layers with the axis of a batch of one
            array = array[:, 0]
        array = array if array.ndim == 3 else array[None]
        names = self._settings.layers or _numbered(len(array))
        if len(names) != len(array):
            raise _ShapeError(f"{len(array)} layers instead of the {len(names)} of the study")
        return dict(zip(names, array))


class _ShapeError(Exception):
    """An array has a shape that cannot be read."""


def _without_batch(array: npt.NDArray[Any]) -> npt.NDArray[Any]:
    return array[0] if array.ndim == 3 and len(array) == 1 else array


def _numbered(n_layers: int) -> list[str]:
    return [UNNAMED] if n_layers == 1 else [f"layer{number}" for number in range(n_layers)]


def _natural(name: str) -> tuple[int, str]:
    return int("0" + "".join(each for each in name if each.isdigit())), name


def _named_faults(matched: Matched, wanted: pd.Series, settings: ArraySettings) -> list[str]:
    missing = [name for name in wanted if name not in matched.keys]
    faults = []
    if missing:
        faults.append(f"no array for {len(missing)} of {len(wanted)} utterances: {listed(missing)}; add them")
    if matched.others and not settings.ignore_others:
        faults.append(
            f"arrays of no utterance of the corpus ({len(matched.others)}): {listed(list(matched.others))}; take "
            "them out, or set ignore_others: true"
        )
    if matched.repeated:
        faults.append(f"utterances with several arrays ({len(matched.repeated)}): {listed(list(matched.repeated))}")
    return faults


class _Scan:
    """One pass over all arrays that collects their faults, layers and numbers of frames."""

    def __init__(self, settings: ArraySettings, timing: ArrayTiming, sample_rate_hz: int):
        self._settings, self._timing, self._rate = settings, timing, sample_rate_hz
        self._wrong: dict[str, list[str]] = {}
        self._dims: dict[str, dict[int, str]] = {}
        self._layers: dict[tuple[str, ...], list[str]] = {}
        self._lengths_s: list[float] = []
        self._found: list[int] = []
        self._fit_transposed = 0
        self.counts: dict[str, int] = {}
        self.n_dropped = self.largest = 0

    @property
    def layers(self) -> tuple[str, ...]:
        """Layers to keep."""
        return layers_of_arrays(next(iter(self._layers), ()), self._settings)

    def add(self, name: str, n_samples: int, read: _Reader) -> None:
        """Read the arrays of one utterance and note what is wrong with them."""
        try:
            frames = read(name)
        except _ShapeError as error:
            return self._note("axes", f"{name} ({error})")
        except Exception as error:  # every library reports damaged files by exceptions of its own
            return self._note("unreadable", f"{name} ({type(error).__name__})")
        self._layers.setdefault(tuple(sorted(frames)), []).append(name)
        sound = [self._sound(name, layer, array) for layer, array in frames.items()]
        if not all(sound):
            return None
        for layer, array in frames.items():
            self._dims.setdefault(layer, {}).setdefault(array.shape[1], name)
        counts = {len(array) for array in frames.values()}
        if len(counts) > 1:
            return self._note("unequal", f"{name} ({', '.join(map(str, sorted(counts)))})")
        return self._count(name, counts.pop(), next(iter(frames.values())).shape[1], n_samples)

    def _sound(self, name: str, layer: str, array: npt.NDArray[Any]) -> bool:
        what = name if len(self._layers) == 1 and layer == UNNAMED else f"{name} {layer}"
        if array.ndim != 2 or not array.size:
            self._note("axes", f"{what} (shape {array.shape})")
        elif array.dtype.kind != "f":
            self._note("kinds", f"{what} ({array.dtype})")
        elif not np.isfinite(array).all() or np.abs(array).max() > np.finfo(np.float32).max:
            self._note("infinite", what)
        else:
            return True
        return False

    def _count(self, name: str, found: int, n_dims: int, n_samples: int) -> None:
        fits = self._timing.n_frames(n_samples)
        if self._settings.padded and found > fits:
            self.n_dropped += found - fits
            found = max(fits, 1)
        self._lengths_s.append(n_samples / self._rate)
        self._found.append(found)
        difference = abs(found - fits)
        if difference > self._settings.tolerance_frames:
            self._fit_transposed += abs(n_dims - fits) <= self._settings.tolerance_frames
            self._note("lengths", f"{name} ({found} instead of {fits} in {n_samples / self._rate:.2f} s)")
        self.largest = max(self.largest, difference)
        self.counts[name] = found

    def _note(self, kind: str, what: str) -> None:
        self._wrong.setdefault(kind, []).append(what)

    def faults(self) -> list[str]:
        """Return one clause per kind of fault."""
        texts = {
            "unreadable": "arrays that cannot be read",
            "axes": "arrays that are not (frames, dimensions)",
            "kinds": "arrays without floating-point numbers; give embeddings of discrete units, not their numbers",
            "infinite": "arrays with NaN, infinity or numbers beyond float32",
            "unequal": "utterances whose layers have different numbers of frames",
        }
        faults = [
            f"{text} ({len(self._wrong[kind])}): {listed(self._wrong[kind])}"
            for kind, text in texts.items()
            if kind in self._wrong
        ]
        if len(self._layers) > 1:
            kinds = [f"{', '.join(layers)} in {listed(names, 3)}" for layers, names in self._layers.items()]
            faults.append(f"different layers: {listed(kinds, 5)}")
        for layer, dims in self._dims.items():
            if len(dims) > 1:
                kinds = [f"{n_dims} in {name}" for n_dims, name in dims.items()]
                faults.append(f"different dimensions of layer {layer}: {listed(kinds, 5)}")
        if "lengths" in self._wrong:
            faults.append(self._lengths())
        return faults

    def _lengths(self) -> str:
        wrong, settings = self._wrong["lengths"], self._settings
        rate = float(settings.frame_rate_hz or 0)
        advice = "check frame_rate_hz, and that arrays belong to these recordings"
        if self._fit_transposed == len(wrong):
            advice = "the other axis has the right length: set transposed: true"
        elif len(set(self.counts.values())) == 1 and len(self.counts) > 1:
            # Before any fit: the slope of equal numbers is 0 up to rounding, which differs between machines.
            advice = "all arrays are equally long: if they were padded, set padded: true"
        elif abs(self._fitted_rate() / rate - 1) > 0.02:
            advice = f"their numbers fit a frame rate of about {self._fitted_rate():.3g} Hz"
        return (
            f"numbers of frames that differ by more than {settings.tolerance_frames} (tolerance_frames) from {rate:g} "
            f"Hz ({len(wrong)} of {len(self._found)} arrays): {listed(wrong)}; {advice}"
        )

    def _fitted_rate(self) -> float:
        """Return frames per second by which all numbers of frames are explained; the stated rate if there is none."""
        stated = float(self._settings.frame_rate_hz or 0)
        if np.ptp(self._lengths_s) == 0:
            return stated
        slope, start = np.polyfit(self._lengths_s, self._found, 1)
        misfit = np.abs(np.polyval((slope, start), self._lengths_s) - self._found).max()
        return float(slope) if slope > 0 and misfit <= max(2, self._settings.tolerance_frames) else stated


def _report(settings: ArraySettings, matched: Matched, scan: _Scan) -> None:
    _log.info(
        "arrays at %s: pattern %s, %d utterances, layers %s; numbers of frames differ from the length of the recording "
        "by at most %d; %d frames past the end dropped; %d arrays of other utterances ignored",
        settings.path,
        matched.pattern,
        len(scan.counts),
        ", ".join(scan.layers),
        scan.largest,
        scan.n_dropped,
        len(matched.others),
    )
