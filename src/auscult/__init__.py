"""Auscult: interpretability of speech models, from activations to figures.

The names below are the interface for notebooks. Each is imported when it is first used, so that ``import auscult``
loads neither torch nor pandas. Everything else is found in the packages of the library.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from auscult.activations.interface import Activations as Activations
    from auscult.activations.store import read_activations as read_activations
    from auscult.arrays import (
        Estimate as Estimate,
        abx as abx,
        attribute as attribute,
        cca as cca,
        cka as cka,
        extract as extract,
        fit_eraser as fit_eraser,
        probe as probe,
        rsa as rsa,
        value_zeroing as value_zeroing,
    )
    from auscult.drawing import draw as draw, draw_details as draw_details
    from auscult.models.predictor import load_predictor as load_predictor
    from auscult.models.speech import load_speech_model as load_model

_PLACES = {
    "load_model": "auscult.models.speech:load_speech_model",
    "load_predictor": "auscult.models.predictor:load_predictor",
    "extract": "auscult.arrays:extract",
    "Activations": "auscult.activations.interface:Activations",
    "read_activations": "auscult.activations.store:read_activations",
    "Estimate": "auscult.arrays:Estimate",
    "probe": "auscult.arrays:probe",
    "cka": "auscult.arrays:cka",
    "cca": "auscult.arrays:cca",
    "rsa": "auscult.arrays:rsa",
    "abx": "auscult.arrays:abx",
    "value_zeroing": "auscult.arrays:value_zeroing",
    "attribute": "auscult.arrays:attribute",
    "fit_eraser": "auscult.arrays:fit_eraser",
    "draw": "auscult.drawing:draw",
    "draw_details": "auscult.drawing:draw_details",
}
__all__ = [
    "load_model",
    "load_predictor",
    "extract",
    "Activations",
    "read_activations",
    "Estimate",
    "probe",
    "cka",
    "cca",
    "rsa",
    "abx",
    "value_zeroing",
    "attribute",
    "fit_eraser",
    "draw",
    "draw_details",
]

__version__ = "0.1.0"


def __getattr__(name: str) -> Any:
    if name not in _PLACES:
        raise AttributeError(f"module 'auscult' has no attribute {name!r}")
    module, _, member = _PLACES[name].partition(":")
    return getattr(import_module(module), member)


def __dir__() -> list[str]:
    return sorted([*globals(), *__all__])
