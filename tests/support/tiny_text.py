"""Small random BERTs with tokenizers of whole words or of word pieces, built without a network."""

import torch
from tokenizers import Tokenizer
from tokenizers.models import WordPiece
from tokenizers.pre_tokenizers import BertPreTokenizer
from tokenizers.processors import TemplateProcessing
from transformers import BertConfig, BertForMaskedLM, BertForPreTraining, PreTrainedTokenizerFast

from auscult.models.tokens import SPECIAL, word_tokenizer

WORDS = ("the", "king", "kings", "queen", "sings", "sing", "near")
PIECES = ("the", "un", "##do", "##ing", "king", "do")
NAMES = {"pad_token": "[PAD]", "unk_token": "[UNK]", "cls_token": "[CLS]", "sep_token": "[SEP]", "mask_token": "[MASK]"}


def piece_tokenizer():
    """Return a tokenizer that splits ``undoing`` into three tokens."""
    numbers = {word: place for place, word in enumerate([*SPECIAL, *PIECES])}
    tokenizer = Tokenizer(WordPiece(numbers, unk_token="[UNK]"))
    tokenizer.pre_tokenizer = BertPreTokenizer()
    around = [(name, numbers[name]) for name in ("[CLS]", "[SEP]")]
    tokenizer.post_processor = TemplateProcessing(single="[CLS] $A [SEP]", special_tokens=around)
    return PreTrainedTokenizerFast(tokenizer_object=tokenizer, **NAMES)


def tiny_bert(tokenizer=None, pretraining=False, **settings):
    """Return a random BERT and its tokenizer, the same at every call."""
    tokenizer = tokenizer or word_tokenizer(WORDS)
    sizes = {"hidden_size": 16, "num_hidden_layers": 2, "num_attention_heads": 2, "intermediate_size": 24}
    config = BertConfig(
        vocab_size=len(tokenizer), max_position_embeddings=12, initializer_range=0.5, **sizes | settings
    )
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        return (BertForPreTraining if pretraining else BertForMaskedLM)(config).eval(), tokenizer
