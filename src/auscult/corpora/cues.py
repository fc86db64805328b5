"""Number cues of homophones: the determiner that alone marks the number of a French noun or verb in speech.

"Le garçon mange" and "les garçons mangent" differ in sound only in the determiner, but in spelling in every word. A
model that spells noun and verb correctly must therefore have used the determiner, the *cue*, which is known for each
word, the *target* (Mohebbi et al., 2023, use homophones in recorded French).
"""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd

from auscult.corpora.phones import phone_class
from auscult.errors import CorpusError

__all__ = ["CUE_COLUMNS", "cues", "has_cues", "cue_spans", "close_span", "cut_spans"]

CUE_COLUMNS = ("utterance", "target_index", "target_pos", "cue_index", "number", "word", "other")
_SYNTAX = ("pos", "number", "head", "relation", "lemma")
_NUMBERS = ("singular", "plural")
_AGREEING = frozenset({"amod", "nummod", "acl:relcl", "cop", "aux", "conj"})
_RAMP_SAMPLES = 80


def cues(segments: pd.DataFrame, utterances: pd.DataFrame) -> pd.DataFrame:
    """Return every noun and verb whose number only a determiner marks in speech, with that determiner.

    A target has a singular and a plural that are spelt differently and sound alike. Both are judged from all segments:
    both forms of the lemma occur, and the target's pronunciation also occurs with the other number. The cue is the only
    determiner of the noun (for a verb: of its subject noun), if its own number is audible. Words with a second audible
    cue are left out: an agreeing numeral, copula, adjective or verb, for a verb also the subject noun itself ("le
    cheval", "les chevaux"), and any of these before a vowel, where a liaison or its absence marks number. Verbs without
    a subject noun of their own are left out as well.

    If the reader of the corpus has entered the cues (column ``cue``, the index of a word's cue, -1 for none), they are
    returned unchanged, with ``other`` empty.

    Parameters
    ----------
    segments : tiers ``word`` (with columns pos, number, head, relation, lemma) and ``phone`` of the whole corpus
    utterances : utterances whose targets are returned

    Returns
    -------
    table with columns :data:`CUE_COLUMNS`: ``target_index`` and ``cue_index`` are positions in the sentence, from 0;
    ``word`` is the spelling of the target, ``other`` its spelling in the other number

    Raises
    ------
    CorpusError
        The words have no syntax columns.
    """
    if "cue" in segments:
        return _given_cues(segments, utterances)
    missing = [column for column in _SYNTAX if column not in segments.columns]
    if missing:
        raise CorpusError(
            f"expected words with columns {', '.join(_SYNTAX)} to find number cues, found no {', '.join(missing)}; "
            "use a corpus synthesised with syntax"
        )
    words = _with_forms(_with_sounds(segments))
    sentences: dict[str, list[Any]] = {name: [] for name in utterances["utterance"]}
    for word in words[words["utterance"].isin(sentences)].itertuples(index=False):
        sentences[word.utterance].append(word)
    rows = [(name, *row) for name, sentence in sentences.items() for row in _sentence_cues(sentence)]
    return pd.DataFrame(rows, columns=list(CUE_COLUMNS))


def has_cues(segments: pd.DataFrame) -> bool:
    """Return whether the words have the syntax columns that :func:`cues` needs, and any word has a number."""
    return set(_SYNTAX) <= set(segments.columns) and bool(segments["number"].isin(_NUMBERS).any())


def cue_spans(segments: pd.DataFrame, table: pd.DataFrame) -> pd.DataFrame:
    """Return a table of cues with onset and offset, in samples, of each target and cue."""
    words = segments.loc[segments["tier"] == "word", ["utterance", "index", "onset", "offset"]]
    for which in ("target", "cue"):
        names = {column: f"{which}_{column}" for column in ("index", "onset", "offset")}
        table = table.merge(words.rename(columns=names), on=["utterance", f"{which}_index"], how="left")
    return table


def close_span(waveform: np.ndarray, onset: int, offset: int, gap: int) -> np.ndarray:
    """Return a waveform with a span replaced by silence of a fixed length.

    The length of the silence is independent of the span, so it reveals nothing about the removed sound. The signal
    fades out and in over 5 ms outside the span, so that no part of the span remains and no click marks it.

    Parameters
    ----------
    waveform : [shape=(n_samples,)]
    onset, offset : bounds of the span, in samples
    gap : length of the silence, in samples

    Returns
    -------
    float32 array [shape=(n_samples - (offset - onset) + gap,)]

    Raises
    ------
    CorpusError
        The span is empty or not within the recording.
    """
    ((onset, offset),) = _checked([(onset, offset)], len(waveform))
    before, after = (np.array(part, dtype=np.float32) for part in (waveform[:onset], waveform[offset:]))
    fade = np.linspace(1, 0, _RAMP_SAMPLES + 2, dtype=np.float32)[1:-1]
    before[-_RAMP_SAMPLES:] *= fade[-len(before) :] if len(before) else 1
    after[:_RAMP_SAMPLES] *= fade[::-1][: len(after)]
    return np.concatenate([before, np.zeros(gap, dtype=np.float32), after])


