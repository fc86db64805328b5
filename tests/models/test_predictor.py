"""Models with a head: logits of the stock model from waveforms and from frames, gradients, and checks on loading."""

import json

import numpy as np
import pytest
import torch
from tiny_models import CONVOLUTIONS, SIZES
from tiny_predictors import CLASSES, HEADS, TOKENS, noise, tiny_head, tiny_predictor
from transformers import (
    HubertConfig,
    HubertModel,
)

from auscult.errors import AnalysisError, AudioError, CheckpointError
from auscult.manifests import build_folder
from auscult.models.predictor import Predictor, load_predictor


def seal(folder, name="hubert-ctc", vocabulary=TOKENS, model=None):
    model = model or tiny_head(name)[0]
    with build_folder(folder, {}) as partial:
        model.save_pretrained(partial)
        (partial / "preprocessor_config.json").write_text(json.dumps({"do_normalize": True, "sampling_rate": 16000}))
        if vocabulary is not None:
            tokens = {token: i for i, token in reversed(list(enumerate(vocabulary)))}
            (partial / "vocab.json").write_text(json.dumps(tokens))
    return folder


@pytest.mark.parametrize("name", HEADS)
def test_logits_are_those_of_the_stock_model_from_waveform_and_from_frames(name):
    model, labels = tiny_head(name)
    batch = torch.from_numpy(np.stack([noise(8000, 1), noise(8000, 2)]))
    expected = model(batch).logits
    predictor = Predictor(model, labels)
    torch.testing.assert_close(predictor.from_waveform(batch), expected)
    torch.testing.assert_close(predictor.from_cnn(predictor.cnn(batch)), expected)
    torch.testing.assert_close(predictor.from_waveform(batch), expected)


@pytest.mark.parametrize("name", HEADS)
def test_gradients_reach_the_input_and_no_parameter(name):
    predictor = tiny_predictor(name)
    batch = torch.from_numpy(noise(6000))[None].requires_grad_()
    frames = predictor.cnn(batch)
    assert torch.autograd.grad(predictor.from_waveform(batch).sum(), batch)[0].abs().sum() > 0
    assert torch.autograd.grad(predictor.from_cnn(frames).sum(), frames)[0].abs().sum() > 0
    assert not any(parameter.requires_grad for parameter in predictor.model.parameters())


def test_a_waveform_in_a_batch_of_its_length_is_as_alone():
    predictor = tiny_predictor("hubert-classes")
    batch = torch.stack([predictor.prepare(noise(7000, seed)) for seed in range(3)])
    torch.testing.assert_close(predictor.from_waveform(batch)[1:2], predictor.from_waveform(batch[1:2]))


def test_a_prepared_waveform_is_the_encoder_s_input():
    predictor = tiny_predictor("hubert-ctc")
    frames = predictor.encoder.frames([noise(7000) + 0.3])["cnn"][0]
    torch.testing.assert_close(predictor.cnn(predictor.prepare(noise(7000) + 0.3)[None])[0], frames)


def test_a_loaded_checkpoint_has_its_task_and_labels(tmp_path):
    ctc = load_predictor(seal(tmp_path / "ctc"))
    assert (ctc.task, ctc.labels, ctc.blank, ctc.sample_rate_hz) == ("ctc", TOKENS, 0, 16000)
    classes = load_predictor(seal(tmp_path / "classes", "hubert-classes", vocabulary=None))
    assert (classes.task, classes.labels, classes.blank) == ("classes", CLASSES, None)
    assert classes.timing == classes.encoder.timing


def test_spelling_removes_repeats_and_blanks_and_turns_bars_into_spaces():
    predictor = tiny_predictor("hubert-ctc")
    assert predictor.spell([1, 2, 2, 0, 2, 3, 1, 1, 0, 4, 4, 1]) == "aab c"


def test_a_transcript_is_the_greedy_path_of_each_waveform_alone():
    predictor = tiny_predictor("hubert-ctc")
    waveforms = [noise(9000, 1), noise(7000, 2)]
    assert predictor.transcribe(waveforms) == [predictor.transcribe([w])[0] for w in waveforms]
    best = predictor.from_waveform(predictor.prepare(waveforms[0])[None])[0].argmax(-1)
    assert predictor.transcribe(waveforms[:1]) == [predictor.spell(best.tolist())]


def test_the_head_on_the_last_layer_spells_the_transcript():
    predictor = tiny_predictor("hubert-ctc")
    spelt = predictor.transcribe_layers(noise(6000))
    assert list(spelt) == list(predictor.encoder.layers[1:])
    assert spelt[predictor.encoder.layers[-1]] == predictor.transcribe([noise(6000)])[0]
    frames = predictor.encoder.frames([noise(6000)])["T1"][0]
    assert spelt["T1"] == predictor.spell(predictor.head(frames).argmax(-1).tolist())


def test_a_classifier_does_not_transcribe():
    with pytest.raises(AnalysisError, match="expected a model with a CTC head to transcribe, found a classifier"):
        tiny_predictor("hubert-classes").transcribe([noise(5000)])


def test_a_class_that_does_not_exist_is_named_beside_those_that_do():
    with pytest.raises(AnalysisError, match=r"model's classes \(female, male, other\), found 'child'"):
        tiny_predictor("hubert-classes").label_index("child")


def test_too_short_a_waveform_is_refused_before_the_model_runs():
    with pytest.raises(AudioError, match="expected at least 400 samples"):
        tiny_predictor("hubert-ctc").prepare(noise(399))


def test_a_model_without_a_head_is_refused(tmp_path):
    folder = seal(tmp_path / "m", model=HubertModel(HubertConfig(**(SIZES | CONVOLUTIONS))))
    with pytest.raises(CheckpointError, match=r"ForCTC or ForSequenceClassification .* found 'HubertModel' of hubert"):
        load_predictor(folder)


@pytest.mark.parametrize(
    ("vocabulary", "message"),
    [(None, "the letters of the CTC head, found no such file"), (TOKENS[:4], "found 4, none of index 4")],
)
def test_letters_must_fit_the_head(tmp_path, vocabulary, message):
    with pytest.raises(CheckpointError, match=message):
        load_predictor(seal(tmp_path / "m", vocabulary=vocabulary))
