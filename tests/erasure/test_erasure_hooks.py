import numpy as np
import pytest
import torch
from tiny_models import tiny_encoder
from transformers import HubertConfig, HubertForCTC

from auscult.erasure.erasers import Eraser
from auscult.erasure.hooks import erased, frames_reaching, hookable_layers
from auscult.errors import AnalysisError
from auscult.models.predictor import Predictor
from auscult.models.speech import SpeechModel

WAVEFORMS = [np.random.default_rng(seed).normal(size=n).astype(np.float32) for seed, n in enumerate([4000, 5200])]


def direction(width, seed=0, method="random"):
    """An eraser of one direction, and a vector along it."""
    along = np.random.default_rng(seed).normal(size=(width, 1))
    along /= np.linalg.norm(along)
    return Eraser(method, np.full(width, 0.25), along, along.T.copy(), 1, ("a", "b"))


def shifts(model, layers, erasers):
    """Change of frames by active erasers, by layer."""
    before = model.frames(WAVEFORMS)
    with erased(model, erasers):
        after = model.frames(WAVEFORMS)
    return {layer: max(float((a - b).abs().max()) for a, b in zip(before[layer], after[layer])) for layer in layers}


@pytest.fixture(scope="module", params=["hubert", "wav2vec2-layer-norm", "wavlm", "data2vec-audio"])
def model(request):
    return SpeechModel(tiny_encoder(request.param))


@pytest.mark.parametrize("place", ["cnn", "embed", "T1", "T2"])
def test_layers_behind_an_eraser_change_and_those_before_do_not(model, place):
    width = 16 if place == "cnn" else 32
    found = shifts(model, model.layers, {place: direction(width)})
    position = model.layers.index(place)
    # The front end returns its frames unchanged; the projection has received erased frames.
    assert all(found[layer] == 0 for layer in model.layers[:position])
    assert all(found[layer] > 1e-4 for layer in model.layers[max(position, 1) :])


@pytest.mark.parametrize("place", ["embed", "T1", "T2"])
def test_the_layer_itself_is_erased(model, place):
    eraser = direction(32)
    with erased(model, {place: eraser}):
        frames = model.frames(WAVEFORMS)[place]
    plain = model.frames(WAVEFORMS)[place]
    for found, before in zip(frames, plain):
        torch.testing.assert_close(found, eraser.apply(before))
        assert np.allclose(found.numpy() @ eraser.left, eraser.mean @ eraser.left, atol=1e-5)


def test_the_next_module_receives_erased_frames(model):
    eraser, received = direction(32), []
    second = list(model.encoder.encoder.layers)[1]
    hook = second.register_forward_pre_hook(
        lambda _, args, kwargs: received.append(args[0] if args else kwargs["hidden_states"]), with_kwargs=True
    )
    with erased(model, {"T1": eraser}):
        model.frames(WAVEFORMS[:1])
    hook.remove()
    assert np.allclose(received[0].numpy() @ eraser.left, eraser.mean @ eraser.left, atol=1e-5)


def test_frames_of_the_front_end_can_be_shared_by_conditions(model):
    eraser = direction(16)
    with erased(model, {"cnn": eraser}):
        expected = model.frames(WAVEFORMS)["T2"]
        found = model.frames(WAVEFORMS, front=model.front_end(WAVEFORMS))["T2"]
    by_hand = model.frames(WAVEFORMS, front=[eraser.apply(x) for x in model.front_end(WAVEFORMS)])["T2"]
    for one, other, third in zip(expected, found, by_hand):
        assert torch.equal(one, other)
        torch.testing.assert_close(one, third)


def test_several_layers_are_erased_at_once(model):
    erasers = {"embed": direction(32, 1), "T1": direction(32, 2), "T2": direction(32, 3)}
    with erased(model, erasers):
        frames = model.frames(WAVEFORMS[:1])
    for layer, eraser in erasers.items():
        assert np.allclose(frames[layer][0].numpy() @ eraser.left, eraser.mean @ eraser.left, atol=1e-5)


def test_the_model_is_as_before_afterwards(model):
    before = model.frames(WAVEFORMS)["T2"]
    with pytest.raises(AnalysisError), erased(model, {"T1": direction(5)}):
        model.frames(WAVEFORMS)
    assert all(torch.equal(one, other) for one, other in zip(before, model.frames(WAVEFORMS)["T2"]))


@pytest.mark.parametrize("layer", ["embed", "T1", "T2"])
def test_a_run_ends_at_the_requested_layer(model, layer):
    blocks, ran = list(model.encoder.encoder.layers), []
    hooks = [block.register_forward_hook(lambda *_, i=i: ran.append(i)) for i, block in enumerate(blocks, start=1)]
    with erased(model, {"cnn": direction(16)}):
        found = frames_reaching(model, layer, lambda: model.frames(WAVEFORMS))
        ran_until = list(ran)
        expected = model.frames(WAVEFORMS)[layer]
    for hook in hooks:
        hook.remove()
    assert ran_until == list(range(1, 1 + model.layers.index(layer) - 1))
    assert all(torch.equal(rows[: len(each)], each) for rows, each in zip(found, expected))


def test_a_recogniser_reads_erased_frames():
    model, _ = recogniser()
    batch = torch.from_numpy(WAVEFORMS[0])[None]
    eraser, received = direction(32), []
    hook = model.model.lm_head.register_forward_pre_hook(lambda _, args: received.append(args[0]))
    with erased(model, {"T2": eraser}), torch.inference_mode():
        model.from_waveform(batch)
    hook.remove()
    assert np.allclose(received[0][0].numpy() @ eraser.left, eraser.mean @ eraser.left, atol=1e-5)


def test_the_head_reads_the_last_layer():
    model, _ = recogniser()
    frames = model.encoder.frames(WAVEFORMS[:1])["T2"][0]
    expected = model.from_waveform(model.prepare(WAVEFORMS[0])[None])[0]
    torch.testing.assert_close(model.head(frames), expected, rtol=1e-4, atol=1e-5)


def test_predictor_and_its_model_have_the_same_layers():
    model, encoder = recogniser()
    assert (
        hookable_layers(model)
        == hookable_layers(model.model)
        == hookable_layers(encoder)
        == ("cnn", "embed", "T1", "T2")
    )


def test_an_unknown_layer_is_refused(model):
    with (
        pytest.raises(AnalysisError, match="expected layers among cnn, embed, T1, T2 to erase at, found 'T3'"),
        erased(model, {"T3": direction(32)}),
    ):
        pass


def test_an_eraser_of_another_width_names_the_layer(model):
    with (
        erased(model, {"T1": direction(9)}),
        pytest.raises(AnalysisError, match=r"layer T1: expected vectors of 9 dimensions, .* found 32"),
    ):
        model.frames(WAVEFORMS)


def test_a_model_without_such_an_encoder_is_refused():
    with pytest.raises(AnalysisError, match=r"expected a speech encoder of the wav2vec 2\.0 family .*, found SEWModel"):
        hookable_layers(SpeechModel(tiny_encoder("sew")))
    with pytest.raises(AnalysisError, match="found Wav2Vec2ConformerModel"):
        hookable_layers(SpeechModel(tiny_encoder("wav2vec2-conformer")))


def recogniser():
    encoder = tiny_encoder("hubert")
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(1)
        model = HubertForCTC(HubertConfig(**{**encoder.config.to_dict(), "vocab_size": 6}))
    return Predictor(model, ["<pad>", "|", "a", "b", "c", "d"]), model.hubert
