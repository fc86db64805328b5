"""Erase inside a running model: hooks apply erasers to the output of layers before the next module reads it.

Layers are named as in :mod:`auscult.models.speech`. Hooks are attached where a layer is computed, before any module
reads it: ``cnn`` at the input of the feature projection, ``embed`` at the input of the first block, ``T1 …`` at the
output of their block, and the last layer at the output of the encoder, after its final normalisation. Whisper has no
place for ``cnn``. The ``hidden_states`` collected by transformers do not include the changes made by hooks, and a front
end returns its frames unchanged. Probe the result of :meth:`~auscult.models.speech.SpeechModel.frames` instead, whose
layers from ``embed`` on come from the erased run.
"""

from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager, suppress
from typing import Any

from torch import Tensor, nn
from transformers.models.whisper.modeling_whisper import WhisperEncoder

from auscult.erasure.erasers import Eraser
from auscult.errors import AnalysisError
from auscult.models.predictor import Predictor
from auscult.models.speech import MASKED, SpeechModel

__all__ = ["erased", "frames_reaching", "hookable_layers"]


class _Reached(Exception):
    """Ends a run at the requested layer."""


def hookable_layers(model: SpeechModel | Predictor | nn.Module) -> tuple[str, ...]:
    """Return the layers of a model at which :func:`erased` can be applied, in order of depth."""
    return tuple(_places(_encoder(model)))


@contextmanager
def erased(model: SpeechModel | Predictor | nn.Module, erasers: Mapping[str, Eraser]) -> Iterator[None]:
    """Apply erasers at some layers of a model inside the context; its code and weights are unchanged.

    Parameters
    ----------
    model : a :class:`~auscult.models.speech.SpeechModel`, a :class:`~auscult.models.predictor.Predictor`, or a model
        of transformers with such an encoder, with or without a head
    erasers : by layer name

    Raises
    ------
    AnalysisError
        The model has no such layer; or, when the model runs, the layer has another width than its eraser.
    """
    places = _places(_encoder(model))
    unknown = [layer for layer in erasers if layer not in places]
    if unknown:
        raise AnalysisError(f"expected layers among {', '.join(places)} to erase at, found {unknown[0]!r}; correct it")
    with ExitStack() as hooks:
        for layer, eraser in erasers.items():
            module, at_input = places[layer]
            if at_input:
                handle = module.register_forward_pre_hook(_at_input(eraser, layer), with_kwargs=True)
            else:
                handle = module.register_forward_hook(_at_output(eraser, layer))
            hooks.callback(handle.remove)
        yield


def frames_reaching(model: SpeechModel | Predictor | nn.Module, layer: str, run: Callable[[], Any]) -> Tensor:
    """Run a model up to a layer and return the layer's frames, padding included.

    Parameters
    ----------
    layer : one of :func:`hookable_layers`; active erasers of earlier layers have been applied
    run : function that runs the model

    Returns
    -------
    frames [shape=(n_batch, n_frames, n_dims)]
    """
    module, at_input = _places(_encoder(model))[layer]
    reached: list[Tensor] = []

    def stop(frames: Tensor) -> None:
        reached.append(frames)
        raise _Reached

    with ExitStack() as hooks:
        if at_input:
            handle = module.register_forward_pre_hook(
                lambda _, args, kwargs: stop(args[0] if args else kwargs["hidden_states"]), with_kwargs=True
            )
        else:
            handle = module.register_forward_hook(lambda _, __, output: stop(_frames_of(output)))
        hooks.callback(handle.remove)
        with suppress(_Reached):
            run()
    return reached[0]


def _encoder(model: SpeechModel | Predictor | nn.Module) -> nn.Module:
    if isinstance(model, Predictor):
        model = model.encoder
    base = model.encoder if isinstance(model, SpeechModel) else getattr(model, "base_model", model)
    if isinstance(base, WhisperEncoder):
        return base
    projected = hasattr(base, "feature_projection") and hasattr(getattr(base, "encoder", None), "layers")
    # Others run recordings of equal length apart (SEW, Conformer), so that a batch does not reach a layer at once.
    if not projected or (isinstance(model, SpeechModel) and model.name not in MASKED):
        raise AnalysisError(
            "expected a speech encoder of the wav2vec 2.0 family (a front end, its projection, blocks) to erase in, or "
            f"Whisper's, found {type(base).__name__}; choose another model"
        )
    return base


def _places(encoder: nn.Module) -> dict[str, tuple[nn.Module, bool]]:
    """Return, by layer, the module to hook and whether the hook belongs at its input."""
    places: dict[str, tuple[nn.Module, bool]]
    if isinstance(encoder, WhisperEncoder):  # its front end is no module that could be hooked
        places = {"embed": (encoder.layers[0], True)}
        places |= {f"T{number}": (block, False) for number, block in enumerate(encoder.layers[:-1], start=1)}
        return places | {f"T{len(encoder.layers)}": (encoder.layer_norm, False)}
    # ``Any``: modules of transformers, whose attributes torch cannot type.
    stack: Any = encoder.encoder
    blocks: list[nn.Module] = list(stack.layers)
    projection: Any = encoder.feature_projection
    places = {"cnn": (projection, True), "embed": (blocks[0], True)}
    places |= {f"T{number}": (block, False) for number, block in enumerate(blocks[:-1], start=1)}
    return places | {f"T{len(blocks)}": (stack, False)}


def _at_input(eraser: Eraser, layer: str) -> Callable[..., tuple[tuple[Any, ...], dict[str, Any]]]:
    def hook(
        _module: nn.Module, args: tuple[Any, ...], kwargs: dict[str, Any]
    ) -> tuple[tuple[Any, ...], dict[str, Any]]:
        if args:
            return (_apply(eraser, args[0], layer), *args[1:]), kwargs
        return args, kwargs | {"hidden_states": _apply(eraser, kwargs["hidden_states"], layer)}

    return hook


def _at_output(eraser: Eraser, layer: str) -> Callable[..., Any]:
    def hook(_module: nn.Module, _args: tuple[Any, ...], output: Any) -> Any:
        if isinstance(output, Tensor):
            return _apply(eraser, output, layer)
        if isinstance(output, tuple):
            return (_apply(eraser, output[0], layer), *output[1:])
        output["last_hidden_state"] = _apply(eraser, output["last_hidden_state"], layer)
        return output

    return hook


def _frames_of(output: Any) -> Tensor:
    if isinstance(output, Tensor):
        return output
    return output[0] if isinstance(output, tuple) else output["last_hidden_state"]


def _apply(eraser: Eraser, frames: Tensor, layer: str) -> Tensor:
    try:
        return eraser.apply(frames)
    except AnalysisError as error:
        raise AnalysisError(f"layer {layer}: {error}") from None
