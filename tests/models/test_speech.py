"""Layers of every family: equal to the stock model, with the right times, and independent of the batch."""

import numpy as np
import pytest
import torch
from tiny_models import ENCODERS, tiny_encoder
from torch.nn.utils.rnn import pad_sequence

from auscult.errors import AudioError
from auscult.models.frames import FrameTiming
from auscult.models.speech import SpeechModel

# Rounding of float32 products that run in another order when shapes differ; activations are of order 1.
TOLERANCE = 2e-5
CONVOLUTIONAL = [name for name in ENCODERS if name not in ("whisper", "wav2vec2-bert")]
RAW = {"do_normalize": False}


def noise(n_samples, seed=0):
    return np.random.default_rng(seed).normal(0, 0.1, n_samples).astype(np.float32)


WAVEFORMS = [noise(5000, 1), noise(9000, 2), noise(5000, 3), noise(7311, 4)]


@pytest.mark.parametrize("name", ENCODERS)
def test_batched_frames_equal_single_frames(name):
    model = SpeechModel(tiny_encoder(name))
    batched = model.frames(WAVEFORMS)
    for i, waveform in enumerate(WAVEFORMS):
        for layer, single in model.frames([waveform]).items():
            torch.testing.assert_close(batched[layer][i], single[0], atol=TOLERANCE, rtol=0)


@pytest.mark.parametrize("name", CONVOLUTIONAL)
def test_layers_are_those_of_the_stock_model(name):
    encoder = tiny_encoder(name)
    frames = SpeechModel(encoder, RAW).frames(WAVEFORMS)
    stock = encoder(torch.from_numpy(WAVEFORMS[1])[None], output_hidden_states=True)
    cnn = encoder.feature_extractor(torch.from_numpy(WAVEFORMS[1])[None]).transpose(1, 2)
    expected = [cnn[0], *(hidden[0] for hidden in stock.hidden_states[:-1]), stock.last_hidden_state[0]]
    assert list(frames) == ["cnn", "embed", "T1", "T2"]
    for layer, want in zip(frames, expected, strict=True):
        if len(want) < len(cnn[0]):  # pooled in pairs before the blocks: 27 frames give 13, the last of three times
            want = torch.cat([want.repeat_interleave(2, dim=0), want[-1:]])
        torch.testing.assert_close(frames[layer][1], want, atol=TOLERANCE, rtol=0)


def test_a_recording_too_short_for_pooled_frames_is_refused():
    with pytest.raises(AudioError, match=r"expected at least 2 frames, which 'sew' pools, found 400 samples"):
        SpeechModel(tiny_encoder("sew"), RAW).frames([noise(400)])


def test_frames_of_an_architecture_found_by_its_roles_have_their_times():
    for name in ("sew", "wav2vec2-conformer", "unispeech"):
        model = SpeechModel(tiny_encoder(name), RAW)
        click = noise(16000, 5)
        click[8000:8040] += 5
        moved = (model.frames([click])["cnn"][0] - model.frames([noise(16000, 5)])["cnn"][0]).norm(dim=1)
        assert abs(model.timing.centres(len(moved))[int(moved.argmax())] / 2 - 8020) <= 200, name


@pytest.mark.parametrize("n_samples", [9000, 8999 - 160])
def test_layers_of_wav2vec2_bert_are_those_of_the_stock_model_and_extractor(n_samples):
    encoder = tiny_encoder("wav2vec2-bert")
    model = SpeechModel(encoder)
    frames = model.frames([noise(n_samples)])
    inputs = model._extractor(noise(n_samples), sampling_rate=16000, return_tensors="pt")
    stock = encoder(**inputs, output_hidden_states=True)
    expected = [inputs["input_features"], *stock.hidden_states[:-1], stock.last_hidden_state]
    n_real = int(inputs["attention_mask"].sum())
    assert n_real == model.timing.n_frames(n_samples)
    for layer, want in zip(frames, expected, strict=True):
        torch.testing.assert_close(frames[layer][0], want[0, :n_real], atol=TOLERANCE, rtol=0)


