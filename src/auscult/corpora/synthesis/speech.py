"""Corpora synthesised by eSpeak NG: sentences of a grammar in many voices, with exact phones, syllables and words."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from itertools import cycle, islice
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import soundfile
from joblib import Parallel, delayed
from scipy.signal import resample_poly
from tqdm import tqdm

from auscult.corpora.mandarin import UNSPOKEN, legal_syllables, split_syllables
from auscult.corpora.synthesis.espeak import espeak_version, speak
from auscult.corpora.synthesis.grammar import Word, read_grammar, split_of
from auscult.corpora.synthesis.labelling import EXTRA_COLUMNS, TimedPhone, label_speech, phone_times
from auscult.corpora.synthesis.lexicon_files import has_translations
from auscult.corpora.synthesis.recording_conditions import record, set_level
from auscult.corpora.synthesis.voices import SPLITS, Split, Voice, draw_voices
from auscult.corpora.translations import REFERENCES, reference_table
from auscult.errors import ConfigError
from auscult.manifests import Manifest, build_folder, check_folder
from auscult.tables import UTTERANCE_COLUMNS, check_segments, check_utterances, write_table

__all__ = ["synthesise_corpus", "Item", "plan_items", "synthesise_item", "build_corpus", "collect"]

REVISION = 2  # increment with every change that alters the bytes of a corpus
_RATE_HZ = 16_000
_UP = 320
_SHORTEST_LEAD, _LONGEST_LEAD = 800, 4000
_LEVEL_DB = -23.0


@dataclass(frozen=True)
class Item:
    """An utterance to synthesise: name, language, words, voice, split, and kind (``sentence`` or ``syllable``)."""

    utterance: str
    language: str
    words: tuple[Word, ...]
    voice: Voice
    split: str
    kind: str


def synthesise_corpus(
    folder: str | Path,
    *,
    corpus: str,
    languages: Sequence[str],
    sentences: Mapping[str, int],
    voices: Mapping[str, int],
    seed: int,
    variation: bool = True,
    syllables: int = 0,
    female_share: float | None = None,
    n_workers: int = 1,
) -> Manifest:
    """Synthesise a corpus into a sealed folder; equal arguments give equal bytes, whatever the number of workers.

    Parameters
    ----------
    folder : the corpus folder to write
    corpus : name of the corpus in the tables
    languages : names of languages with a grammar; every voice of a split speaks each of them
    sentences : number of utterances per split, divided evenly among the languages; within a corpus no sentence occurs
        twice, and no sentence of a split occurs in another split of this or any other corpus
    voices : number of voices per split, even: half are women; voices of different splits differ
    seed : seed of sentences, voices and recording conditions
    variation : whether rooms, channels, noise and levels vary
    syllables : number of utterances of a single toned Mandarin syllable, added to each split except ``train``
    female_share : share of women among the training voices; by default half, as in the other splits
    n_workers : number of processes

    Raises
    ------
    ConfigError
        The arguments contradict each other, or eSpeak or a language is missing.
    """
    items = list(plan_items(languages, sentences, voices, seed, syllables, female_share))
    recipe = {
        "corpus": corpus,
        "languages": list(languages),
        "sentences": dict(sentences),
        "voices": dict(voices),
        "seed": seed,
        "variation": variation,
        "syllables": syllables,
        "synthesis_revision": REVISION,
        "espeak_ng": espeak_version(),
    }
    if female_share is not None:
        recipe["female_share"] = female_share
    produce = partial(synthesise_item, corpus=corpus, seed=seed, variation=variation)
    return build_corpus(folder, recipe, produce, items, n_workers)


def build_corpus(
    folder: str | Path,
    recipe: Mapping[str, Any],
    produce: Callable[..., tuple[dict[str, Any], list[dict[str, Any]]]],
    items: Sequence[Any],
    n_workers: int,
) -> Manifest:
    """Write a sealed corpus folder; ``produce(item, folder=…)`` writes the audio of an item and returns its rows."""
    with build_folder(folder, recipe) as building:
        (building / "audio").mkdir()
        title = f"synthesising {recipe['corpus']}"
        utterances, segments = collect(partial(produce, folder=building), items, n_workers, title)
        write_table(check_utterances(utterances), building / "utterances.parquet")
        write_table(check_segments(segments, utterances), building / "segments.parquet")
        if utterances["language"].map(has_translations).any():
            write_table(reference_table(utterances), building / REFERENCES)
    return check_folder(folder)


def collect(
    produce: Callable[[Any], tuple[dict[str, Any], list[dict[str, Any]]]],
    items: Sequence[Any],
    n_workers: int,
    title: str,
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Produce every item, in parallel if there are several workers; stack utterance and segment rows in order."""
    results: Iterable[tuple[dict[str, Any], list[dict[str, Any]]]] = map(produce, items)
    if n_workers > 1:
        results = Parallel(n_jobs=n_workers, return_as="generator")(delayed(produce)(item) for item in items)
    rows, segments = zip(*tqdm(results, total=len(items), desc=title, unit=" utterances", mininterval=1))
    return pd.DataFrame(list(rows)), pd.DataFrame([row for part in segments for row in part])


def plan_items(
    languages: Sequence[str],
    sentences: Mapping[str, int],
    voices: Mapping[str, int],
    seed: int,
    syllables: int = 0,
    female_share: float | None = None,
) -> Iterator[Item]:
    """Yield every utterance of a corpus: by split, then language, then number."""
    _check_plan(languages, sentences, voices, syllables)
    splits = [split for split in SPLITS if split in sentences]
    for split in splits:
        speakers = _speakers(voices[split], split, seed, female_share if split == "train" else None)
        for name in languages:
            drawn = islice(_sentences(name, split, seed), _share(sentences[split], languages, name))
            for number, (words, voice) in enumerate(zip(drawn, cycle(speakers))):
                yield Item(f"{name}-{split}-{number:05d}", name, words, voice, split, "sentence")
        if syllables and split != "train":
            yield from _plan_syllables(syllables, split, speakers, seed)


