import numpy as np
import pytest

from auscult.corpora.synthesis.espeak import speak
from auscult.corpora.synthesis.voices import draw_voices
from auscult.errors import ConfigError


def _best_threshold_accuracy(values, is_female):
    order = np.argsort(values)
    labels = np.asarray(is_female)[order]
    n = len(labels)
    male_below = np.concatenate([[0], np.cumsum(~labels)])
    female_above = np.concatenate([[0], np.cumsum(labels[::-1])])[::-1]
    return max((male_below + female_above) / n)


def test_half_of_each_split_are_women_and_no_voice_is_in_two_splits():
    splits = {name: draw_voices(n, name, seed=1) for name, n in (("train", 60), ("valid", 4), ("test", 16))}
    names = [voice.name for voices in splits.values() for voice in voices]
    assert len(names) == len(set(names)) == 80
    assert all(2 * sum(voice.gender == "female" for voice in voices) == len(voices) for voices in splits.values())
    used = {name: {voice.variant for voice in voices} for name, voices in splits.items()}
    assert not used["train"] & used["test"]
    assert not used["train"] & used["valid"]
    assert not used["valid"] & used["test"]


def test_a_voice_does_not_depend_on_how_many_are_drawn():
    assert draw_voices(4, "test", seed=3) == draw_voices(20, "test", seed=3)[:4]
    assert draw_voices(4, "test", seed=3) != draw_voices(4, "test", seed=4)


def test_gender_is_in_the_vocal_tract_and_not_in_the_pitch():
    voices = draw_voices(400, "train", seed=0)
    is_female = [voice.gender == "female" for voice in voices]
    assert _best_threshold_accuracy([voice.pitch_hz for voice in voices], is_female) < 0.75
    assert _best_threshold_accuracy([voice.tract for voice in voices], is_female) == 1


def test_spoken_pitch_overlaps_between_genders_as_drawn():
    from parselmouth import Sound

    voices = draw_voices(24, "test", seed=2)
    measured = []
    for voice in voices:
        speech = speak(["every", "farmer", "knew", "the", "old", "wizard"], "en-us", voice.settings(), 170)
        sound = Sound(speech.samples.astype(float), speech.sample_rate_hz * voice.speed)
        pitch = sound.to_pitch(0.01, 60, 500).selected_array["frequency"]
        measured.append(np.median(pitch[pitch > 0]))
    # Intonation changes the median of a sentence by less than a fifth.
    assert np.allclose(measured, [voice.pitch_hz for voice in voices], rtol=0.2)
    assert _best_threshold_accuracy(measured, [voice.gender == "female" for voice in voices]) < 0.9


def test_an_odd_number_of_voices_is_refused():
    with pytest.raises(ConfigError, match=r"expected an even number of train voices .*, found 5; add one"):
        draw_voices(5, "train", seed=1)


def test_an_unknown_split_is_refused():
    with pytest.raises(ConfigError, match="expected a split among train, valid, test, found 'dev'"):
        draw_voices(2, "dev", seed=1)
