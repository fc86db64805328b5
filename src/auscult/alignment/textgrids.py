"""Alignments as TextGrids, in UTF-8 and with all digits of their times.

Praat would write UTF-16 where a label is not ASCII, which other programs often do not read.
"""

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

from auscult.manifests import write_file

__all__ = ["write_textgrid"]

Interval = tuple[int, int, str]


def write_textgrid(
    path: str | Path, tiers: Mapping[str, Sequence[Interval]], n_samples: int, sample_rate_hz: int
) -> None:
    """Write interval tiers as a TextGrid in Praat's long text form; gaps become intervals without label.

    Times are written so that rounding them to samples gives the integers that they were.

    Parameters
    ----------
    path : file to write
    tiers : intervals (onset, offset, label) in samples, sorted and disjoint, by name of the tier
    n_samples, sample_rate_hz : of the recording
    """
    end = n_samples / sample_rate_hz
    lines = ['File type = "ooTextFile"', 'Object class = "TextGrid"', "", "xmin = 0 ", f"xmax = {end!r} "]
    lines += ["tiers? <exists> ", f"size = {len(tiers)} ", "item []: "]
    for number, (name, intervals) in enumerate(tiers.items(), 1):
        filled = list(_filled(intervals, n_samples))
        lines += [f"    item [{number}]:", '        class = "IntervalTier" ', f"        name = {_quoted(name)} "]
        lines += ["        xmin = 0 ", f"        xmax = {end!r} ", f"        intervals: size = {len(filled)} "]
        for place, (onset, offset, label) in enumerate(filled, 1):
            lines += [f"        intervals [{place}]:", f"            xmin = {onset / sample_rate_hz!r} "]
            lines += [f"            xmax = {offset / sample_rate_hz!r} ", f"            text = {_quoted(label)} "]
    with write_file(path) as partial:
        partial.write_text("\n".join(lines) + "\n", encoding="utf-8")


def _filled(intervals: Sequence[Interval], n_samples: int) -> Iterable[Interval]:
    """Yield intervals that cover the recording."""
    reached = 0
    for onset, offset, label in intervals:
        if onset > reached:
            yield reached, onset, ""
        yield onset, offset, label
        reached = offset
    if reached < n_samples:
        yield reached, n_samples, ""


def _quoted(text: str) -> str:
    return '"' + text.replace('"', '""') + '"'
