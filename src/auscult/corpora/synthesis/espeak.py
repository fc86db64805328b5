"""Speech with exact phone times from eSpeak NG; the only module that touches its library.

eSpeak NG (GPL-3) comes as the package ``espeakng-loader`` and stays behind the functions of this module.
"""

import _ctypes
import ctypes
import importlib
import re
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import numpy as np

from auscult.errors import ConfigError

__all__ = ["PhoneEvent", "Speech", "speak", "espeak_version", "variant_lines"]

# Between words instead of a blank: eSpeak looks up "of the" or "there was" as one word otherwise, also in its events.
_SEPARATOR = "\u200b"
_SYNCHRONOUS, _PHONEME_EVENTS, _IPA, _NO_EXIT = 2, 1, 2, 0x8000
_CHARACTERS_UTF8, _RATE, _SAMPLERATE_EVENT, _PHONEME_EVENT = 1, 1, 8, 7
_LEFT_OUT = r"//|(name|language|gender|pitch|echo|stressLength|flutter)\b"
_REPAIR = "install the packages of requirements.lock again (espeakng-loader carries library and voices)"


@dataclass(frozen=True)
class PhoneEvent:
    """A phone as eSpeak reports it.

    Parameters
    ----------
    symbol : IPA with a stress mark, or nothing for a pause
    onset : first sample, at the rate of the speech
    token : position of the word it belongs to, -1 after the last
    """

    symbol: str
    onset: int
    token: int


@dataclass(frozen=True)
class Speech:
    """What eSpeak said: samples in [-1, 1) at ``sample_rate_hz``, and its phones and pauses in order."""

    samples: np.ndarray
    sample_rate_hz: int
    phones: tuple[PhoneEvent, ...]


class _Identity(ctypes.Union):
    _fields_ = (("number", ctypes.c_int), ("string", ctypes.c_char * 8))


class _Event(ctypes.Structure):
    _fields_ = (
        ("type", ctypes.c_int),
        ("unique_identifier", ctypes.c_uint),
        ("text_position", ctypes.c_int),
        ("length", ctypes.c_int),
        ("audio_position", ctypes.c_int),
        ("sample", ctypes.c_int),
        ("user_data", ctypes.c_void_p),
        ("id", _Identity),
    )


class _VoiceRecord(ctypes.Structure):
    _fields_ = (("name", ctypes.c_char_p), ("languages", ctypes.c_char_p), ("identifier", ctypes.c_char_p))


_SYNTH_ARGUMENTS = (
    ctypes.c_char_p,
    ctypes.c_size_t,
    ctypes.c_uint,
    ctypes.c_int,
    ctypes.c_uint,
    ctypes.c_uint,
    ctypes.c_void_p,
    ctypes.c_void_p,
)
_Callback = ctypes.CFUNCTYPE(ctypes.c_int, ctypes.POINTER(ctypes.c_short), ctypes.c_int, ctypes.POINTER(_Event))


def speak(tokens: Sequence[str], language: str, settings: Sequence[str] = (), rate_wpm: int = 175) -> Speech:
    """Speak words and report where each phone starts.

    The library is loaded anew for every call: its noise and flutter generators keep their state otherwise, and the
    samples would depend on what was said before.

    Parameters
    ----------
    tokens : words in the order they are said, without blanks
    language : eSpeak's code (``en-us``, ``nl``, ``cmn-latn-pinyin``, ``fr``)
    settings : lines in the format of eSpeak's voice files, put after those of the language
    rate_wpm : words per minute, 80 to 450

    Raises
    ------
    ConfigError
        The library, its data or the language is not there, or a word cannot be spoken.
    """
    text = f"{_SEPARATOR.join(tokens)}."
    definition = "\n".join([_language_text(language), *settings, ""])  # loads the library itself, which cannot nest
    with _library() as (library, sample_rate_hz), tempfile.NamedTemporaryFile("w", encoding="utf-8") as voice:
        voice.write(definition)
        voice.flush()
        chunks, events = _collect(library)
        library.espeak_ng_SetRandSeed(ctypes.c_long(1))
        if library.espeak_SetVoiceByFile(voice.name.encode()):
            raise ConfigError(f"expected voice settings that eSpeak accepts, found {list(settings)!r}; correct them")
        library.espeak_SetParameter(_RATE, int(rate_wpm), 0)
        encoded = text.encode()
        if library.espeak_Synth(encoded, len(encoded) + 1, 0, 1, 0, _CHARACTERS_UTF8, None, None):
            raise ConfigError(f"expected words that eSpeak can speak, found {text!r}; {_REPAIR}")
    samples = np.concatenate(chunks).astype(np.float32) / 32768 if chunks else np.zeros(0, np.float32)
    return Speech(samples, sample_rate_hz, tuple(_assign(events, tokens)))


