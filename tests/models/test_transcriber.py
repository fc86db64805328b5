"""Whisper with its decoder: transcripts of the stock model, which follow what is erased inside the encoder."""

import json

import numpy as np
import pytest
import torch
from tiny_models import save_plain, tiny_model
from tiny_predictors import noise

from auscult.analyses.scrubbing.runs import WhisperRuns
from auscult.erasure.erasers import Eraser
from auscult.erasure.hooks import erased, hookable_layers
from auscult.errors import CheckpointError
from auscult.models.checkpoints import import_checkpoint
from auscult.models.tokens import word_tokenizer
from auscult.models.transcriber import load_transcriber

WAVEFORMS = [noise(9000, 1), noise(16000, 2), noise(5000, 3)]


@pytest.fixture
def folder(tmp_path):
    source = save_plain(tiny_model("whisper", init_std=0.5), tmp_path / "in")
    word_tokenizer([f"word{number}" for number in range(45)]).save_pretrained(source)
    import_checkpoint(tmp_path / "sealed", source=source)
    return tmp_path / "sealed"


def test_transcripts_are_those_of_the_stock_model(folder):
    transcriber = load_transcriber(folder)
    with torch.inference_mode():
        tokens = transcriber.model.generate(transcriber.features(WAVEFORMS), max_new_tokens=18)
    expected = transcriber._tokenizer.batch_decode(tokens, skip_special_tokens=True)
    assert transcriber.transcribe(WAVEFORMS) == expected
    assert any(expected)


def test_the_decoder_writes_from_the_last_states_what_it_writes_from_the_recording(folder):
    transcriber = load_transcriber(folder)
    expected = transcriber.encoder.frames(WAVEFORMS)
    for place, waveform in enumerate(WAVEFORMS):
        states = transcriber.encoder_states(transcriber.features([waveform]))
        for layer, found in zip(transcriber.encoder.layers[1:], states, strict=True):
            spoken = expected[layer][place]
            torch.testing.assert_close(found[: len(spoken)], spoken, atol=1e-4, rtol=0)
        torch.testing.assert_close(states[-1], transcriber.normalise(last_block(transcriber, waveform)))
        own = transcriber.transcribe([waveform])
        assert transcriber.transcribe_states(torch.stack([states[0], states[-1]]), len(waveform))[1:] == own


def last_block(transcriber, waveform):
    """Return the states of the last block before the final normalisation."""
    kept = []
    hook = transcriber.encoder.encoder.layers[-1].register_forward_hook(lambda _, __, output: kept.append(output))
    transcriber.encoder.frames([waveform])
    hook.remove()
    return (kept[0][0] if isinstance(kept[0], tuple) else kept[0]).reshape(-1, 32)


class Recordings:
    def waveform(self, name):
        return WAVEFORMS[int(name)]


class Zero(Eraser):
    """Replace every frame by zeros."""

    def __init__(self):
        pass

    def apply(self, frames):
        return frames * 0


def test_erasure_changes_later_layers_and_the_transcript(folder):
    transcriber = load_transcriber(folder)
    runs = WhisperRuns(transcriber, Recordings(), edge_ms=100, n_batch=2)
    assert runs.layers == hookable_layers(transcriber.encoder) == ("embed", "T1", "T2")
    before, texts = runs.run(["0", "1", "2"], {})
    after, changed = runs.run(["0", "1", "2"], {"T1": Zero()})
    assert before["embed"].shape == (3, 4, 32)
    assert np.array_equal(before["embed"], after["embed"])
    assert not after["T1"].any()
    assert not np.allclose(before["T2"], after["T2"])
    assert texts == transcriber.transcribe(WAVEFORMS[:2]) + transcriber.transcribe(WAVEFORMS[2:])
    with erased(transcriber.encoder, {"T1": Zero()}):
        assert changed[:2] == transcriber.transcribe(WAVEFORMS[:2])


def test_frames_of_a_layer_are_those_of_the_encoder_without_the_padding(folder):
    transcriber = load_transcriber(folder)
    runs = WhisperRuns(transcriber, Recordings(), edge_ms=100, n_batch=2)
    expected = transcriber.encoder.frames(WAVEFORMS)
    for layer in runs.layers:
        found = [rows for _, batch in runs.frames(["0", "1", "2"], layer, {}) for rows in batch]
        for one, want in zip(found, expected[layer], strict=True):
            torch.testing.assert_close(one, want, atol=1e-4, rtol=0)


def test_a_folder_without_tokenizer_or_decoder_is_refused(folder):
    plain = folder.parent / "in"
    (plain / "tokenizer.json").unlink()
    with pytest.raises(CheckpointError, match=r"expected .*in/tokenizer.json, found no such file"):
        load_transcriber(plain)
    config = json.loads((plain / "config.json").read_text()) | {"architectures": ["WhisperForAudioClassification"]}
    (plain / "config.json").write_text(json.dumps(config))
    with pytest.raises(CheckpointError, match=r"expected WhisperForConditionalGeneration .* found 'WhisperForAudio"):
        load_transcriber(plain)
