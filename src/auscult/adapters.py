"""Adapters: models of any architecture behind the interface of Auscult, and the kit that tests them.

An adapter is a file of your own with a function ``model()``. It returns an object with the members of
:class:`auscult.models.interface.FrameModel`: ``name``, ``sample_rate_hz``, ``timing``, ``layers`` and ``frames``. The
kit asks what every analysis relies on: as many layers as stated, frames at the times stated, no influence of the batch,
and value zeroing equal to its definition.
"""

import importlib.util
import traceback
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from auscult.analyses.mixing.roles import Call, Roles, eager, find_roles, record
from auscult.analyses.mixing.waveforms import mix_waveform
from auscult.errors import AnalysisError, AuscultError, ConfigError
from auscult.manifests import write_file
from auscult.models.frames import FrameTiming
from auscult.models.interface import FrameModel

__all__ = ["Check", "check_adapter", "load_adapter", "write_adapter"]

_MEMBERS = ("name", "sample_rate_hz", "timing", "layers", "frames")
_TOLERANCE = 1e-4
_NOISE_S, _N_PLACES, _LENGTHS_S = 0.02, 9, (1.0, 0.73, 1.0, 0.41)
_TEMPLATE = Path(__file__).parent / "cli" / "templates" / "adapter.py.txt"


@dataclass(frozen=True)
class Check:
    """One question of the kit.

    Parameters
    ----------
    name : what was asked
    passed : the answer; None if it could not be asked of this model
    found : what was found, in one sentence
    """

    name: str
    passed: bool | None
    found: str


def write_adapter(path: str | Path, force: bool = False) -> None:
    """Write the template of an adapter, which passes :func:`check_adapter` as it stands.

    Raises
    ------
    ConfigError
        The file exists already, and ``force`` is not set.
    """
    path = Path(path)
    if path.exists() and not force:
        raise ConfigError(f"expected a new file, found {path} already there; name another, or replace it by --force")
    with write_file(path) as partial:
        partial.write_text(_TEMPLATE.read_text(encoding="utf-8"), encoding="utf-8")


def load_adapter(path: str | Path) -> FrameModel:
    """Run the file of an adapter and return its model. The file is your own code: it may do anything.

    Raises
    ------
    ConfigError
        There is no such file, it has no function ``model``, it fails, or the model lacks a member.
    """
    path = Path(path)
    specification = importlib.util.spec_from_file_location(path.stem, path)
    if not path.is_file() or specification is None or specification.loader is None:
        raise ConfigError(f"expected an adapter at {path}, found no Python file; write one by auscult new --adapter")
    module = importlib.util.module_from_spec(specification)
    try:
        specification.loader.exec_module(module)
        make = getattr(module, "model", None)
        found = make() if callable(make) else None
    except AuscultError:
        raise
    except Exception as error:
        raise ConfigError(
            f"expected an adapter that runs in {path}, found {type(error).__name__}: {error}{_place(error, path)}; "
            "correct the file"
        ) from None
    if found is None:
        raise ConfigError(f"expected a function model() that returns a model in {path}, found none; add it")
    missing = [name for name in _MEMBERS if not hasattr(found, name)]
    if missing:
        raise ConfigError(f"expected {', '.join(_MEMBERS)} of the model in {path}, found no {', '.join(missing)}")
    if not isinstance(found.timing, FrameTiming):
        raise ConfigError(f"expected a FrameTiming as timing of the model in {path}, found {found.timing!r}")
    model: FrameModel = found
    return model


def check_adapter(model: FrameModel, *, seed: int = 0) -> list[Check]:
    """Ask of a model what every analysis relies on.

    - *layers*: the layers stated, one array (frames, dimensions) per recording, finite, of the same width
    - *number of frames*: as many as its timing gives for the length of a recording
    - *times of frames*: other noise for 20 ms changes the frames of the first layer at its time, up to half a hop
    - *batch*: recordings of different lengths in one batch have the frames that they have alone
    - *repetition*: the same recording has the same frames again (no dropout)
    - *value zeroing*: scores of the first and last block equal a slow loop that zeroes the values of one segment after
      the other; only for models with ``encoder``, a transformers model whose attention is found

    Parameters
    ----------
    model : the model
    seed : of the noise that it hears
    """
    rng, rate = np.random.default_rng(seed), model.sample_rate_hz
    waveforms = [rng.normal(0, 0.05, int(length_s * rate)).astype(np.float32) for length_s in _LENGTHS_S]
    try:
        alone = [_plain(model.frames([waveform])) for waveform in waveforms]
    except Exception as error:
        return [Check("layers", False, f"frames() fails on one recording: {type(error).__name__}: {error}")]
    shapes = _check_layers(model, alone)
    if not shapes.passed:
        return [shapes]
    questions: dict[str, Callable[[], Check]] = {
        "number of frames": lambda: _check_numbers(model, waveforms, alone),
        "times of frames": lambda: _check_times(model, waveforms[0], alone[0], rng),
        "batch": lambda: _check_batch(model, waveforms, alone),
        "repetition": lambda: _check_again(model, waveforms[0], alone[0]),
        "value zeroing": lambda: _check_zeroing(model, waveforms[3]),
    }
    answers = [shapes]
    for name, ask in questions.items():
        try:
            answers.append(ask())
        except AuscultError as error:
            answers.append(Check(name, None, f"not asked: {error}"))
        except Exception as error:  # any fault of foreign code is an answer
            answers.append(Check(name, False, f"{type(error).__name__}: {error}"))
    return answers


