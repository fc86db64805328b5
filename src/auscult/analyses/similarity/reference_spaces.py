"""Reference spaces with which representations are compared, and the sample of items, the same for every model.

A reference space describes an item independently of a model: its acoustics, the identity of the phone or word, the
articulation of the phone, or the distribution of the word in texts.
"""

import hashlib
import re
from collections import Counter
from collections.abc import Collection, Iterable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from auscult.activations.interface import Activations
from auscult.analyses.similarity.settings import REFERENCES
from auscult.corpora.alphabets import choose_alphabet
from auscult.corpora.ipa import ipa_letters
from auscult.corpora.pauses import is_noise, is_pause
from auscult.corpora.phones import phone_class
from auscult.errors import AnalysisError

__all__ = [
    "REFERENCES",
    "ARTICULATORY_FEATURES",
    "sample_items",
    "match_items",
    "reference_space",
    "identity_space",
    "articulatory_space",
    "lexical_space",
    "cooccurrence_vectors",
    "read_vectors",
]

Array = npt.NDArray[Any]
_KEYS = ["utterance", "tier", "index"]

# Place of articulation, after the chart of the International Phonetic Association (2020).
_PLACES = {
    "labial": "pbmɸβwɥɓʙʘʍ",
    "labiodental": "fvɱʋⱱ",
    "dental": "θðǀ",
    "alveolar": "tdnszlɹɾrɫɬɮɗɺǃǁ",
    "postalveolar": "ʃʒɕʑǂ",
    "retroflex": "ʈɖɳʂʐɻɭɽᶑ",
    "palatal": "cɟɲçʝjʎɥɕʑʄ",
    "velar": "kɡgŋxɣɰwɠʟʍ",
    "uvular": "qʁχɢɴʀʛ",
    "glottal": "hɦʔ",
}
_VOICELESS = "ptkcqʔʈfsʃθxhʂɕχɸçɬʍʘǀǁǃǂ"
_ROUNDED = "yøœuoɔɒʊʉɵwɥʏɞʍ"
_LATERAL, _RHOTIC = "lɫɭʎɬɮʟɺǁ", "ɹɻɚɝrʁɾɽʀɺ"
# Height (0 open to 1 close) and backness (0 front to 1 back) of vowels on the same chart.
_VOWELS = {
    "i": (1, 0),
    "y": (1, 0),
    "ɨ": (1, 0.5),
    "ʉ": (1, 0.5),
    "ɯ": (1, 1),
    "u": (1, 1),
    "ɿ": (1, 0.3),
    "ʅ": (1, 0.5),
    "ɪ": (0.85, 0.2),
    "ʏ": (0.85, 0.2),
    "ʊ": (0.85, 0.85),
    "ᵻ": (0.85, 0.4),
    "e": (0.67, 0),
    "ø": (0.67, 0),
    "ɘ": (0.67, 0.5),
    "ɵ": (0.67, 0.5),
    "ɤ": (0.67, 1),
    "o": (0.67, 1),
    "ə": (0.5, 0.5),
    "ɚ": (0.5, 0.5),
    "ɛ": (0.33, 0),
    "œ": (0.33, 0),
    "ɜ": (0.33, 0.5),
    "ɝ": (0.33, 0.5),
    "ɞ": (0.33, 0.5),
    "ʌ": (0.33, 1),
    "ɔ": (0.33, 1),
    "æ": (0.17, 0),
    "ɐ": (0.17, 0.5),
    "a": (0, 0.2),
    "ɑ": (0, 1),
    "ɒ": (0, 1),
}
_MANNERS = ("vowel", "stop", "affricate", "fricative", "nasal", "approximant")
ARTICULATORY_FEATURES = (
    *_MANNERS,
    *_PLACES,
    "voiced",
    "aspirated",
    "lateral",
    "rhotic",
    "rounded",
    "height",
    "backness",
    "gliding",
)
_LETTER = re.compile(r"[^\W\d_]")


