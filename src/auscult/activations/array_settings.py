"""Settings of a model whose activations are arrays made elsewhere."""

from collections.abc import Mapping
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

__all__ = ["ArraySettings", "array_settings"]


@dataclass(frozen=True)
class ArraySettings:
    """What a study states about arrays of frames.

    Parameters
    ----------
    path : folder or file of the arrays
    frame_rate_hz : frames per second; None for vectors that are listed in a table of segments
    first_frame_s : centre of the first frame in s; by default half of the time from one frame to the next
    segments : table that names the segment of each row of the arrays; None for arrays of frames
    layers : layers to keep, in order of depth; for arrays with an axis of layers, the names along it
    pattern : place of the names in the key of an array, such as ``{layer}/{utterance}``; by default it is found
    transposed : whether arrays are (dimensions, frames) instead of (frames, dimensions)
    padded : whether frames whose centre lies past the end of the recording are dropped
    tolerance_frames : largest difference between the frames of an array and those that fit in its recording
    ignore_others : whether arrays of utterances that the corpus lacks are ignored instead of refused
    """

    path: str
    frame_rate_hz: Fraction | None = None
    first_frame_s: Fraction | None = None
    segments: str | None = None
    layers: tuple[str, ...] = ()
    pattern: str | None = None
    transposed: bool = False
    padded: bool = False
    tolerance_frames: int = 2
    ignore_others: bool = False


def array_settings(entry: Mapping[str, Any]) -> ArraySettings:
    """Return the settings given in a mapping, such as the entry of a model; other keys are ignored.

    Rates may be numbers or fractions in text: 44100/512 frames per second have no exact decimal.
    """
    rate, first = (
        None if entry.get(name) is None else Fraction(str(entry[name]).replace(" ", ""))
        for name in ("frame_rate_hz", "first_frame_s")
    )
    plain = ("path", "segments", "pattern", "transposed", "padded", "tolerance_frames", "ignore_others")
    chosen: dict[str, Any] = {name: entry[name] for name in plain if entry.get(name) is not None}
    return ArraySettings(**chosen, frame_rate_hz=rate, first_frame_s=first, layers=tuple(entry.get("layers") or ()))