def _place(error: Exception, path: Path) -> str:
    """Return the line of the adapter in which an exception arose."""
    lines = [frame.lineno for frame in traceback.extract_tb(error.__traceback__) if frame.filename == str(path)]
    line = getattr(error, "lineno", None) or (lines[-1] if lines else None)
    return f" (line {line})" if line else ""


def _plain(frames: Mapping[str, Sequence[Tensor]]) -> dict[str, list[np.ndarray]]:
    return {layer: [np.asarray(torch.as_tensor(x).float().cpu()) for x in found] for layer, found in frames.items()}


def _check_layers(model: FrameModel, alone: Sequence[Mapping[str, Sequence[np.ndarray]]]) -> Check:
    name = "layers"
    for found in alone:
        if tuple(found) != tuple(model.layers):
            return Check(name, False, f"stated {', '.join(model.layers)}, found {', '.join(found) or 'none'}")
        wrong = [layer for layer, arrays in found.items() if len(arrays) != 1 or arrays[0].ndim != 2]
        if wrong:
            return Check(name, False, f"expected one array (frames, dimensions) per recording in {', '.join(wrong)}")
        endless = [layer for layer, arrays in found.items() if not np.isfinite(arrays[0]).all()]
        if endless:
            return Check(name, False, f"found NaN or infinity in {', '.join(endless)}")
    widths = {layer: sorted({found[layer][0].shape[1] for found in alone}) for layer in model.layers}
    changing = [layer for layer, found in widths.items() if len(found) > 1]
    if changing:
        return Check(name, False, f"the width of {', '.join(changing)} depends on the recording")
    return Check(name, True, f"{len(model.layers)}, of {', '.join(f'{layer} {w[0]}' for layer, w in widths.items())}")


def _check_numbers(
    model: FrameModel, waveforms: Sequence[np.ndarray], alone: Sequence[Mapping[str, Sequence[np.ndarray]]]
) -> Check:
    for waveform, found in zip(waveforms, alone):
        expected = int(model.timing.n_frames(len(waveform)))
        for layer, arrays in found.items():
            if len(arrays[0]) != expected:
                what = f"{len(arrays[0])} in {layer} for {len(waveform)} samples, of which timing makes {expected}"
                return Check("number of frames", False, what)
    return Check("number of frames", True, f"as timing gives for {len(waveforms)} recordings")


def _check_times(
    model: FrameModel, waveform: np.ndarray, found: Mapping[str, Sequence[np.ndarray]], rng: np.random.Generator
) -> Check:
    layer, rate, timing = model.layers[0], model.sample_rate_hz, model.timing
    before, length, errors_s = found[layer][0], int(_NOISE_S * rate), []
    centres_s = timing.centres(len(before)) / 2 / rate
    for place in np.linspace(0.2, 0.8, _N_PLACES):
        onset = int(place * len(waveform))
        changed = waveform.copy()
        # Of the same mean and loudness: a louder burst would change all frames of models that normalise over time.
        noise, old = rng.normal(0, 1, length), waveform[onset : onset + length]
        changed[onset : onset + length] = (noise - noise.mean()) / noise.std() * old.std() + old.mean()
        change = np.linalg.norm(_plain(model.frames([changed]))[layer][0] - before, axis=1)
        weights = np.maximum(0, change - np.median(change)) ** 2
        errors_s.append(float(weights @ centres_s / weights.sum()) - (onset + length / 2) / rate)
    late_s = float(np.median(errors_s))
    # Pooled frames that are repeated have the time of their middle.
    repeats = 1 / max(1e-3, 1 - np.mean((before[1:] == before[:-1]).all(axis=1)))
    allowed_s = repeats * timing.hop_samples / rate / 2
    said = f"other noise is heard {1000 * late_s:+.0f} ms from their time in {layer}"
    return Check(
        "times of frames", bool(abs(late_s) <= allowed_s), f"{said} (up to {1000 * allowed_s:.0f} ms is right)"
    )