def test_layers_of_whisper_are_those_of_the_stock_model_without_the_padding():
    encoder = tiny_encoder("whisper")
    model = SpeechModel(encoder)
    frames = model.frames([noise(9000)])
    mel = model._extractor(noise(9000), sampling_rate=16000, return_tensors="pt")["input_features"]
    stock = encoder(mel, output_hidden_states=True)
    cnn = stock.hidden_states[0] - encoder.embed_positions.weight
    expected = [cnn, *stock.hidden_states[:-1], stock.last_hidden_state]
    for layer, want in zip(frames, expected, strict=True):
        torch.testing.assert_close(frames[layer][0], want[0, :29], atol=TOLERANCE, rtol=0)


def test_the_last_layer_has_had_the_final_norm_where_there_is_one():
    for name in ("wav2vec2-layer-norm", "wavlm-layer-norm", "whisper"):
        last = SpeechModel(tiny_encoder(name)).frames([noise(9000)])["T2"][0]
        torch.testing.assert_close(last.mean(dim=1), torch.zeros(len(last)), atol=1e-5, rtol=0)


def test_naive_padding_changes_every_frame_of_a_group_norm_model_and_is_avoided():
    encoder = tiny_encoder("wav2vec2")
    padded = pad_sequence([torch.from_numpy(waveform) for waveform in WAVEFORMS], batch_first=True)
    alone = encoder(torch.from_numpy(WAVEFORMS[0])[None]).last_hidden_state[0]
    mask = (torch.arange(9000) < torch.tensor([[len(w)] for w in WAVEFORMS])).long()
    for attention_mask in (None, mask):
        naive = encoder(padded, attention_mask=attention_mask).last_hidden_state[0, : len(alone)]
        assert (naive - alone).abs().amax(dim=1).min() > 1000 * TOLERANCE
    ours = SpeechModel(encoder, RAW).frames(WAVEFORMS)["T2"][0]
    assert (ours - alone).abs().max() < TOLERANCE


def test_padding_stays_silent_in_a_stack_of_positional_convolutions():
    model = SpeechModel(tiny_encoder("data2vec-audio"))
    hooked = model.frames(WAVEFORMS)["embed"][0]
    cnn = model.front_end(WAVEFORMS)
    lengths = torch.tensor([len(frames) for frames in cnn])
    mask = torch.arange(int(lengths.max())) < lengths[:, None]
    hidden = model.encoder.feature_projection(pad_sequence(cnn, batch_first=True))[0]
    hidden = hidden * mask[..., None]
    stock = model.encoder.encoder.layer_norm(hidden + model.encoder.encoder.pos_conv_embed(hidden))
    assert (stock[0, : len(hooked)] - hooked).abs().max() > 100 * TOLERANCE


@pytest.mark.parametrize("name", CONVOLUTIONAL)
def test_a_frame_sees_exactly_its_receptive_field(name):
    encoder = tiny_encoder(name, feat_extract_activation="gelu")
    model = SpeechModel(encoder)
    front = encoder.feature_extractor
    for layer in front.conv_layers:
        if isinstance(getattr(layer, "layer_norm", None), torch.nn.GroupNorm):
            layer.layer_norm = torch.nn.Identity()
    waveform = torch.from_numpy(noise(3000)).requires_grad_()
    for i in (0, 3, 7):
        (gradient,) = torch.autograd.grad(front(waveform[None])[0, :, i].sum(), waveform)
        seen = torch.nonzero(gradient).flatten()
        first, end = int(seen.min()), int(seen.max()) + 1
        assert first + end == model.timing.centres(8)[i]
        assert end - first == model.timing.receptive_field_samples