def synthesise_item(
    item: Item, folder: Path, corpus: str, seed: int, variation: bool
) -> tuple[dict[str, Any], list[dict[str, Any]]]:
    """Synthesise one item, write its audio below ``folder``, and return its utterance row and its segment rows."""
    grammar, voice = read_grammar(item.language), item.voice
    tokens = [split_syllables(word.text) if grammar.toned else [word.text] for word in item.words]
    rate_wpm = round(voice.rate_wpm / voice.speed)
    speech = speak([token for word in tokens for token in word], grammar.espeak, voice.settings(), rate_wpm)
    generator = np.random.default_rng([seed, *item.utterance.encode()])
    lead, trail = (int(n_samples) for n_samples in generator.integers(_SHORTEST_LEAD, _LONGEST_LEAD, 2))
    waveform = np.pad(resample_poly(speech.samples, _UP, voice.rate_step), (lead, trail))
    waveform = record(waveform, generator) if variation else set_level(waveform, _LEVEL_DB)
    path = f"audio/{item.utterance}.flac"
    soundfile.write(folder / path, waveform, _RATE_HZ, subtype="PCM_16")
    phones = [_in_recording(phone, lead, voice.rate_step) for phone in phone_times(speech)]
    segments = label_speech(phones, item.words, tokens, grammar.toned)
    text = " ".join(word.text for word in item.words)
    row = (
        item.utterance,
        corpus,
        path,
        _RATE_HZ,
        len(waveform),
        voice.name,
        voice.gender,
        item.language,
        text,
        item.split,
    )
    extra = {
        "item": item.kind,
        "pitch_hz": round(voice.pitch_hz, 2),
        "tract": round(voice.tract, 4),
        "breath": voice.breath,
        "roughness": voice.roughness,
    }
    labels = [{"utterance": item.utterance} | segment | EXTRA_COLUMNS | columns for segment, columns in segments]
    return dict(zip(UTTERANCE_COLUMNS, row)) | extra, sorted(labels, key=lambda label: label["tier"])


def _speakers(n_voices: int, split: Split, seed: int, female_share: float | None) -> tuple[Voice, ...]:
    """Draw the voices of a split, half of them or ``female_share`` women, at least one of each gender."""
    if female_share is None:
        return draw_voices(n_voices, split, seed)
    n_women = min(max(round(female_share * n_voices), 1), n_voices - 1)
    drawn = draw_voices(2 * max(n_women, n_voices - n_women), split, seed)
    return (*drawn[::2][:n_women], *drawn[1::2][: n_voices - n_women])


def _sentences(language: str, split: Split, seed: int) -> Iterator[tuple[Word, ...]]:
    """Yield the sentences of a split, different ones without end."""
    seeds = [seed, SPLITS.index(split), *language.encode()]
    for words in read_grammar(language).sentences(seeds):
        text = " ".join(word.text for word in words)
        if split_of(text) == split:
            yield words


def _in_recording(phone: TimedPhone, lead: int, rate_step: int) -> TimedPhone:
    """Convert the times of a phone from eSpeak's samples to samples of the recording; equal times stay equal."""
    onset, offset = (lead + round(time * _UP / rate_step) for time in (phone.onset, phone.offset))
    return replace(phone, onset=onset, offset=offset)


def _share(total: int, languages: Sequence[str], language: str) -> int:
    position = list(languages).index(language)
    return total // len(languages) + (position < total % len(languages))


def _plan_syllables(n_items: int, split: Split, speakers: Sequence[Voice], seed: int) -> Iterator[Item]:
    """Yield toned syllables, balanced over tones and voices; none is repeated before all have occurred."""
    table = [syllable for syllable in legal_syllables() if syllable not in UNSPOKEN]
    generator = np.random.default_rng([seed, SPLITS.index(split), *b"syllables"])
    orders = [generator.permutation(table) for _ in range(4)]
    for number in range(n_items):
        turn, tone = divmod(number, 4)
        pinyin = f"{orders[tone][turn % len(table)]}{tone + 1}"
        word = Word(pinyin, "X", -1, "root", "", pinyin)
        voice = speakers[turn % len(speakers)]
        yield Item(f"mandarin-{split}-syllable-{number:05d}", "mandarin", (word,), voice, split, "syllable")


def _check_plan(
    languages: Sequence[str], sentences: Mapping[str, int], voices: Mapping[str, int], syllables: int
) -> None:
    unknown = sorted(set(sentences) ^ set(voices) | set(sentences) - set(SPLITS))
    if unknown or not sentences:
        raise ConfigError(
            f"expected sentences and voices for the same splits among {', '.join(SPLITS)}, found sentences for "
            f"{', '.join(sentences) or 'none'} and voices for {', '.join(voices) or 'none'}; give both for each split"
        )
    if not languages or len(set(languages)) < len(languages):
        raise ConfigError(f"expected different languages, found {list(languages)}; correct the corpus entry")
    for split, total in sentences.items():
        if total // len(languages) < voices[split]:
            raise ConfigError(
                f"expected at least {voices[split] * len(languages)} {split} sentences ({voices[split]} voices in "
                f"{len(languages)} languages), found {total}; ask for more sentences or fewer voices"
            )
    if syllables and "mandarin" not in languages:
        raise ConfigError(
            f"expected mandarin among the languages of a corpus with syllables, found {', '.join(languages)}; "
            "add it or leave the syllables out"
        )
