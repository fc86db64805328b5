import numpy as np
import pytest

from auscult.corpora.corpus import read_corpus
from auscult.corpora.synthesis.nonspeech import KINDS, draw_event, synthesise_nonspeech
from auscult.corpora.synthesis.speech import synthesise_corpus
from auscult.errors import ConfigError


@pytest.fixture(scope="module")
def corpus(tmp_path_factory):
    folder = tmp_path_factory.mktemp("nonspeech") / "sounds"
    synthesise_nonspeech(folder, corpus="sounds", utterances={"train": 16, "test": 16}, seed=1)
    return read_corpus(folder)


def _level_db(waveform):
    return 10 * np.log10(np.mean(np.square(waveform, dtype=np.float64)))


def test_equal_seeds_give_equal_bytes_whatever_the_number_of_workers(corpus, tmp_path):
    arguments = {"corpus": "sounds", "utterances": {"train": 16, "test": 16}}
    assert synthesise_nonspeech(tmp_path / "same", **arguments, seed=1, n_workers=2) == corpus.manifest
    assert synthesise_nonspeech(tmp_path / "other", **arguments, seed=2).files != corpus.manifest.files


def test_events_are_segments_of_every_kind_and_nobody_speaks(corpus):
    assert set(corpus.segments["label"]) == set(KINDS)
    assert set(corpus.segments["phone_class"]) == {"noise"}
    assert (
        set(corpus.utterances["gender"]) == set(corpus.utterances["language"]) == set(corpus.utterances["text"]) == {""}
    )
    assert corpus.utterances.groupby("split")["speaker"].nunique().tolist() == [8, 8]
    assert corpus.utterances.groupby("speaker")["split"].nunique().max() == 1


def test_lengths_and_levels_are_those_of_speech(corpus, tmp_path):
    synthesise_corpus(
        tmp_path / "toy", corpus="toy", languages=["english"], sentences={"test": 24}, voices={"test": 8}, seed=1
    )
    speech = read_corpus(tmp_path / "toy")
    lengths = [np.median(each.utterances["n_samples"]) / 16_000 for each in (speech, corpus)]
    levels = [
        np.median([_level_db(each.waveform(name)) for name in each.utterances["utterance"]])
        for each in (speech, corpus)
    ]
    assert abs(lengths[0] - lengths[1]) < 1
    assert abs(levels[0] - levels[1]) < 4


def test_a_tone_is_at_its_frequency_and_a_click_rings_briefly():
    generator = np.random.default_rng(0)
    spectrum = np.abs(np.fft.rfft(draw_event("tone", 8000, 440.0, generator)))
    assert np.argmax(spectrum) * 2 == 440
    click = draw_event("click", 8000, 1000.0, generator) ** 2
    assert np.mean(click > click.mean()) < 0.2


@pytest.mark.parametrize("kind", KINDS)
def test_every_kind_has_unit_power_and_its_length(kind):
    sound = draw_event(kind, 3200, 700.0, np.random.default_rng(1))
    assert sound.shape == (3200,)
    assert np.mean(sound**2) == pytest.approx(1)


def test_modulated_noise_swings_more_than_noise():
    def swing(kind):
        sound = draw_event(kind, 16_000, 1000.0, np.random.default_rng(2))
        blocks = np.sqrt(np.mean(sound.reshape(-1, 80) ** 2, axis=1))
        return blocks.std() / blocks.mean()

    assert swing("modulated_noise") > 1.3 * swing("noise")


def test_an_unknown_kind_is_refused():
    with pytest.raises(ConfigError, match=r"expected a kind of sound among noise, tone, .*, found 'song'; correct it"):
        draw_event("song", 100, 440.0, np.random.default_rng(0))


@pytest.mark.parametrize("utterances", [{}, {"dev": 3}, {"test": 0}])
def test_utterances_that_cannot_be_made_are_refused(utterances, tmp_path):
    with pytest.raises(ConfigError, match="expected a positive number of utterances for splits among train, valid"):
        synthesise_nonspeech(tmp_path / "none", corpus="none", utterances=utterances, seed=1)
    assert not list(tmp_path.iterdir())
