"""A companion of a synthetic corpus of first-person sentences, for probes of gender and for a causal test of gender.

Probes that are trained on a translator's own training voices may read what it remembers of these voices. The companion
therefore has training sentences in voices that no model of the study has met. In a second part, the test voices are
paired, a woman with a man, and either says the same sentences four times: in the own voice, with the partner's pitch,
with the partner's vocal tract, and with both. No recorded corpus has such sentences.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from functools import partial
from itertools import cycle, islice
from pathlib import Path
from typing import Any

from auscult.corpora.synthesis.espeak import espeak_version
from auscult.corpora.synthesis.speech import Item, build_corpus, plan_items, synthesise_item
from auscult.corpora.synthesis.voices import Voice, draw_voices
from auscult.errors import ConfigError
from auscult.manifests import Manifest

__all__ = ["EXCHANGES", "OWN", "UNMET", "exchange", "synthesise_companion"]

REVISION = 1  # increment with every change that alters the bytes of a companion
OWN, UNMET = "own", "unmet"
EXCHANGES = ("pitch", "tract", "both")


@dataclass(frozen=True)
class _Spoken:
    """An utterance: its condition, the voice it is derived from, and the number of its pair of voices (-1: none)."""

    item: Item
    condition: str
    base: str
    pair: int


def exchange(voice: Voice, other: Voice, what: str) -> Voice:
    """Return a voice with pitch (median and range), vocal tract (scale and formants) or both of another one.

    Speaking rate, breath, roughness, spectral tilt and flutter remain those of the voice.

    Raises
    ------
    ConfigError
        ``what`` is neither ``own`` nor one of :data:`EXCHANGES`.
    """
    pitch = {"pitch_hz": other.pitch_hz, "pitch_range": other.pitch_range}
    tract = {"tract": other.tract, "formants": other.formants}
    parts: dict[str, dict[str, Any]] = {OWN: {}, "pitch": pitch, "tract": tract, "both": pitch | tract}
    if what not in parts:
        raise ConfigError(f"expected one of {', '.join(parts)} to exchange between voices, found {what!r}; correct it")
    return replace(voice, **parts[what])


def synthesise_companion(
    folder: str | Path,
    *,
    corpus: str,
    languages: Sequence[str],
    n_unmet: int,
    first_unmet: int,
    n_voices: int,
    n_exchanged: int,
    seed: int,
    variation: bool = False,
    n_workers: int = 1,
) -> Manifest:
    """Synthesise the companion of a corpus into a sealed folder; equal arguments give equal bytes.

    The utterances have the further columns ``exchanged`` (``own``, ``pitch``, ``tract``, ``both``, or ``unmet`` in
    split ``train``), ``base`` (the speaker that a voice is derived from; in column ``gender`` its gender), ``pair``
    and ``sentence`` (equal in all four conditions). Pauses are equal in all four conditions, too.

    Parameters
    ----------
    folder : the folder to write
    corpus : name of the corpus
    languages : its languages
    n_unmet : utterances of split ``train``, each by a new voice as long as there are more utterances than voices
    first_unmet : number of training voices of each gender from which on no model of the study has met any
    n_voices : number of test voices of the corpus, even
    n_exchanged : sentences of each pair of test voices; either voice says each of them in four conditions
    seed : the study's seed, from which the corpus draws its voices and sentences
    variation : whether rooms, channels, noise and levels vary
    n_workers : number of processes

    Raises
    ------
    ConfigError
        The numbers do not allow such a companion, or eSpeak or a language is missing.
    """
    if n_unmet < 4 or n_exchanged < 1:
        raise ConfigError(
            f"expected at least 4 utterances of unmet voices and 1 sentence per pair of voices, found {n_unmet} and "
            f"{n_exchanged}; raise n_probe or n_exchanged"
        )
    recipe = {
        "corpus": corpus,
        "languages": list(languages),
        "n_unmet": n_unmet,
        "first_unmet": first_unmet,
        "n_voices": n_voices,
        "n_exchanged": n_exchanged,
        "seed": seed,
        "variation": variation,
        "companion_revision": REVISION,
        "espeak_ng": espeak_version(),
    }
    spoken = [
        *_plan_unmet(languages, n_unmet, first_unmet, seed),
        *_plan_exchanged(languages, n_voices, n_exchanged, seed),
    ]
    return build_corpus(
        folder, recipe, partial(_speak, corpus=corpus, seed=seed, variation=variation), spoken, n_workers
    )


def _plan_unmet(languages: Sequence[str], n_unmet: int, first: int, seed: int) -> Iterator[_Spoken]:
    """Yield training sentences in new voices, as many women as men, at most 40 of either."""
    n_each = min(40, n_unmet // 2)
    voices = draw_voices(2 * (first + n_each), "train", seed)[2 * first :]
    sentences = plan_items(languages, {"train": n_unmet}, {"train": 2}, seed)
    for item, voice in zip(sentences, cycle(voices)):
        yield _Spoken(replace(item, voice=voice), UNMET, voice.name, -1)


def _plan_exchanged(languages: Sequence[str], n_voices: int, n_exchanged: int, seed: int) -> Iterator[_Spoken]:
    voices = draw_voices(n_voices, "test", seed)
    pairs = list(zip(voices[::2], voices[1::2]))
    n_items = n_exchanged * len(pairs)
    items = plan_items(languages, {"test": max(n_items, 2 * len(languages))}, {"test": 2}, seed)
    for number, item in enumerate(islice(items, n_items)):
        pair = number % len(pairs)
        for voice, other in (pairs[pair], pairs[pair][::-1]):
            for condition in (OWN, *EXCHANGES):
                spoken = replace(exchange(voice, other, condition), name=f"{voice.name}-{condition}")
                # The lengths of pauses are drawn from the utterance's name: equal in all conditions.
                name = f"{item.utterance}-{voice.gender}"
                yield _Spoken(replace(item, utterance=name, voice=spoken), condition, voice.name, pair)


def _speak(
    spoken: _Spoken, folder: Path, corpus: str, seed: int, variation: bool
) -> tuple[dict[str, Any], list[dict[str, Any]]]:
    part = folder / spoken.condition
    (part / "audio").mkdir(parents=True, exist_ok=True)
    row, segments = synthesise_item(spoken.item, part, corpus, seed, variation)
    name = f"{row['utterance']}-{spoken.condition}"
    extra = {
        "exchanged": spoken.condition,
        "base": spoken.base,
        "pair": spoken.pair,
        "sentence": row["utterance"],
    }
    renamed = {"utterance": name, "path": f"{spoken.condition}/{row['path']}"}
    return row | renamed | extra, [segment | {"utterance": name} for segment in segments]