@cache
def espeak_version() -> str:
    """Return the version of the eSpeak NG library."""
    with _library() as (library, _):
        library.espeak_Info.restype = ctypes.c_char_p
        return library.espeak_Info(None).decode().split()[0]


@cache
def variant_lines(variant: str) -> tuple[str, ...]:
    """Return the settings of a voice variant that eSpeak ships, without name, pitch, flutter, stress lengths and echo.

    Pitch and flutter are ours to set; an echo would carry a phone past its end, and stress lengths change the timing.
    """
    path = _data_folder() / "voices" / "!v" / variant
    if not path.is_file():
        raise ConfigError(f"expected the eSpeak voice variant {variant!r}, found none in {path.parent}; {_REPAIR}")
    lines = [line.strip() for line in path.read_text(encoding="utf-8").splitlines()]
    return tuple(line for line in lines if line and not re.match(_LEFT_OUT, line))


@contextmanager
def _library() -> Iterator[tuple[ctypes.CDLL, int]]:
    try:
        library = ctypes.CDLL(importlib.import_module("espeakng_loader").get_library_path())
    except (ImportError, OSError) as error:
        raise ConfigError(f"expected the eSpeak NG library, found: {error}; {_REPAIR}") from None
    try:
        sample_rate_hz = library.espeak_Initialize(
            _SYNCHRONOUS, 0, str(_data_folder()).encode(), _PHONEME_EVENTS | _IPA | _NO_EXIT
        )
        if sample_rate_hz <= 0:
            raise ConfigError(f"expected eSpeak NG's data in {_data_folder()}, found none that it can use; {_REPAIR}")
        library.espeak_Synth.argtypes = _SYNTH_ARGUMENTS
        yield library, sample_rate_hz
    finally:
        library.espeak_Terminate()
        _ctypes.dlclose(library._handle)


def _data_folder() -> Path:
    return Path(importlib.import_module("espeakng_loader").get_library_path()).parent / "espeak-ng-data"


@cache
def _language_text(language: str) -> str:
    with _library() as (library, _):
        library.espeak_GetCurrentVoice.restype = ctypes.POINTER(_VoiceRecord)
        if library.espeak_SetVoiceByName(language.encode()):
            raise ConfigError(
                f"expected a language of eSpeak NG, found {language!r}; correct 'espeak' in the language's rules"
            )
        identifier = library.espeak_GetCurrentVoice().contents.identifier.decode()
    return (_data_folder() / "lang" / identifier).read_text(encoding="utf-8")


def _collect(library: ctypes.CDLL) -> tuple[list[np.ndarray], list[tuple[str, int, int]]]:
    """Make eSpeak append its audio to the first list and (symbol, sample, character position) to the second."""
    chunks, events = [], []

    @_Callback
    def receive(samples, n_samples, event):
        if samples and n_samples > 0:
            chunks.append(np.ctypeslib.as_array(samples, (n_samples,)).copy())
        index = 0
        while event[index].type:
            if event[index].type == _PHONEME_EVENT:
                symbol = event[index].id.string.decode(errors="ignore")
                events.append((symbol, event[index].sample, event[index].text_position))
            index += 1
        return 0

    library.espeak_SetSynthCallback(receive)
    library.receive = receive  # ctypes keeps no reference of its own
    return chunks, events


def _assign(events: Sequence[tuple[str, int, int]], tokens: Sequence[str]) -> Iterator[PhoneEvent]:
    """Give every event the word whose characters it lies in; eSpeak counts characters from 1."""
    ends = np.cumsum([len(token) + len(_SEPARATOR) for token in tokens])
    for symbol, onset, position in events:
        token = int(np.searchsorted(ends, position - 1, side="right"))
        yield PhoneEvent(symbol, onset, token if token < len(tokens) else -1)
