"""Turns of speakers, cut out of recordings in which several people speak, or one with long pauses."""

from bisect import bisect_left
from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, fields
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import soundfile

from auscult.corpora.audio import decode_audio
from auscult.corpora.pauses import is_noise, is_pause
from auscult.corpora.readers.tiers import Tier
from auscult.errors import ConfigError, CorpusError

__all__ = ["TURN_COUNTS", "Turn", "TurnOptions", "turn_options", "find_turns", "cut_turns"]

# What is left out of turns, and counted.
_OVERLAPPING, _EMPTY, _OUTSIDE = (
    "words spoken while another speaks",
    "labels that do not end after they begin",
    "phones and words outside of turns",
)
_COUNTED = ("word", "phone")
TURN_COUNTS = (_OVERLAPPING, _EMPTY, _OUTSIDE)
# Formats in which libsndfile finds any sample exactly; others are decoded as a whole.
_SEEKABLE = (".wav", ".flac", ".aif", ".aiff", ".au", ".w64", ".rf64", ".caf", ".sph")


@dataclass(frozen=True)
class TurnOptions:
    """How turns are cut.

    Parameters
    ----------
    pause_s : pause between labels of a speaker, in seconds, from which a new turn begins
    margin_s : sound kept before and after a turn, in seconds, where nobody speaks
    channels : channel of each speaker, counted from 1; without it channels are averaged
    """

    pause_s: float = 0.5
    margin_s: float = 0.1
    channels: Mapping[str, int] = field(default_factory=dict)


@dataclass(frozen=True)
class Turn:
    """A turn: its speaker, its times in seconds in the recording, and its tiers, whose times begin at its onset."""

    speaker: str
    onset_s: float
    offset_s: float
    tiers: Mapping[str, Tier]


def turn_options(turns: Mapping[str, Any] | bool, channels: Mapping[str, Any] | None) -> TurnOptions | None:
    """Return the options ``turns`` and ``channels`` of a reader; None if turns are not cut.

    Raises
    ------
    ConfigError
        A name or value does not exist.
    """
    if channels and turns is False:
        raise ConfigError("expected turns: true with the option channels, found no turns; add it to the options")
    if turns is False or turns is None:
        return None
    values = {} if turns is True else turns
    known = [entry.name for entry in fields(TurnOptions) if entry.name != "channels"]
    if not isinstance(values, Mapping) or not all(
        name in known and isinstance(value, int | float) and not isinstance(value, bool) and 0 <= value < 3600
        for name, value in values.items()
    ):
        raise ConfigError(
            f"expected the option turns to be true or {', '.join(known)} in seconds, found {turns!r}; correct it"
        )
    named = {str(speaker): channel for speaker, channel in (channels or {}).items()}
    if not all(isinstance(channel, int) and channel >= 1 for channel in named.values()):
        raise ConfigError(f"expected channels counted from 1 by speaker, found {channels!r}; correct the option")
    return TurnOptions(**values, channels=named)


def find_turns(
    spoken: Mapping[str, Mapping[str, Tier]],
    options: TurnOptions,
    pauses: Collection[str],
    counts: Counter[str],
    length_s: float,
) -> list[Turn]:
    """Return the turns of all speakers of a recording, by onset.

    Words that overlap with those of another speaker on the same channel are left out, and turns end there; they are
    counted in ``counts``. Where there are no words, phones decide.

    Parameters
    ----------
    spoken : tiers of each speaker
    options : how turns are cut
    pauses : names of pauses besides the usual ones
    counts : is increased by what is left out
    length_s : length of the recording in seconds
    """
    said = {speaker: _spoken_rows(tiers, pauses) for speaker, tiers in spoken.items()}
    turns: list[Turn] = []
    for speaker, tiers in spoken.items():
        others = [
            span
            for other, rows in said.items()
            if other != speaker and options.channels.get(other) == options.channels.get(speaker)
            for span in rows
        ]
        alone, n_overlapping = _alone(said[speaker], np.array(sorted(others)).reshape(-1, 2))
        counts[_OVERLAPPING] += n_overlapping
        n_before, ordered = len(turns), _sorted(tiers, pauses)
        starts = np.array(sorted(onset for onset, _ in [*said[speaker], *others]))
        ends = np.array(sorted(offset for _, offset in [*said[speaker], *others]))
        for onset, offset in _group(alone, starts, options.pause_s):
            n_before_it, n_until = np.searchsorted(ends, onset, side="right"), np.searchsorted(starts, offset)
            before = ends[n_before_it - 1] if n_before_it else 0.0
            after = starts[n_until] if n_until < len(starts) else max(length_s, offset)
            begin = max(onset - options.margin_s, (onset + before) / 2 if before else 0.0)
            end = min(offset + options.margin_s, (offset + after) / 2 if after < length_s else max(length_s, offset))
            turns.append(Turn(speaker, begin, end, _tiers_within(ordered, begin, end)))
        n_empty, n_labels = _count_labels([tiers], pauses)
        n_kept = _count_labels([turn.tiers for turn in turns[n_before:]], pauses)[1]
        counts[_EMPTY] += n_empty
        counts[_OUTSIDE] += n_labels - n_kept - (n_overlapping if "word" in tiers else 0)
    return sorted(turns, key=lambda turn: (turn.onset_s, turn.speaker))