def sample_items(index: pd.DataFrame, tier: str, n_items: int, seed: int) -> Array:
    """Return positions of a random sample of labelled items of a tier, the same for every model of a corpus.

    Items are drawn by a hash of utterance, tier and number, so the sample depends neither on the order of the index nor
    on its other rows. Items without label (silence) are left out, except utterances, which have no label.

    Raises
    ------
    AnalysisError
        The tier has no items.
    """
    labelled = (index["label"].astype("string").fillna("") != "") | (tier == "utterance")
    rows = np.flatnonzero((index["tier"] == tier) & labelled)
    if not len(rows):
        tiers = ", ".join(index["tier"].unique())
        raise AnalysisError(f"similarity: expected labelled items of tier {tier!r}, found only the tiers {tiers}")
    keys = index[_KEYS].iloc[rows].astype(str).agg("\t".join, axis=1)
    drawn = [hashlib.blake2b(f"{seed}\t{key}".encode(), digest_size=8).digest() for key in keys]
    return np.sort(rows[np.argsort(np.array(drawn, dtype="S8"), kind="stable")[:n_items]])


def match_items(index: pd.DataFrame, rows: Array, other: pd.DataFrame, name: str) -> Array:
    """Return the positions of some rows of an index in the index of another model, called ``name`` in errors.

    Raises
    ------
    AnalysisError
        An item is missing in the other model.
    """
    places = pd.Series(np.arange(len(other)), index=pd.MultiIndex.from_frame(other[_KEYS]))
    found = places.reindex(pd.MultiIndex.from_frame(index[_KEYS].iloc[rows]))
    if found.isna().any():
        utterance, tier, number = found.index[found.isna()][0]
        raise AnalysisError(
            f"expected the same items in every model, found no {tier} {number} of utterance {utterance!r} in "
            f"{name!r} ({int(found.isna().sum())} of {len(rows)} are missing); extract both from the same corpus"
        )
    return found.to_numpy(dtype=np.int64)


def reference_space(
    index: pd.DataFrame,
    rows: Array,
    name: str,
    reference: Mapping[str, Any],
    others: Mapping[str, Activations],
    sentences: Iterable[str],
) -> Array:
    """Return the vectors of some rows of an index in a reference space [shape=(n, n_dims)], NaN where it has none.

    Parameters
    ----------
    index : of the activations
    rows : positions in it [shape=(n,)]
    name : of the reference, for errors
    reference : its ``space`` (one of :data:`REFERENCES`) with ``model``, ``column`` or ``path``, as the space needs
    others : activations by model; a reference uses the first layer (acoustic features have one layer)
    sentences : texts of the corpus

    Raises
    ------
    AnalysisError
        The space, column or model does not exist; see also :func:`lexical_space`, :func:`cooccurrence_vectors` and
        :func:`read_vectors`.
    LabelError
        Labels are in no alphabet of phones, or in two (space ``articulatory``).
    """
    table = index.iloc[rows]
    match reference["space"]:
        case "activations":
            other = others.get(reference["model"])
            if other is None:
                raise AnalysisError(
                    f"reference {name!r}: expected activations of model {reference['model']!r}, found "
                    f"{', '.join(others) or 'none'}; add it to the models of similarity"
                )
            return other.load(other.layers[0], match_items(index, rows, other.index, reference["model"]))
        case "identity":
            if reference["column"] not in table:
                raise AnalysisError(
                    f"reference {name!r}: expected column {reference['column']!r} in the index, found only "
                    f"{', '.join(table)}"
                )
            return identity_space(table[reference["column"]])
        case "articulatory":
            return articulatory_space(_sounds(index, table))
        case "cooccurrence":
            return lexical_space(table["label"], cooccurrence_vectors(sentences))
        case "vectors":
            return lexical_space(table["label"], read_vectors(reference["path"], set(table["label"])))
    raise AnalysisError(
        f"reference {name!r}: expected a space of {', '.join(REFERENCES)}, found {reference['space']!r}"
    )


