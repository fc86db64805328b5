"""Speech with exact phone times from eSpeak NG.

eSpeak NG (GPL-3) is loaded from the package ``espeakng-loader``, by this module only.
"""

import _ctypes
import ctypes
import importlib
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np

from auscult.errors import ConfigError

__all__ = ["PhoneEvent", "Speech", "speak", "espeak_version"]

# Separates words instead of a blank, with which eSpeak treats "of the" or "there was" as one word, also in its events.
_SEPARATOR = "\u200b"
_SYNCHRONOUS, _PHONEME_EVENTS, _IPA, _NO_EXIT = 2, 1, 2, 0x8000
_CHARACTERS_UTF8, _RATE, _SAMPLERATE_EVENT, _PHONEME_EVENT = 1, 1, 8, 7
_REPAIR = "install the packages of requirements.lock again (espeakng-loader carries library and voices)"


@dataclass(frozen=True)
class PhoneEvent:
    """A phone reported by eSpeak.

    Parameters
    ----------
    symbol : IPA with a stress mark, "" for a pause
    onset : first sample, at the sample rate of the speech
    token : position of the word that the phone belongs to, -1 after the last word
    """

    symbol: str
    onset: int
    token: int


@dataclass(frozen=True)
class Speech:
    """Synthesised speech: samples in [-1, 1) at ``sample_rate_hz``, and phones and pauses in order."""

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
    """Synthesise words and return the samples with the onset of each phone.

    The library is reloaded for every call, because its noise and flutter generators keep their state and the samples
    would otherwise depend on earlier calls.

    Parameters
    ----------
    tokens : words in spoken order, without blanks
    language : eSpeak's language code (``en-us``, ``nl``, ``cmn-latn-pinyin``, ``fr``)
    settings : lines in the format of eSpeak's voice files, appended to those of the language
    rate_wpm : words per minute, 80 to 450

    Raises
    ------
    ConfigError
        The library, its data or the language is missing, or a word cannot be spoken.
    """
    text = f"{_SEPARATOR.join(tokens)}."
    # Loads the library itself, so it must not be called inside _library().
    definition = "\n".join([_language_text(language), *settings, ""])
    with _library() as (library, sample_rate_hz), tempfile.NamedTemporaryFile("w", encoding="utf-8") as voice:
        voice.write(definition)
        voice.flush()
        chunks, events, _callback = _collect(library)
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


def _collect(library: ctypes.CDLL) -> tuple[list[np.ndarray], list[tuple[str, int, int]], Any]:
    """Return lists to which eSpeak appends audio and (symbol, sample, character position), and its callback.

    The caller must hold the callback as long as eSpeak may call it: ctypes keeps no reference to it.
    """
    chunks: list[np.ndarray] = []
    events: list[tuple[str, int, int]] = []

    @_Callback
    def receive(samples: Any, n_samples: int, event: Any) -> int:
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
    return chunks, events, receive


def _assign(events: Sequence[tuple[str, int, int]], tokens: Sequence[str]) -> Iterator[PhoneEvent]:
    """Assign every event to the word whose characters contain it; eSpeak counts characters from 1."""
    ends = np.cumsum([len(token) + len(_SEPARATOR) for token in tokens])
    for symbol, onset, position in events:
        token = int(np.searchsorted(ends, position - 1, side="right"))
        yield PhoneEvent(symbol, onset, token if token < len(tokens) else -1)
