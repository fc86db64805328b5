from itertools import islice, pairwise

import numpy as np
import pytest

from auscult.corpora.mandarin import split_syllables
from auscult.corpora.phones import phone_class
from auscult.corpora.synthesis.espeak import PhoneEvent, Speech, speak
from auscult.corpora.synthesis.grammar import Word, read_grammar
from auscult.corpora.synthesis.labelling import TimedPhone, label_speech, phone_times
from auscult.corpora.synthesis.voices import draw_voices
from auscult.errors import LabelError

RATE_HZ = 22_050


def _speech(*events, silent=()):
    samples = np.full(RATE_HZ, 0.1, np.float32)
    for start, stop in silent:
        samples[start:stop] = 0
    return Speech(samples, RATE_HZ, tuple(PhoneEvent(*event) for event in events))


def _spoken(language, n_sentences):
    grammar = read_grammar(language)
    for words, voice in zip(grammar.sentences(0), islice(draw_voices(16, "test", 1), n_sentences)):
        tokens = [split_syllables(word.text) if grammar.toned else [word.text] for word in words]
        yield words, tokens, speak([token for word in tokens for token in word], grammar.espeak, voice.settings())


def _change(samples, boundary):
    """Return the spectral distance between the 8 ms before and after a sample, in log amplitude."""
    width = 176
    before, after = samples[boundary - width : boundary], samples[boundary : boundary + width]
    if min(len(before), len(after)) < width:
        return np.nan
    spectra = [np.log(np.abs(np.fft.rfft(part * np.hanning(width))) + 1e-2) for part in (before, after)]
    return np.linalg.norm(spectra[1] - spectra[0])


def test_a_stop_starts_with_its_closure():
    speech = _speech(("a", 0, 0), ("t", 5000, 0), ("", 6000, -1), silent=[(4000, 5000)])
    assert [(phone.label, phone.onset, phone.offset) for phone in phone_times(speech)] == [
        ("a", 0, 4000),
        ("t", 4000, 6000),
    ]


def test_a_vowel_after_a_nasal_starts_before_espeak_reports_it():
    first, second = phone_times(_speech(("n", 0, 0), ("ˈa", 2000, 0), ("", 6000, -1)))
    assert first.offset == second.onset == 2000 - int(0.02 * RATE_HZ)
    assert second.stress == "primary"


def test_a_liquid_without_length_takes_the_end_of_its_vowel():
    first, second = phone_times(_speech(("a", 0, 0), ("l", 4000, 0), ("", 4000, -1)))
    assert first.offset == second.onset == 4000 - int(0.04 * RATE_HZ)
    assert second.offset == 4000


def test_pauses_are_left_out():
    phones = phone_times(_speech(("a", 0, 0), ("", 3000, 0), ("s", 6000, 1), ("", 9000, -1)))
    assert [(phone.onset, phone.offset) for phone in phones] == [(0, 3000), (6000, 9000)]


def test_segments_of_a_sentence_nest():
    words = (Word("she", "PRON", 1, "nsubj", "singular", "she"), Word("yawned", "VERB", -1, "root", "", "yawn"))
    phones = [
        TimedPhone(label, "", token, i, i + 1) for i, (label, token) in enumerate(zip("ʃijɔnd", [0, 0, 1, 1, 1, 1]))
    ]
    rows = [{**segment, **extra} for segment, extra in label_speech(phones, words, [["she"], ["yawned"]], False)]
    found = [(row["tier"], row["label"], row["onset"], row["offset"], row["parent"]) for row in rows]
    assert ("syllable", "jɔnd", 2, 6, 1) in found
    assert ("word", "yawned", 2, 6, -1) in found
    assert ("phone", "n", 4, 5, 1) in found
    assert [row["head"] for row in rows if row["tier"] == "word"] == [1, -1]


def test_toned_syllables_carry_spoken_and_lexical_tone_and_onset():
    words = (Word("lao3ban3", "NOUN", -1, "root", "", "lao3ban3"),)
    phones = [TimedPhone(label, "", token, i, i + 1) for i, (label, token) in enumerate(zip("lupan", [0, 0, 1, 1, 1]))]
    rows = [
        extra
        for segment, extra in label_speech(phones, words, [["lao3", "ban3"]], True)
        if segment["tier"] == "syllable"
    ]
    assert [(row["tone"], row["lexical_tone"], row["onset_consonant"]) for row in rows] == [
        ("2", "3", "l"),
        ("3", "3", "b"),
    ]


def test_a_word_without_phones_is_refused():
    words = (Word("a", "DET", 1, "det", "", "a"), Word("dog", "NOUN", -1, "root", "", "dog"))
    with pytest.raises(LabelError, match=r"expected eSpeak to speak every word of 'a dog', found .* 'dog'; respell it"):
        list(label_speech([TimedPhone("ə", "", 0, 0, 9)], words, [["a"], ["dog"]], False))


@pytest.mark.parametrize("language", ["english", "dutch", "mandarin"])
def test_boundaries_sit_where_the_sound_changes(language):
    at_boundary, in_middle, moved = [], [], []
    for _, _, speech in _spoken(language, 12):
        phones = phone_times(speech)
        for left, right in pairwise(phones):
            if left.offset == right.onset:
                at_boundary.append(_change(speech.samples, right.onset))
                in_middle.append(_change(speech.samples, (right.onset + right.offset) // 2))
                moved.append(_change(speech.samples, right.onset + int(0.03 * RATE_HZ)))
    medians = [np.nanmedian(changes) for changes in (at_boundary, in_middle, moved)]
    assert len(at_boundary) > 150
    assert medians[0] > 1.8 * medians[1]
    assert medians[0] > 1.8 * medians[2]


def test_vowels_are_loud_and_closures_silent():
    ratios_db = []
    for _, _, speech in _spoken("english", 12):
        phones = phone_times(speech)
        for left, right in pairwise(phones):
            if phone_class(left.label) == "vowel" and right.label in "ptk" and left.offset == right.onset:
                before, after = (
                    speech.samples[part]
                    for part in (slice(right.onset - 330, right.onset), slice(right.onset, right.onset + 330))
                )
                ratios_db.append(10 * np.log10((np.mean(before**2) + 1e-10) / (np.mean(after**2) + 1e-10)))
    assert len(ratios_db) > 15
    assert np.mean(np.array(ratios_db) > 20) > 0.9


@pytest.mark.parametrize("language", ["english", "dutch", "mandarin", "french"])
def test_a_language_has_a_phone_inventory_of_ordinary_size(language):
    labels = {phone.label for _, _, speech in _spoken(language, 16) for phone in phone_times(speech)}
    assert 25 <= len(labels) <= 55
    assert {phone_class(label) for label in labels} >= {"vowel", "stop", "fricative", "nasal", "approximant"}