def identity_space(labels: Iterable[str]) -> Array:
    """Return one-hot vectors of labels, NaN where there is none [shape=(n, n_labels)]."""
    texts = _as_texts(labels)
    names, codes = np.unique(texts, return_inverse=True)
    space = np.eye(len(names))[codes]
    space[texts == ""] = np.nan
    return space[:, names != ""]


def articulatory_space(phones: Iterable[str]) -> Array:
    """Return the articulatory features of phones in IPA [shape=(n, n_features)]; a pause has NaN.

    :data:`ARTICULATORY_FEATURES`: manner, place, voicing, aspiration, laterality, rhoticity and rounding as 0 or 1;
    height and backness of vowels from −0.5 to 0.5, 0 for consonants; gliding, the distance in height and backness
    between the two ends of a diphthong. A sequence written as one phone (``aɪ``, ``əl``, ``ʊŋ``) has the mean of its
    letters.

    Raises
    ------
    LabelError
        A label is not in IPA.
    """
    names, codes = np.unique(_as_texts(phones), return_inverse=True)
    table = np.stack([_features(str(name)) for name in names])
    return table[codes]


def _sounds(index: pd.DataFrame, table: pd.DataFrame) -> pd.Series:
    """Return the sounds of phones in IPA: as the corpus states them, else by the alphabet of all labels of the tier."""
    labels = pd.Series(_as_texts(table["label"]), index=table.index)
    silent = labels.map(lambda label: is_pause(label) or is_noise(label)).astype(bool)
    stated = pd.Series(_as_texts(table["ipa"]) if "ipa" in table else "", index=table.index)
    if (stated != "").any():
        return stated.mask(silent, "")
    tier = index[index["tier"].isin(table["tier"])] if "tier" in index else table
    counts = Counter(label for label in _as_texts(tier["label"]) if not (is_pause(label) or is_noise(label)))
    alphabet = choose_alphabet(counts, where="the labels of the articulatory space")
    phones = {label: alphabet.phone(label) for label in labels[~silent].unique()}
    return labels.map({label: phone.ipa if phone else label for label, phone in phones.items()}).fillna("")


def _as_texts(labels: Iterable[str]) -> Array:
    return pd.Series(labels).astype("string").fillna("").to_numpy(dtype=str)


def _features(phone: str) -> Array:
    kind = phone_class(phone)
    if kind in ("silence", "noise"):
        return np.full(len(ARTICULATORY_FEATURES), np.nan)
    letters = [
        letter for letter in ipa_letters(phone) if letter in _VOWELS or any(letter in on for on in _PLACES.values())
    ]
    if kind == "affricate":
        letters = letters[-1:]
    features = np.mean([_letter_features(letter) for letter in letters or ipa_letters(phone)[:1]], axis=0)
    named = dict(zip(ARTICULATORY_FEATURES, features))
    if kind == "affricate":
        named |= {"affricate": 1, "fricative": 0}
    named["aspirated"] = float("ʰ" in phone)
    ends = np.array([_VOWELS[letter] for letter in letters if letter in _VOWELS] or [(0, 0)])
    named["gliding"] = float(np.linalg.norm(ends[-1] - ends[0]))
    return np.array(list(named.values()))


def _letter_features(letter: str) -> list[float]:
    vowel = letter in _VOWELS
    manner = [float(phone_class(letter) == name) for name in _MANNERS]
    places = [float(not vowel and letter in on) for on in _PLACES.values()]
    height, backness = np.array(_VOWELS[letter]) - 0.5 if vowel else (0.0, 0.0)
    flags = [letter not in _VOICELESS, False, letter in _LATERAL, letter in _RHOTIC, letter in _ROUNDED]
    return [*manner, *places, *map(float, flags), height, backness, 0.0]


