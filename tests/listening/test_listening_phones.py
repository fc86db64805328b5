"""The phone probe of the listening page: planted phones are heard, and only in voices that it was not fitted on."""

import numpy as np
import pytest
import soundfile
import torch
from listening_cases import corpus

from auscult.errors import AnalysisError
from auscult.listening.phones import PAUSE, frame_labels, hear_phones
from auscult.listening.settings import ListenSettings
from auscult.models.frames import FrameTiming

SETTINGS = ListenSettings(models=("m",), lanes=("probe",), n_frames=400)
TIMING = FrameTiming(400, 320)


class Planted:
    """A model whose first layer is noise and whose second layer holds the phone, possibly in the speaker's own code."""

    name, sample_rate_hz, layers, timing = "planted", 16000, ("noise", "phone"), TIMING

    def __init__(self, speech, by_speaker=False):
        self.by_speaker, self.generator = by_speaker, np.random.default_rng(1)
        self.known = {len(speech.waveform(name)): name for name in speech.utterances["utterance"]}
        self.speech = speech

    def frames(self, waveforms):
        (waveform,) = waveforms
        name = self.known[len(waveform)]
        n = int(TIMING.n_frames(len(waveform)))
        rows = self.speech.segments[
            (self.speech.segments["utterance"] == name) & (self.speech.segments["tier"] == "phone")
        ]
        codes = np.array([["a", "b", PAUSE].index(label) for label in frame_labels(rows, TIMING, n)])
        speaker = int(self.speech.utterances.set_index("utterance").loc[name, "speaker"][1:])
        x = np.zeros((n, 12))
        x[np.arange(n), codes + (3 * speaker if self.by_speaker else 0)] = 1
        x += self.generator.normal(0, 0.05, x.shape)
        return {"noise": [torch.randn(n, 4)], "phone": [torch.from_numpy(x)]}


def spoken(folder, n_utterances=8, **more):
    """Return a corpus in which every recording has a length of its own, by which the planted model finds it."""
    speech = corpus(folder, n_utterances, n_speakers=4, **more)
    for place, row in speech.utterances.iterrows():
        speech.utterances.loc[place, "n_samples"] = row["n_samples"] - place
        path = folder / row["path"]
        samples, rate = soundfile.read(path)
        soundfile.write(path, samples[: len(samples) - place], rate, subtype="PCM_16")
    return speech


def test_a_frame_has_the_phone_that_contains_its_centre(tmp_path):
    speech = corpus(tmp_path, 1)
    phones = speech.segments[speech.segments["tier"] == "phone"]
    labels = frame_labels(phones, TIMING, 49)
    centres = TIMING.centres(49) / 2
    for label, centre in zip(labels, centres):
        inside = phones[(phones["onset"] <= centre) & (centre < phones["offset"])]
        assert label == (inside["label"].iloc[0] if len(inside) else PAUSE)
    assert set(labels) == {"a", "b", PAUSE}


def test_planted_phones_are_heard_where_they_are(tmp_path):
    speech = spoken(tmp_path)
    lane = hear_phones(Planted(speech), speech, speech.utterances, SETTINGS)
    assert lane.classes == ("a", "b", PAUSE)
    assert lane.best_layer() == 1
    assert lane.accuracy[1] == 1.0
    assert lane.chance == pytest.approx(0.5, abs=0.02)
    assert lane.accuracy[0] < 0.8
    heard = lane.heard["french-0"]
    assert heard.p_true[1].min() > 0.8
    np.testing.assert_array_equal(heard.top[1, :, 0], heard.truth)
    np.testing.assert_allclose(heard.p_top.sum(axis=2), 1, atol=1e-5)  # three classes in all
    assert min(lane.mean_probability(1).values()) > 0.8


def test_no_voice_helps_to_hear_itself(tmp_path):
    speech = spoken(tmp_path)
    lane = hear_phones(Planted(speech, by_speaker=True), speech, speech.utterances, SETTINGS)
    assert lane.accuracy[1] < 0.9  # with the speaker's own frames it would be 1


def test_a_single_speaker_is_refused(tmp_path):
    speech = corpus(tmp_path, 2, n_speakers=1)
    with pytest.raises(AnalysisError, match=r"expected at least two speakers for a probe .* found 1 in 2 utterances"):
        hear_phones(Planted(speech), speech, speech.utterances, SETTINGS)


def test_a_corpus_without_phones_is_refused(tmp_path):
    speech = spoken(tmp_path, 4)
    speech.segments.drop(speech.segments.index[speech.segments["tier"] == "phone"], inplace=True)
    with pytest.raises(AnalysisError, match="expected phones in 4 utterances of corpus 'french' for the lane probe"):
        hear_phones(Planted(speech), speech, speech.utterances, SETTINGS)