def cut_turns(recording: Path, turns: Sequence[Turn], options: TurnOptions, names: Sequence[Path]) -> list[int]:
    """Write the sound of each turn to a file, and return their lengths in samples.

    Raises
    ------
    CorpusError
        A speaker has no channel, or the recording lacks it.
    """
    lengths = []
    for turn, name, (waveform, sample_rate_hz) in zip(turns, names, _parts(recording, turns)):
        channel = options.channels.get(turn.speaker)
        if options.channels and (channel is None or channel > waveform.shape[1]):
            raise CorpusError(
                f"expected a channel of speaker {turn.speaker!r} in {recording}, found "
                f"{'none in the option channels' if channel is None else f'{waveform.shape[1]} channels'}; correct the "
                "option channels"
            )
        mono = waveform.mean(axis=1, dtype=np.float32) if channel is None else waveform[:, channel - 1]
        soundfile.write(name, mono, sample_rate_hz, format="WAV", subtype="FLOAT")
        lengths.append(len(mono))
    return lengths


def _parts(recording: Path, turns: Sequence[Turn]) -> Iterator[tuple[np.ndarray, int]]:
    if recording.suffix.lower() not in _SEEKABLE:
        channels, sample_rate_hz = decode_audio(recording)
        for turn in turns:
            yield channels[round(turn.onset_s * sample_rate_hz) : round(turn.offset_s * sample_rate_hz)], sample_rate_hz
        return
    # Long recordings need not fit into memory.
    with soundfile.SoundFile(recording) as file:
        for turn in turns:
            begin, end = (min(round(time * file.samplerate), file.frames) for time in (turn.onset_s, turn.offset_s))
            file.seek(begin)
            yield file.read(end - begin, dtype="float32", always_2d=True), file.samplerate


def _spoken_rows(tiers: Mapping[str, Tier], pauses: Collection[str]) -> list[tuple[float, float]]:
    tier = tiers.get("word") or tiers["phone"]
    return sorted(
        (onset / tier.per_s, offset / tier.per_s)
        for onset, offset, label in tier.rows
        if not (is_pause(label, pauses) or is_noise(label)) and offset > onset
    )


def _count_labels(tables: Iterable[Mapping[str, Tier]], pauses: Collection[str]) -> tuple[int, int]:
    """Return the number of labels without length, and of others, pauses and noises not counted."""
    lengths = [
        offset > onset
        for tiers in tables
        for name, tier in tiers.items()
        if name in _COUNTED
        for onset, offset, label in tier.rows
        if not (is_pause(label, pauses) or is_noise(label))
    ]
    return len(lengths) - sum(lengths), sum(lengths)


def _alone(rows: Sequence[tuple[float, float]], others: np.ndarray) -> tuple[list[tuple[float, float]], int]:
    if not len(others):
        return list(rows), 0
    # The latest end of all that begin before a label ends tells whether one of them reaches into it.
    latest = np.maximum.accumulate(others[:, 1])
    alone = []
    for onset, offset in rows:
        place = int(np.searchsorted(others[:, 0], offset, side="left")) - 1
        if place < 0 or latest[place] <= onset:
            alone.append((onset, offset))
    return alone, len(rows) - len(alone)


def _group(rows: Sequence[tuple[float, float]], starts: np.ndarray, pause_s: float) -> Iterator[tuple[float, float]]:
    """Yield onset and offset of runs of labels, which end at long pauses and wherever something else is said."""
    if not rows:
        return
    begin = rows[0][0]
    for (onset, offset), (following, _) in pairwise(rows):
        between = np.searchsorted(starts, following, side="left") - np.searchsorted(starts, onset, side="right")
        if following - offset > pause_s or between > 0:
            yield begin, offset
            begin = following
    yield begin, rows[-1][1]


@dataclass(frozen=True)
class _Sorted:
    """The labels of a tier by onset, in seconds; the last value of a row says whether a turn may cut it."""

    name: str
    rows: Sequence[tuple[float, float, str, bool]]
    onsets: Sequence[float]


def _sorted(tiers: Mapping[str, Tier], pauses: Collection[str]) -> list[_Sorted]:
    found = []
    for name, tier in tiers.items():
        rows = sorted(
            (onset / tier.per_s, offset / tier.per_s, label, name not in _COUNTED or is_pause(label, pauses))
            for onset, offset, label in tier.rows
        )
        found.append(_Sorted(name, rows, [row[0] for row in rows]))
    return found


def _tiers_within(tiers: Sequence[_Sorted], begin: float, end: float) -> dict[str, Tier]:
    """Return the labels inside of a turn, and others that reach into it, cut; in seconds from its onset."""
    found = {}
    for tier in tiers:
        rows = []
        # The label before may reach into the turn.
        first = max(bisect_left(tier.onsets, begin) - 1, 0)
        for onset, offset, label, may_cut in tier.rows[first : bisect_left(tier.onsets, end)]:
            if may_cut:
                onset, offset = max(onset, begin), min(offset, end)
            if begin <= onset < offset <= end:
                rows.append((onset - begin, offset - begin, label))
        found[tier.name] = Tier(tuple(rows))
    return found