def lexical_space(words: Iterable[str], vectors: Mapping[str, Array]) -> Array:
    """Return the vector of each word, NaN where there is none [shape=(n, n_dims)].

    Raises
    ------
    AnalysisError
        No word has a vector.
    """
    texts = [str(word).lower() for word in words]
    known = sorted(set(texts) & set(vectors))
    if not known:
        raise AnalysisError(
            f"expected vectors of the corpus's words, found none of {len(set(texts))} words (such as {texts[0]!r}) "
            f"among {len(vectors)} vectors; check the language and the spelling"
        )
    missing = np.full(len(vectors[known[0]]), np.nan)
    return np.stack([vectors.get(word, missing) for word in texts])


def cooccurrence_vectors(
    sentences: Iterable[str], *, window: int = 2, n_dims: int = 50, max_words: int = 5000
) -> dict[str, Array]:
    """Return distributional word vectors, computed from co-occurrences in sentences.

    The positive pointwise mutual information of co-occurrence within ``window`` words is reduced by a singular value
    decomposition to U √Σ (Levy, Goldberg and Dagan, 2015, sections 2 and 3.3, without subsampling).

    Parameters
    ----------
    sentences : texts; case is ignored
    window : largest distance between two words that co-occur
    n_dims : dimensions of the vectors
    max_words : number of words with vectors, the most frequent first

    Raises
    ------
    AnalysisError
        No sentence has two words.
    """
    split = [re.findall(r"[\w'’-]+", str(sentence).lower()) for sentence in dict.fromkeys(sentences)]
    frequent = [word for word, _ in Counter(word for words in split for word in words).most_common(max_words)]
    place = {word: i for i, word in enumerate(sorted(frequent))}
    counts = np.zeros((len(place), len(place)))
    for words in split:
        at = [place.get(word, -1) for word in words]
        for distance in range(1, window + 1):
            near = [(i, j) for i, j in zip(at, at[distance:]) if min(i, j) >= 0]
            for i, j in near:
                counts[i, j] += 1
                counts[j, i] += 1
    if not counts.any():
        raise AnalysisError(
            f"expected sentences of at least two words, found none among {len(split)}; use another corpus"
        )
    expected = np.outer(counts.sum(axis=1), counts.sum(axis=0)) / counts.sum()
    ppmi = np.log(np.divide(counts, expected, where=counts > 0, out=np.ones_like(counts))).clip(0)
    left, strength, _ = np.linalg.svd(ppmi)
    vectors = left[:, :n_dims] * np.sqrt(strength[:n_dims])
    return {word: vectors[i] for word, i in place.items() if counts[i].any()}


def read_vectors(path: str | Path, words: Collection[str]) -> dict[str, Array]:
    """Read the vectors of some words from a text file in fastText's format (``.vec``); its other lines are skipped.

    The first line holds the number of words and of dimensions; each other line is a word and its numbers.

    Raises
    ------
    AnalysisError
        The file is missing, or a line of a wanted word does not hold one finite number per dimension.
    """
    wanted, path = {str(word).lower() for word in words}, Path(path)
    vectors: dict[str, Array] = {}
    if not path.is_file():
        raise AnalysisError(f"expected word vectors in {path}, found no such file; correct `path` of the reference")
    with open(path, encoding="utf-8", errors="replace", newline="\n") as stream:
        header = stream.readline().split()
        if len(header) != 2 or not all(part.isdecimal() for part in header):
            raise AnalysisError(
                f"expected the number of words and of dimensions in line 1 of {path}, found "
                f"{' '.join(header)[:60]!r}; is it a .vec file?"
            )
        for number, line in enumerate(stream, start=2):
            word, _, numbers = line.rstrip().partition(" ")
            if word.lower() in wanted and word.lower() not in vectors:
                vectors[word.lower()] = _parse(numbers, int(header[1]), f"line {number} of {path}")
    return vectors


def _parse(numbers: str, n_dims: int, where: str) -> Array:
    try:
        vector = np.array(numbers.split(), dtype=float)
    except ValueError:
        vector = np.empty(0)
    if vector.shape != (n_dims,) or not np.isfinite(vector).all():
        raise AnalysisError(
            f"expected {n_dims} finite numbers in {where}, found {numbers[:40]!r}; fetch the file again"
        )
    return vector
