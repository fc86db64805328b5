"""Encoders of every family, small and random, built without a network."""

import json
from pathlib import Path

import torch
from transformers import (
    BertConfig,
    BertForPreTraining,
    Data2VecAudioConfig,
    Data2VecAudioModel,
    HubertConfig,
    HubertModel,
    PreTrainedModel,
    SEWConfig,
    SEWDConfig,
    SEWDModel,
    SEWModel,
    UniSpeechConfig,
    UniSpeechModel,
    UniSpeechSatConfig,
    UniSpeechSatModel,
    Wav2Vec2BertConfig,
    Wav2Vec2BertModel,
    Wav2Vec2Config,
    Wav2Vec2ConformerConfig,
    Wav2Vec2ConformerModel,
    Wav2Vec2ForPreTraining,
    Wav2Vec2Model,
    WavLMConfig,
    WavLMModel,
    WhisperConfig,
    WhisperForConditionalGeneration,
)

SIZES = {"num_hidden_layers": 2, "num_attention_heads": 2, "hidden_size": 32, "intermediate_size": 48}
CONVOLUTIONS = {
    "conv_dim": (16,) * 7,
    "num_conv_pos_embeddings": 16,
    "num_conv_pos_embedding_groups": 2,
    "layerdrop": 0.5,
}
LAYER_NORM = {"feat_extract_norm": "layer", "do_stable_layer_norm": True, "conv_bias": True}
WHISPER = {
    "d_model": 32,
    "encoder_layers": 2,
    "decoder_layers": 1,
    "encoder_attention_heads": 2,
    "decoder_attention_heads": 2,
    "encoder_ffn_dim": 48,
    "decoder_ffn_dim": 48,
    "max_source_positions": 100,
    "vocab_size": 50,
    "pad_token_id": 0,
    "bos_token_id": 1,
    "eos_token_id": 2,
    "decoder_start_token_id": 1,
}
# Seven convolutions as in wav2vec 2.0, so that frames have the same times; SEW's own front end has thirteen.
SQUEEZED = {
    "conv_kernel": (10, 3, 3, 3, 3, 2, 2),
    "conv_stride": (5, 2, 2, 2, 2, 2, 2),
    "squeeze_factor": 2,
}
ENCODERS = {
    "wav2vec2": (Wav2Vec2Model, Wav2Vec2Config, SIZES | CONVOLUTIONS),
    "wav2vec2-layer-norm": (Wav2Vec2Model, Wav2Vec2Config, SIZES | CONVOLUTIONS | LAYER_NORM),
    "hubert": (HubertModel, HubertConfig, SIZES | CONVOLUTIONS),
    "hubert-batch-norm": (HubertModel, HubertConfig, SIZES | CONVOLUTIONS | {"conv_pos_batch_norm": True}),
    "wavlm": (WavLMModel, WavLMConfig, SIZES | CONVOLUTIONS),
    "wavlm-layer-norm": (WavLMModel, WavLMConfig, SIZES | CONVOLUTIONS | LAYER_NORM),
    "data2vec-audio": (Data2VecAudioModel, Data2VecAudioConfig, SIZES | CONVOLUTIONS | {"num_conv_pos_embeddings": 3}),
    "wav2vec2-bert": (Wav2Vec2BertModel, Wav2Vec2BertConfig, SIZES),
    "whisper": (WhisperForConditionalGeneration, WhisperConfig, WHISPER),
    "unispeech": (UniSpeechModel, UniSpeechConfig, SIZES | CONVOLUTIONS),
    "unispeech-sat": (UniSpeechSatModel, UniSpeechSatConfig, SIZES | CONVOLUTIONS),
    "sew": (SEWModel, SEWConfig, SIZES | CONVOLUTIONS | SQUEEZED),
    "sew-d": (SEWDModel, SEWDConfig, SIZES | CONVOLUTIONS | SQUEEZED),
    "wav2vec2-conformer": (Wav2Vec2ConformerModel, Wav2Vec2ConformerConfig, SIZES | CONVOLUTIONS),
}

# Other published models: an encoder with the head of its objective, and a text model.
OTHERS = {
    "wav2vec2-pretraining": (
        Wav2Vec2ForPreTraining,
        Wav2Vec2Config,
        SIZES | CONVOLUTIONS | {"codevector_dim": 16, "proj_codevector_dim": 16, "num_codevectors_per_group": 4},
    ),
    "bert": (BertForPreTraining, BertConfig, SIZES | {"vocab_size": 12, "max_position_embeddings": 16}),
}


def tiny_model(name: str, **settings) -> PreTrainedModel:
    """Return a random model of a family (Whisper with its decoder), the same at every call."""
    model_class, config_class, sizes = (ENCODERS | OTHERS)[name]
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        model = model_class(config_class(**(sizes | settings)))
        for module in model.modules():
            if isinstance(module, torch.nn.BatchNorm1d):
                torch.nn.init.normal_(module.bias)
    return model.eval()


def save_plain(model: PreTrainedModel, folder: str | Path, do_normalize: bool = True, **options) -> Path:
    """Write a model and the settings of its feature extractor as ``save_pretrained`` does; return the folder."""
    folder = Path(folder)
    model.save_pretrained(folder, **options)
    settings = {"sampling_rate": 16000}
    if model.config.model_type not in ("whisper", "wav2vec2-bert"):
        settings |= {"do_normalize": do_normalize}
    (folder / "preprocessor_config.json").write_text(json.dumps(settings))
    return folder


def tiny_encoder(name: str, **settings) -> PreTrainedModel:
    """Return the encoder of :func:`tiny_model`."""
    model = tiny_model(name, **settings)
    return model.model.encoder if name == "whisper" else model
