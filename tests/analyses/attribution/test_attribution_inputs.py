"""Views of an utterance: the same prediction from each, the right positions for each unit, silence that is silence."""

import numpy as np
import pandas as pd
import pytest
import torch
from tiny_predictors import noise, tiny_predictor

from auscult.analyses.attribution.inputs import INPUTS, frame_units, unit_spans, view_input
from auscult.errors import AnalysisError, LabelError

N_SAMPLES = 8050


@pytest.fixture(scope="module", params=["hubert-classes", "wav2vec2-ctc"])
def prepared(request):
    predictor = tiny_predictor(request.param)
    return predictor, predictor.prepare(noise(N_SAMPLES))


def units(*spans):
    onset, offset = np.array(spans).T
    return pd.DataFrame(
        {"index": range(len(spans)), "label": list("abcdef"[: len(spans)]), "onset": onset, "offset": offset}
    )


@pytest.mark.parametrize("name", INPUTS)
def test_every_view_gives_the_logits_of_the_waveform(prepared, name):
    predictor, waveform = prepared
    view = view_input(predictor, waveform, name)
    expected = predictor.from_waveform(waveform[None])
    torch.testing.assert_close(view.logits(torch.stack([view.values] * 2))[:1], expected, atol=1e-4, rtol=0)


@pytest.mark.parametrize("name", INPUTS)
def test_baselines_are_waveforms_seen_through_the_same_view(prepared, name):
    predictor, waveform = prepared
    view = view_input(predictor, waveform, name, seed=3)
    silence = predictor.from_waveform(torch.zeros_like(waveform)[None])
    torch.testing.assert_close(view.logits(view.baselines["silence"][None]), silence, atol=1e-4, rtol=0)
    assert all(baseline.shape == view.values.shape for baseline in view.baselines.values())
    again = view_input(predictor, waveform, name, seed=3)
    torch.testing.assert_close(view.baselines["noise"], again.baselines["noise"])


@pytest.mark.parametrize("name", INPUTS)
def test_gradients_reach_every_view_at_silence_too(prepared, name):
    predictor, waveform = prepared
    view = view_input(predictor, waveform, name)
    for values in (view.values, view.baselines["silence"]):
        batch = values[None].clone().requires_grad_()
        gradient = torch.autograd.grad(view.logits(batch).sum(), batch)[0]
        assert torch.isfinite(gradient).all()


def test_noise_lies_20_db_below_the_utterance(prepared):
    _, waveform = prepared
    noise_sd = view_input(*prepared, "waveform").baselines["noise"].std()
    assert float(noise_sd / waveform.std()) == pytest.approx(0.1, rel=0.05)


def test_an_unknown_input_is_refused_with_the_known_ones(prepared):
    with pytest.raises(AnalysisError, match="expected one of the inputs waveform, spectrogram, cnn, found 'mel'"):
        view_input(*prepared, "mel")


def test_units_take_the_positions_whose_centres_they_hold(prepared):
    words = units((0, 1000), (1000, 4000), (5000, 8050))
    spans = {name: unit_spans(view_input(*prepared, name), words, N_SAMPLES).tolist() for name in INPUTS}
    assert spans["waveform"] == [[0, 1000], [1000, 4000], [5000, 8050]]
    # Spectrogram frames have their centres at multiples of 100; the border at 1000 belongs to the first word.
    assert spans["spectrogram"] == [[0, 11], [11, 41], [50, 81]]
    # Model frames have theirs at 200 + 320 i.
    assert spans["cnn"] == [[0, 3], [3, 12], [15, 24]]


def test_a_unit_between_two_centres_shares_the_nearest_frame(prepared):
    spans = unit_spans(view_input(*prepared, "cnn"), units((0, 500), (530, 600), (600, 1000)), N_SAMPLES)
    assert spans.tolist() == [[0, 1], [1, 2], [1, 3]] or spans.tolist() == [[0, 1], [1, 2], [2, 3]]


@pytest.mark.parametrize(("span", "found"), [((900, 900), "'a' at samples 900–900"), ((9000, 9900), "9000–9900")])
def test_a_segment_without_a_frame_is_refused(prepared, span, found):
    with pytest.raises(LabelError, match=f"expected at least one frame in every segment .* found none in .*{found}"):
        unit_spans(view_input(*prepared, "waveform"), units(span), N_SAMPLES)


def test_an_utterance_without_segments_is_refused(prepared):
    with pytest.raises(LabelError, match="found no segment"):
        unit_spans(view_input(*prepared, "waveform"), units((0, 1)).iloc[:0], N_SAMPLES)


@pytest.mark.parametrize("hops", [1, 4])
def test_frames_tile_the_utterance_and_each_holds_as_many_centres(prepared, hops):
    predictor, _ = prepared
    frames = frame_units(predictor.timing, N_SAMPLES, hops)
    assert frames["onset"].iloc[0] == 0
    assert frames["offset"].iloc[-1] == N_SAMPLES
    np.testing.assert_array_equal(frames["onset"][1:], frames["offset"][:-1])
    spans = unit_spans(view_input(*prepared, "cnn"), frames, N_SAMPLES)
    assert set(np.diff(spans)[:-1, 0]) == {hops}
    assert spans[-1, 1] == predictor.timing.n_frames(N_SAMPLES)
