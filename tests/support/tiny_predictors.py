"""Fine-tuned models with random weights, small enough for a test."""

import numpy as np
import torch
from tiny_models import CONVOLUTIONS, LAYER_NORM, SIZES
from transformers import (
    HubertConfig,
    HubertForCTC,
    HubertForSequenceClassification,
    Wav2Vec2Config,
    Wav2Vec2ForCTC,
    WavLMConfig,
    WavLMForSequenceClassification,
)

from auscult.models.predictor import Predictor

TOKENS = ("<pad>", "|", "a", "b", "c")


CLASSES = ("female", "male", "other")


CTC = {"vocab_size": len(TOKENS), "pad_token_id": 0}


CLASSIFIER = {"id2label": dict(enumerate(CLASSES)), "classifier_proj_size": 8}


HEADS = {
    "hubert-ctc": (HubertForCTC, HubertConfig, CTC, TOKENS),
    "wav2vec2-ctc": (Wav2Vec2ForCTC, Wav2Vec2Config, CTC | LAYER_NORM, TOKENS),
    "hubert-classes": (HubertForSequenceClassification, HubertConfig, CLASSIFIER, CLASSES),
    "wavlm-classes": (WavLMForSequenceClassification, WavLMConfig, CLASSIFIER, CLASSES),
}


def tiny_head(name, **settings):
    model_class, config_class, head, labels = HEADS[name]
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        model = model_class(config_class(**(SIZES | CONVOLUTIONS | head | settings)))
        # Heads with the default initialisation give almost the same answer to every input.
        for parameter in (p for name, p in model.named_parameters() if name.startswith(("lm_head", "classifier"))):
            torch.nn.init.normal_(parameter)
    return model.eval(), labels


def tiny_predictor(name, **settings):
    model, labels = tiny_head(name, **settings)
    return Predictor(model, labels)


def noise(n_samples, seed=0):
    return np.random.default_rng(seed).normal(0, 0.1, n_samples).astype(np.float32)


def masked_unit_predictor(task="classes"):
    kind = {"classes": HubertForSequenceClassification, "ctc": HubertForCTC}[task]
    labels = ("no", "yes") if task == "classes" else ("<pad>", "|", "a", "b")
    sizes = SIZES | CONVOLUTIONS | {"num_labels": len(labels), "vocab_size": len(labels), "pad_token_id": 0}
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        return Predictor(kind(HubertConfig(**sizes)), labels)
