"""A tiny recogniser and recordings with texts beside them."""

import json

import soundfile
from tiny_predictors import TOKENS, noise, tiny_head

TEXTS = {"ada/one": "abc cab", "ada/two": "Aab!", "bo/three": "cc"}


def save_recogniser(folder, rate_hz=16000):
    """Write a random recogniser of the letters a, b and c as a plain checkpoint; return its folder."""
    model, _ = tiny_head("hubert-ctc")
    model.save_pretrained(folder)
    settings = {"do_normalize": True, "sampling_rate": rate_hz}
    (folder / "preprocessor_config.json").write_text(json.dumps(settings))
    (folder / "vocab.json").write_text(json.dumps({token: index for index, token in enumerate(TOKENS)}))
    return folder


def write_speech(folder, texts=None, rate_hz=16000, duration_s=1.0):
    """Write noise with a text beside each recording; return the folder."""
    for seed, (name, text) in enumerate((texts or TEXTS).items()):
        path = folder / f"{name}.wav"
        path.parent.mkdir(parents=True, exist_ok=True)
        soundfile.write(path, noise(round(duration_s * rate_hz), seed), rate_hz)
        if text is not None:
            path.with_suffix(".txt").write_text(text, encoding="utf-8")
    return folder
