import espeakng_loader
import numpy as np
import pytest

from auscult.corpora.synthesis import espeak
from auscult.errors import ConfigError


def test_the_same_words_give_the_same_samples_whatever_was_said_before():
    settings = ("formant 1 110 90 120", "breath 0 3 3 3 3 3 3 3", "roughness 2")
    first = espeak.speak(["the", "dog", "barks"], "en-us", settings)
    espeak.speak(["iets", "anders"], "nl", ("formant 1 95 110 90",))
    second = espeak.speak(["the", "dog", "barks"], "en-us", settings)
    assert np.array_equal(first.samples, second.samples)
    assert first.phones == second.phones


@pytest.mark.parametrize(
    ("language", "text"),
    [
        ("en-us", "the boy of the town is in the garden and there was a cat on the table with the dog"),
        ("nl", "de hond ziet dat het meisje in de tuin van de boer loopt"),
        ("cmn-latn-pinyin", "wo3 men5 kan4 le5 nv3 hai2 zi5"),
        ("fr", "les enfants de la fille mangent des pommes dans le jardin"),
    ],
)
def test_every_word_has_phones_of_its_own_even_where_espeak_would_merge_words(language, text):
    tokens = text.split()
    phones = [phone for phone in espeak.speak(tokens, language).phones if phone.symbol]
    assert list(dict.fromkeys(phone.token for phone in phones)) == list(range(len(tokens)))


def test_phones_start_in_order_and_within_the_audio():
    speech = espeak.speak(["hello", "there"], "en-us")
    onsets = [phone.onset for phone in speech.phones]
    assert onsets == sorted(onsets)
    assert onsets[-1] <= len(speech.samples)
    assert speech.sample_rate_hz == 22050


def test_a_pitch_setting_doubles_the_pitch():
    from parselmouth import Sound

    def pitch_hz(low):
        speech = espeak.speak(["mama"] * 3, "en-us", (f"pitch {low} {1.2 * low:.0f}",))
        found = Sound(speech.samples.astype(float), speech.sample_rate_hz).to_pitch(0.01, 50, 500)
        voiced = found.selected_array["frequency"]
        return np.median(voiced[voiced > 0])

    assert pitch_hz(200) / pitch_hz(100) == pytest.approx(2, rel=0.05)


def test_an_unknown_language_is_named():
    with pytest.raises(ConfigError, match="expected a language of eSpeak NG, found 'xx'; correct 'espeak'"):
        espeak.speak(["a"], "xx")


def test_a_missing_library_is_one_line(monkeypatch, tmp_path):
    monkeypatch.setattr(espeakng_loader, "get_library_path", lambda: str(tmp_path / "libespeak-ng.so"))
    with pytest.raises(ConfigError, match=r"expected the eSpeak NG library, found: .*; install the packages"):
        espeak.speak(["a"], "en-us")


def test_missing_data_is_one_line(monkeypatch, tmp_path):
    monkeypatch.setattr(espeak, "_data_folder", lambda: tmp_path)
    with pytest.raises(ConfigError, match=r"expected eSpeak NG's data in .*, found none that it can use; install"):
        espeak.speak(["a"], "en-us")