def _check_batch(
    model: FrameModel, waveforms: Sequence[np.ndarray], alone: Sequence[Mapping[str, Sequence[np.ndarray]]]
) -> Check:
    together, worst = _plain(model.frames(waveforms)), (0.0, model.layers[0])
    for layer in model.layers:
        if len(together[layer]) != len(waveforms):
            return Check("batch", False, f"{len(together[layer])} arrays in {layer} for {len(waveforms)} recordings")
        for place, found in enumerate(alone):
            if together[layer][place].shape != found[layer][0].shape:
                return Check("batch", False, f"another number of frames in {layer} than alone")
            worst = max(worst, (_difference(together[layer][place], found[layer][0]), layer))
    said = f"frames differ from those alone by up to {worst[0]:.1g} of the scale of {worst[1]}"
    return Check("batch", worst[0] <= _TOLERANCE, said)


def _check_again(model: FrameModel, waveform: np.ndarray, found: Mapping[str, Sequence[np.ndarray]]) -> Check:
    again = _plain(model.frames([waveform]))
    worst = max(_difference(again[layer][0], found[layer][0]) for layer in model.layers)
    said = f"frames differ from the first time by up to {worst:.1g} of their scale"
    return Check("repetition", worst <= _TOLERANCE, said + ("" if worst <= _TOLERANCE else ": call .eval()"))


def _check_zeroing(model: Any, waveform: np.ndarray) -> Check:
    name, encoder = "value zeroing", getattr(model, "encoder", None)
    if encoder is None:
        return Check(name, None, "not asked: the model has no member encoder, so mixing cannot be asked of it")
    roles = find_roles(encoder)
    with record(roles) as calls:
        n_frames = len(model.frames([waveform])[model.layers[0]][0])
    edges = np.linspace(0, n_frames, 4).astype(int)
    spans = np.stack([edges[:-1], edges[1:]], axis=1)
    scores = mix_waveform(model, waveform, spans, methods=["value_zeroing"])["value_zeroing"]
    worst = 0.0
    for place in {0, len(roles.blocks) - 1}:
        expected = _zeroed(roles, calls[place], place, spans)
        if expected is None:
            return Check(name, None, "not asked: the value projection is not called as a module")
        worst = max(worst, float(np.abs(scores[roles.layers[place]] - expected).max()))
    return Check(
        name, worst <= 1e-3, f"scores differ from the definition by up to {worst:.1g} in T1 and the last block"
    )


def _zeroed(roles: Roles, calls: Mapping[str, Call], place: int, spans: np.ndarray) -> np.ndarray | None:
    """Return value zeroing by its definition: run the block again with the values of one segment set to zero."""
    block, call, last = roles.blocks[place], calls[""], place == len(roles.blocks) - 1
    finish = roles.final_norm if last and roles.final_norm is not None else torch.nn.Identity()
    matrix, heard = np.empty((len(spans), len(spans))), []

    def run() -> Tensor:
        output = block(*call.args, **call.kwargs)
        states: Tensor = finish(output[0] if isinstance(output, tuple) else output)[0].double()
        return states

    with torch.inference_mode(), eager(roles.model):
        original = run()
        for column, (start, stop) in enumerate(spans):

            def zero(_: Any, __: Any, output: Tensor, start: int = start, stop: int = stop) -> Tensor:
                heard.append(True)
                output = output.clone()
                output[..., start:stop, :] = 0
                return output

            handle = block.get_submodule(roles.value).register_forward_hook(zero)
            try:
                distance = 1 - torch.nn.functional.cosine_similarity(run(), original, dim=-1)
            finally:
                handle.remove()
            matrix[:, column] = [float(distance[a:b].mean()) for a, b in spans]
    if not heard:
        return None
    sums = matrix.sum(axis=1, keepdims=True)
    if (sums <= 0).any():
        raise AnalysisError("expected segments with an effect on each other, found none")
    return np.asarray(matrix / sums)


def _difference(one: np.ndarray, other: np.ndarray) -> float:
    return float(np.abs(one - other).max() / max(np.abs(other).max(), 1e-12))
