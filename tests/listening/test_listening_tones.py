"""The tone probe of the listening page: planted tones are heard, in voices that it was not fitted on."""

import numpy as np
import pytest
import torch
from listening_cases import corpus

from auscult.errors import AnalysisError
from auscult.listening.selection import TONES, toned_syllables
from auscult.listening.settings import ListenSettings
from auscult.listening.tones import hear_tones
from auscult.models.frames import FrameTiming

SETTINGS = ListenSettings(models=("m",), lanes=("tone",))
TIMING = FrameTiming(400, 320)


class Planted:
    """A model whose first layer is noise and whose second layer holds the tone, possibly in the speaker's own code."""

    name, sample_rate_hz, layers, timing = "planted", 16000, ("noise", "tone"), TIMING

    def __init__(self, speech, by_speaker=False):
        self.by_speaker, self.generator = by_speaker, np.random.default_rng(1)
        self.asked = iter(toned_syllables(speech.segments).groupby("utterance", sort=False))
        self.speakers = speech.utterances.set_index("utterance")["speaker"]

    def frames(self, waveforms):
        name, rows = next(self.asked)
        n = int(TIMING.n_frames(len(waveforms[0])))
        x = np.zeros((n, 12))
        starts, stops, _ = TIMING.segment_frames(rows["onset"].to_numpy(), rows["offset"].to_numpy(), n)
        shift = 4 * int(self.speakers[name][1:]) if self.by_speaker else 0
        for start, stop, tone in zip(starts, stops, rows["tone"]):
            x[start:stop, TONES.index(tone) + shift] = 1
        x += self.generator.normal(0, 0.05, x.shape)
        return {"noise": [torch.randn(n, 4)], "tone": [torch.from_numpy(x)]}


@pytest.fixture
def speech(tmp_path):
    return corpus(tmp_path, 24, toned=True)


def test_planted_tones_are_heard_in_their_layer(speech):
    lane = hear_tones(Planted(speech), speech, speech.utterances, SETTINGS)
    assert (lane.classes, lane.best_layer()) == (TONES, 1)
    assert lane.accuracy[1] == 1.0
    assert lane.accuracy[0] < 0.6
    assert 0.25 <= lane.chance < 0.45
    first = lane.heard["french-0"]
    np.testing.assert_allclose(first.p.sum(axis=2), 1, atol=1e-5)
    assert [TONES[code] for code in first.truth] == list(first.syllables["tone"])
    assert min(lane.mean_probability(1).values()) > 0.8


def test_no_voice_helps_to_hear_itself(speech):
    lane = hear_tones(Planted(speech, by_speaker=True), speech, speech.utterances, SETTINGS)
    assert lane.accuracy[1] < 0.7  # with the speaker's own syllables it would be 1


def test_the_neutral_tone_is_left_out_and_an_utterance_without_others_has_no_lane(speech):
    neutral = speech.segments["utterance"] == "french-0"
    speech.segments.loc[neutral & (speech.segments["tier"] == "syllable"), "tone"] = "5"
    lane = hear_tones(Planted(speech), speech, speech.utterances, SETTINGS)
    assert "french-0" not in lane.heard
    assert len(lane.heard) == 23


def test_speech_without_tones_and_a_single_voice_are_refused(speech, tmp_path):
    message = "expected syllables of at least two tones in 2 utterances of corpus 'dutch' for the lane tone, found none"
    other = corpus(tmp_path / "other", 2, name="dutch")
    with pytest.raises(AnalysisError, match=message):
        hear_tones(Planted(other), other, other.utterances, SETTINGS)
    one = speech.utterances[speech.utterances["speaker"] == "s0"]
    with pytest.raises(AnalysisError, match=r"hears unseen voices, found 1 in 8 utterances .* take the lane tone out"):
        hear_tones(Planted(speech), speech, one, SETTINGS)
