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


def test_no_two_voices_share_formants_or_other_properties():
    voices = [
        voice for n, name in ((120, "train"), (12, "valid"), (32, "test")) for voice in draw_voices(n, name, seed=1)
    ]
    assert len({voice.formants for voice in voices}) == len(voices)
    measured = np.array([[each.frequency for each in voice.formants[1:5]] for voice in voices], dtype=float)
    # A few eSpeak variants under many voices would show as repeated rows and correlated formants.
    assert np.abs(np.corrcoef(measured.T) - np.eye(4)).max() < 0.25
    assert min(np.abs(np.diff(np.sort([voice.tract for voice in voices])))) > 0


def test_a_voice_does_not_depend_on_how_many_are_drawn():
    assert draw_voices(4, "test", seed=3) == draw_voices(20, "test", seed=3)[:4]
    assert draw_voices(4, "test", seed=3) != draw_voices(4, "test", seed=4)


def test_the_genders_differ_and_overlap_in_every_property():
    voices = draw_voices(400, "train", seed=0)
    is_female = [voice.gender == "female" for voice in voices]
    for property_of, low, high in (("pitch_hz", 0.6, 0.75), ("tract", 0.9, 0.98), ("breath", 0.55, 0.65)):
        accuracy = _best_threshold_accuracy([getattr(voice, property_of) for voice in voices], is_female)
        assert low < accuracy < high, property_of


def test_the_resampling_gives_the_drawn_scale_of_the_formants():
    for voice in draw_voices(40, "train", seed=5):
        drawn = np.mean([formant.frequency for formant in voice.formants[1:4]]) / 100
        assert voice.speed * drawn == pytest.approx(voice.tract, rel=0.002)


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