def cut_spans(waveform: np.ndarray, spans: Iterable[tuple[int, int]]) -> list[np.ndarray]:
    """Return the samples of each (onset, offset) span, as for a word without its context."""
    return [np.array(waveform[onset:offset]) for onset, offset in _checked(spans, len(waveform))]


def _given_cues(segments: pd.DataFrame, utterances: pd.DataFrame) -> pd.DataFrame:
    given = segments["cue"].fillna(-1).astype(int)  # the index of stored activations also has rows of other tiers
    words = segments.assign(cue_index=given, other="")[(segments["tier"] == "word") & (given >= 0)]
    words = words[words["utterance"].isin(utterances["utterance"])]
    words = words.rename(columns={"index": "target_index", "pos": "target_pos", "label": "word"})
    return words[list(CUE_COLUMNS)].reset_index(drop=True)


def _checked(spans: Iterable[tuple[int, int]], n_samples: int) -> Iterator[tuple[int, int]]:
    for onset, offset in spans:
        if not 0 <= onset < offset <= n_samples:
            raise CorpusError(
                f"expected spans within the recording of {n_samples} samples, found {onset}–{offset}; "
                "take them from the segments of the same utterance"
            )
        yield int(onset), int(offset)


def _with_sounds(segments: pd.DataFrame) -> pd.DataFrame:
    """Return the words in order with ``sound``, the phones that begin in each, and whether a vowel follows."""
    columns = ["utterance", "index", "label", "onset", "offset", *_SYNTAX]
    words = segments.loc[segments["tier"] == "word", columns].sort_values(["utterance", "index"], kind="stable")
    phones = segments.loc[segments["tier"] == "phone", ["utterance", "label", "onset"]].sort_values(
        "onset", kind="stable"
    )
    codes = pd.factorize(pd.concat([words["utterance"], phones["utterance"]]))[0].astype(np.int64) << 40
    starts = codes[: len(words)] + words["onset"].to_numpy()
    order = np.argsort(starts)
    times = codes[len(words) :] + phones["onset"].to_numpy()
    places = order[np.searchsorted(starts, times, side="right", sorter=order) - 1]
    within = (times >= starts[places]) & (
        times < starts[places] + (words["offset"] - words["onset"]).to_numpy()[places]
    )
    sounds: list[list[str]] = [[] for _ in range(len(words))]
    for place, label in zip(places[within], phones["label"].to_numpy()[within]):
        sounds[place].append(label)
    following = [*sounds[1:], []]
    last = words["utterance"].to_numpy() != words["utterance"].shift(-1).to_numpy()
    vowel = [bool(phones) and phone_class(phones[0]) == "vowel" for phones in following]
    return words.assign(sound=[" ".join(phones) for phones in sounds], vowel_follows=np.array(vowel) & ~last)


def _with_forms(words: pd.DataFrame) -> pd.DataFrame:
    """Add ``audible`` (number may be audible in the word) and ``other`` (its spelling in the other number, or "")."""
    forms: dict[tuple[str, str, str], tuple[set[str], set[str]]] = defaultdict(lambda: (set(), set()))
    for row in words[words["number"].isin(_NUMBERS)].itertuples(index=False):
        spellings, sounds = forms[row.pos, row.lemma, row.number]
        spellings.add(row.label)
        sounds.add(row.sound)
    audible, other = [], []
    for row in words.itertuples(index=False):
        spellings, sounds = forms.get((row.pos, row.lemma, _NUMBERS[row.number == "singular"]), (set(), set()))
        audible.append(row.number in _NUMBERS and (row.sound not in sounds or (row.vowel_follows and row.pos != "DET")))
        other.append(next(iter(spellings)) if len(spellings) == 1 else "")
    return words.assign(audible=audible, other=other)


def _sentence_cues(words: Sequence[Any]) -> Iterator[tuple[int, str, int, str, str, str]]:
    """Yield (target_index, target_pos, cue_index, number, word, other) for each target of a sentence."""
    children = defaultdict(list)
    for word in words:
        children[word.head].append(word)
    for word in words:
        if word.pos not in ("NOUN", "VERB") or word.number not in _NUMBERS or word.audible or not word.other:
            continue
        subjects = [child for child in children[word.index] if child.relation == "nsubj" and child.pos == "NOUN"]
        nouns = [word] if word.pos == "NOUN" else subjects
        determiners = [child for noun in nouns for child in children[noun.index] if child.relation == "det"]
        if len(nouns) != 1 or len(determiners) != 1 or not determiners[0].audible or word.other == word.label:
            continue
        if not any(other.audible for other in (nouns[0], *_agreeing(nouns[0], words, children))):
            yield word.index, word.pos, determiners[0].index, word.number, word.label, word.other


def _agreeing(noun: Any, words: Sequence[Any], children: Mapping[int, Sequence[Any]]) -> Iterator[Any]:
    """Yield the words that agree with a noun in number, except determiners: modifiers, predicate, relative clause."""
    queue = [child for child in children[noun.index] if child.relation in _AGREEING]
    queue += [word for word in words if noun.relation == "nsubj" and word.index == noun.head]
    while queue:
        word = queue.pop()
        yield word
        queue += [child for child in children[word.index] if child.relation in ("cop", "aux", "conj")]
