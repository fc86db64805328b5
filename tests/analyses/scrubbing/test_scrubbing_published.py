"""Published recognisers scrubbed on subsets of LibriSpeech, with stand-ins for both, from archive to table."""

import json

import numpy as np
import pytest
import torch
from hub_server import serve_hub
from librispeech_files import make
from tiny_models import CONVOLUTIONS, LAYER_NORM, SIZES
from transformers import HubertConfig, HubertForCTC, Wav2Vec2Config, Wav2Vec2ForCTC

from auscult.analyses.scrubbing.analysis import scrub_gender
from auscult.analyses.scrubbing.settings import ScrubbingSettings, ScrubbingSplits
from auscult.corpora.corpus import read_corpus
from auscult.corpora.importing import import_corpus
from auscult.errors import AnalysisError
from auscult.models.acoustic import acoustic_model
from auscult.models.checkpoints import initialise_checkpoint
from auscult.models.hub.fetching import fetch_checkpoint
from auscult.models.predictor import load_predictor

TOKENS = ("<pad>", "<s>", "</s>", "<unk>", "|", "E", "T", "A", "O")
# Base: group norm, as safetensors; large: layer norm, as a pickle.
PUBLISHED = {
    "wav2vec2-base-960h": (Wav2Vec2ForCTC, Wav2Vec2Config, SIZES | CONVOLUTIONS, False),
    "hubert-large-960h": (HubertForCTC, HubertConfig, SIZES | CONVOLUTIONS | LAYER_NORM, True),
}
SETTINGS = ScrubbingSettings(
    splits=ScrubbingSplits(fit="valid"), methods=("leace",), n_resamples=100, n_permutations=100
)
LISTED = {"|": "{} | {} | {} | 8.02  | Somebody", "\t": "{}\t{}\t{}\t8.0\tSomebody", ",": "{},{},{},8,Some, body"}


def part(folder, subset, speakers, separator, more=()):
    """Import a part of LibriSpeech without alignments: two utterances by each speaker, women and men in turn."""
    texts = {f"{speaker}-100-{i:04d}": ("TO EAT", "TEA OAT")[i] for speaker in speakers for i in range(2)}
    rows = [LISTED[separator].format(speaker, "FM"[speaker % 2], subset) for speaker in speakers]
    make(folder / "unpacked", texts, speakers="; list\n" + "\n".join([*rows, *more]) + "\n", subset=subset, aligned=())
    import_corpus(
        folder / subset,
        corpus=subset,
        reader="librispeech",
        source=folder / "unpacked",
        options={"subsets": [subset], "aligned": False},
    )
    return read_corpus(folder / subset)


def pushed(folder, name):
    """Return the files of a recogniser as a hub has them."""
    model_class, config_class, settings, pickled = PUBLISHED[name]
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        model = model_class(config_class(**settings, vocab_size=len(TOKENS), pad_token_id=0))
    model.save_pretrained(folder)
    files = {path.name: path.read_bytes() for path in folder.iterdir()}
    if pickled:
        torch.save(model.state_dict(), folder / "pytorch_model.bin")
        del files["model.safetensors"]
        files["pytorch_model.bin"] = (folder / "pytorch_model.bin").read_bytes()
    files["vocab.json"] = json.dumps({token: i for i, token in enumerate(TOKENS)}).encode()
    return files | {"preprocessor_config.json": b'{"do_normalize": true, "sampling_rate": 16000}'}


@pytest.mark.parametrize(("name", "separator"), [("wav2vec2-base-960h", "|"), ("hubert-large-960h", "\t")])
def test_a_recogniser_of_the_hub_is_scrubbed_on_voices_of_another_part(tmp_path, monkeypatch, name, separator):
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    with serve_hub() as hub:
        commit = hub.push(f"facebook/{name}", pushed(tmp_path / "pushed", name))
        fetch_checkpoint(
            tmp_path / "final",
            repository=f"facebook/{name}",
            revision=commit,
            endpoint=hub.endpoint,
            allow_pickle=PUBLISHED[name][3],
        )
    initialise_checkpoint(tmp_path / "0", like=tmp_path / "final", seed=0)
    dev = part(tmp_path / "dev", "dev-clean", range(100, 118), separator)
    test = part(tmp_path / "test", "test-clean", range(200, 208), separator)
    for step in ("0", "final"):
        predictor = load_predictor(tmp_path / step)
        table, _ = scrub_gender(
            test,
            predictor,
            fit_source=dev,
            names={"corpus": "test-clean", "model": name, "step": step},
            settings=SETTINGS,
        )
        rates = table[(table["target"] == "transcript") & (table["gender"] == "all")]
        assert (rates["n"] == 16).all()
        assert (rates["n_groups"] == 8).all()
        assert set(rates["erased_at"]) == {"", "cnn", "embed", "T1", "T2", "blocks", "all"}
        assert (table.loc[table["target"] == "gender", "n_train"] == 18).all()
        assert np.isfinite(table["value"]).all()
    # Upper-case letters of the model and of the transcripts are compared in lower case.
    written = predictor.transcribe([test.waveform(utterance) for utterance in test.utterances["utterance"]])
    assert any(set("ETAO") & set(text) for text in written)


@pytest.mark.parametrize("separator", LISTED)
def test_a_speaker_of_two_genders_ends_the_run_with_the_name(tmp_path, separator):
    dev = part(
        tmp_path / "dev",
        "dev-clean",
        range(100, 118),
        separator,
        more=[LISTED[separator].format(103, "F", "dev-clean")],
    )
    test = part(tmp_path / "test", "test-clean", range(200, 208), separator)
    message = r"every speaker of split 'valid' of corpus 'dev-clean, test-clean', found none for 1 \(103\); add"
    with pytest.raises(AnalysisError, match=message):
        scrub_gender(test, acoustic_model("mel"), fit_source=dev, names={}, settings=SETTINGS)