@pytest.mark.parametrize("name", ["whisper", "wav2vec2-bert"])
def test_a_click_moves_the_frames_around_its_time(name):
    model = SpeechModel(tiny_encoder(name))
    still, at = noise(16000), 8000
    still[2000] = 5.0  # the loudest instant, so that the ceiling of Whisper's range does not move with the click
    clicked = still.copy()
    clicked[at] += 0.5
    before, after = (model.frames([waveform])["cnn"][0] for waveform in (still, clicked))
    if name == "wav2vec2-bert":  # its filterbank is normalised over the utterance: undo what that does to all frames
        before, after = (x - x[40:].mean(dim=0) for x in (before, after))
    moved = (after - before).abs().amax(dim=1)
    loud = torch.nonzero(moved > 0.3 * moved.max()).flatten().double()
    centres = model.timing.centres(len(moved)) / 2
    half = model.timing.receptive_field_samples / 2
    assert set(loud.int().tolist()) <= set(np.flatnonzero(np.abs(centres - at) <= half).tolist())
    assert abs(centres[loud.int().numpy()].mean() - at) <= model.timing.hop_samples / 2


def test_timings_of_the_families():
    timings = [SpeechModel(tiny_encoder(name)).timing for name in ("hubert", "wav2vec2-bert", "whisper")]
    assert timings == [FrameTiming(400, 320), FrameTiming(560, 320), FrameTiming(1040, 320, -520)]


@pytest.mark.parametrize("name", ENCODERS)
@pytest.mark.parametrize("n_samples", [1040, 1199, 1200, 5000])
def test_the_number_of_frames_is_the_one_that_the_timing_states(name, n_samples):
    model = SpeechModel(tiny_encoder(name))
    frames = model.frames([noise(n_samples)])
    assert {len(frames[layer][0]) for layer in model.layers} == {model.timing.n_frames(n_samples)}


def test_normalisation_is_over_the_waveform_alone_and_follows_the_settings():
    quiet = [0.01 * waveform + 0.3 for waveform in WAVEFORMS]
    normalised = SpeechModel(tiny_encoder("wav2vec2-layer-norm"), {"do_normalize": True})
    raw = SpeechModel(tiny_encoder("wav2vec2-layer-norm"), RAW)
    by_hand = [(waveform - waveform.mean()) / np.sqrt(waveform.var() + 1e-7) for waveform in quiet]
    torch.testing.assert_close(normalised.frames(quiet)["T2"][0], raw.frames(by_hand)["T2"][0], atol=TOLERANCE, rtol=0)
    assert (raw.frames(quiet)["T2"][0] - raw.frames(by_hand)["T2"][0]).abs().max() > 0.1


def test_a_model_left_in_training_mode_drops_no_layer_and_masks_nothing():
    encoder = tiny_encoder("wav2vec2", mask_time_prob=0.5, layerdrop=1.0).train()
    frames = SpeechModel(encoder).frames([noise(9000)])
    again = SpeechModel(tiny_encoder("wav2vec2")).frames([noise(9000)])
    torch.testing.assert_close(frames["T2"], again["T2"], atol=0, rtol=0)


def test_a_waveform_shorter_than_the_receptive_field_is_refused():
    with pytest.raises(AudioError, match=r"expected at least 400 samples .* found 399 in waveform 1 of the batch"):
        SpeechModel(tiny_encoder("wav2vec2")).frames([noise(400), noise(399)])


def test_a_recording_longer_than_the_window_of_whisper_is_refused():
    with pytest.raises(
        AudioError, match=r"expected at most 32000 samples \(Whisper's window\), found 32001 in waveform 0"
    ):
        SpeechModel(tiny_encoder("whisper")).frames([noise(32001)])


def test_frames_come_in_the_dtype_asked_for():
    frames = SpeechModel(tiny_encoder("hubert"), dtype=torch.bfloat16).frames([noise(5000)])
    assert {x[0].dtype for x in frames.values()} == {torch.bfloat16}
