"""A tokenizer whose tokens are whole words, in the format of hub checkpoints, and padding of token rows."""

from collections.abc import Sequence

import torch
from tokenizers import Tokenizer
from tokenizers.models import WordLevel
from tokenizers.pre_tokenizers import WhitespaceSplit
from tokenizers.processors import TemplateProcessing
from torch import Tensor
from transformers import PreTrainedTokenizerFast

__all__ = ["SPECIAL", "word_tokenizer", "pad"]

SPECIAL = ("[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]")


def word_tokenizer(vocabulary: Sequence[str]) -> PreTrainedTokenizerFast:
    """Return a tokenizer that splits at white space and puts ``[CLS]`` and ``[SEP]`` around every sentence.

    Token indices: BERT's special tokens first, in the order of :data:`SPECIAL`, then the vocabulary.
    """
    numbers = {word: number for number, word in enumerate([*SPECIAL, *vocabulary])}
    tokenizer = Tokenizer(WordLevel(numbers, unk_token="[UNK]"))
    tokenizer.pre_tokenizer = WhitespaceSplit()
    around = [(name, numbers[name]) for name in ("[CLS]", "[SEP]")]
    tokenizer.post_processor = TemplateProcessing(single="[CLS] $A [SEP]", special_tokens=around)
    return PreTrainedTokenizerFast(
        tokenizer_object=tokenizer,
        pad_token="[PAD]",
        unk_token="[UNK]",
        cls_token="[CLS]",
        sep_token="[SEP]",
        mask_token="[MASK]",
    )


def pad(rows: Sequence[Sequence[int]], value: int = 0) -> Tensor:
    """Return rows of numbers as one tensor, shorter rows padded with ``value`` [shape=(n_rows, longest)]."""
    filled = torch.full((len(rows), max(map(len, rows))), value, dtype=torch.long)
    for index, row in enumerate(rows):
        filled[index, : len(row)] = torch.as_tensor(row)
    return filled
