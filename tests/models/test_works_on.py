"""The table "works on" of the documentation: what each architecture can be asked, found by trying it."""

import numpy as np
import torch
import transformers
from places import ROOT
from tiny_models import ENCODERS, tiny_encoder, tiny_model
from tiny_predictors import noise

from auscult.analyses.mixing.waveforms import mix_waveform
from auscult.erasure.hooks import hookable_layers
from auscult.errors import AuscultError
from auscult.models.predictor import Predictor
from auscult.models.speech import SpeechModel

NAMES = {
    "wav2vec2": "wav2vec 2.0, XLS-R, MMS",
    "hubert": "HuBERT",
    "wavlm": "WavLM",
    "data2vec-audio": "data2vec-audio",
    "unispeech": "UniSpeech",
    "unispeech-sat": "UniSpeech-SAT",
    "sew": "SEW",
    "sew-d": "SEW-D",
    "wav2vec2-conformer": "Wav2Vec2-Conformer",
    "wav2vec2-bert": "wav2vec2-BERT",
    "whisper": "Whisper",
}
HEAD = "| architecture | states | mixing | letters of a CTC head | gender scrubbing |\n|---|---|---|---|---|"
WAVEFORM = noise(9000)


def states(name):
    frames = SpeechModel(tiny_encoder(name)).frames([WAVEFORM])
    return all(torch.isfinite(layer[0]).all() for layer in frames.values())


def mixes(name):
    model = SpeechModel(tiny_encoder(name))
    found = mix_waveform(model, WAVEFORM, np.array([[0, 10], [10, 27]]), methods=["value_zeroing"])
    return all(np.isfinite(scores).all() for scores in found["value_zeroing"].values())


def spells(name):
    encoder = type(tiny_model(name)).__name__
    architecture = getattr(transformers, encoder.replace("Model", "ForCTC"), None)
    if architecture is None or name in ("whisper", "wav2vec2-bert"):
        return False
    settings = ENCODERS[name][2] | {"vocab_size": 4, "pad_token_id": 0}
    predictor = Predictor(architecture(ENCODERS[name][1](**settings)), ["<pad>", "|", "a", "b"])
    waveform = predictor.prepare(WAVEFORM)[None].requires_grad_()
    return bool(torch.autograd.grad(predictor.from_waveform(waveform).sum(), waveform)[0].abs().sum() > 0)


def scrubs(name):
    layers = hookable_layers(SpeechModel(tiny_encoder(name)))
    return len(layers) > 2 and (spells(name) or name == "whisper")


def works(question, name):
    try:
        return "yes" if question(name) else "–"
    except AuscultError:
        return "–"


def test_the_table_of_the_documentation_is_what_works():
    rows = [
        f"| {title} | {' | '.join(works(question, name) for question in (states, mixes, spells, scrubs))} |"
        for name, title in NAMES.items()
    ]
    table = "\n".join([HEAD, *rows])
    text = (ROOT / "docs/howto/your-model-and-corpus.md").read_text()
    assert table in text, table


def test_no_architecture_is_left_out():
    kinds = {SpeechModel(tiny_encoder(name)).name for name in ENCODERS}
    assert kinds == set(NAMES)
