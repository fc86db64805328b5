"""A recogniser of several languages (MMS) is the one that transformers loads for the language asked for."""

import json

import pytest
import torch
from safetensors.torch import save_file
from tiny_models import CONVOLUTIONS, LAYER_NORM, SIZES
from tiny_predictors import noise
from transformers import Wav2Vec2Config, Wav2Vec2ForCTC

from auscult.errors import CheckpointError
from auscult.models.checkpoints import import_checkpoint
from auscult.models.predictor import load_predictor

VOCABULARY = {
    "eng": {"<pad>": 0, "<s>": 1, "</s>": 2, "<unk>": 3, "|": 4, "a": 5},
    "fra": {"<pad>": 0, "<s>": 1, "</s>": 2, "<unk>": 3, "|": 4, "é": 5, "b": 6},
}


@pytest.fixture
def source(tmp_path):
    """Return a folder in the form of MMS: the weights of English, and the adapter and the head of French."""
    torch.manual_seed(0)
    sizes = SIZES | CONVOLUTIONS | LAYER_NORM | {"adapter_attn_dim": 4, "pad_token_id": 0}
    model = Wav2Vec2ForCTC(Wav2Vec2Config(**sizes, vocab_size=6)).eval()
    folder = tmp_path / "mms"
    model.save_pretrained(folder)
    (folder / "vocab.json").write_text(json.dumps(VOCABULARY))
    (folder / "tokenizer_config.json").write_text(json.dumps({"target_lang": "eng"}))
    (folder / "preprocessor_config.json").write_text('{"do_normalize": true, "sampling_rate": 16000}')
    adapters = {name: torch.randn_like(value) for name, value in model._get_adapters().items()}
    adapters |= {"lm_head.weight": torch.randn(7, 32), "lm_head.bias": torch.randn(7)}
    save_file(adapters, folder / "adapter.fra.safetensors", {"format": "pt"})
    return folder


@pytest.mark.parametrize("language", [None, "eng", "fra"])
def test_logits_are_those_of_transformers_in_each_language(source, tmp_path, language):
    import_checkpoint(tmp_path / "sealed", source=source, language=language)
    predictor = load_predictor(tmp_path / "sealed")
    stock = Wav2Vec2ForCTC.from_pretrained(source).eval()
    if language == "fra":
        stock.load_adapter("fra", force_load=True)
    heard = predictor.prepare(noise(8000))[None]
    with torch.inference_mode():
        torch.testing.assert_close(predictor.from_waveform(heard), stock(heard).logits, atol=1e-5, rtol=0)
    assert predictor.labels == tuple(VOCABULARY[language or "eng"])


def test_a_language_without_weights_or_vocabulary_is_refused(source, tmp_path):
    (source / "adapter.fra.safetensors").unlink()
    with pytest.raises(CheckpointError, match=r"expected .*mms/adapter.fra.safetensors, .* no such file; .* \('eng'\)"):
        import_checkpoint(tmp_path / "sealed", source=source, language="fra")
    with pytest.raises(CheckpointError, match=r"expected a language of the vocabulary .* found 'deu' for eng, fra"):
        import_checkpoint(tmp_path / "sealed", source=source, language="deu")


def test_an_adapter_of_another_model_is_refused(source, tmp_path):
    save_file({"lm_head.weight": torch.zeros(7, 32), "other": torch.zeros(1)}, source / "adapter.fra.safetensors")
    with pytest.raises(CheckpointError, match=r"has a place for in adapter.fra.safetensors, found other; check"):
        import_checkpoint(tmp_path / "sealed", source=source, language="fra")
