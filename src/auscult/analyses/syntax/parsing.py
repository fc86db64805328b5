"""Parses implied by attention: the head of a word is the word it attends to most, or that attends to it most."""

from collections.abc import Mapping

import numpy as np
import pandas as pd
import torch
from torch import Tensor

from auscult.errors import AnalysisError
from auscult.models.text import TextModel

__all__ = ["DIRECTIONS", "OFFSETS", "Arcs", "word_attention", "predicted_heads", "parse_arcs"]

# The dependent attends to its head, or the head to its dependent.
DIRECTIONS = ("dependent", "head")
OFFSETS = (*range(-10, 0), *range(1, 11))
SKIPPED = frozenset({"root", "punct"})


class Arcs:
    """Arcs of gold parses, and whether each attention head finds them.

    Parameters
    ----------
    table : one row per arc: ``sentence, relation, offset`` (position of the head minus position of the dependent),
        ``n_others`` (number of candidate heads)
    found : whether each attention head finds the arc, in each direction; ordered by direction, layer and head
        [shape=(n_arcs, 2 * n_layers * n_heads)]
    """

    def __init__(self, table: pd.DataFrame, found: np.ndarray):
        self.table, self.found = table, found


def word_attention(attention: Tensor, owners: Tensor, n_words: int) -> Tensor:
    """Return attention between words instead of tokens.

    Attention is summed over the tokens of the attended word and averaged over the tokens of the attending word, as in
    Clark et al. (2019, section 4.1), so that the weights of a word still sum to 1 with special tokens included.
    Attention to special tokens is left out without rescaling.

    Parameters
    ----------
    attention : attention between tokens [shape=(n_sentences, n_maps, n_tokens, n_tokens)]
    owners : word of each token, -1 for special tokens and padding [shape=(n_sentences, n_tokens)]
    n_words : number of words of the longest sentence

    Returns
    -------
    weights from the first word to the second [shape=(n_sentences, n_maps, n_words, n_words)]
    """
    belongs = (owners[:, None] == torch.arange(n_words, device=owners.device)[:, None]).to(attention.dtype)
    averaging = belongs / belongs.sum(dim=-1, keepdim=True).clamp(min=1)
    return averaging[:, None] @ attention @ belongs[:, None].transpose(-1, -2)


def predicted_heads(weights: Tensor, n_words: Tensor) -> Tensor:
    """Return the head that each attention map predicts for each word, in both directions; no word is its own head.

    Parameters
    ----------
    weights : attention between words [shape=(n_sentences, n_maps, n_words, n_words)]
    n_words : number of words of each sentence, without padding [shape=(n_sentences,)]

    Returns
    -------
    positions, first for all maps in one direction, then in the other, see :data:`DIRECTIONS`
    [shape=(n_sentences, 2 * n_maps, n_words)]
    """
    longest = weights.shape[-1]
    beyond = torch.arange(longest, device=weights.device) >= n_words[:, None]
    itself = torch.eye(longest, dtype=torch.bool, device=weights.device)
    barred = beyond[:, None, :, None] | beyond[:, None, None, :] | itself
    weights = weights.masked_fill(barred, -1.0)
    return torch.cat([weights.argmax(dim=-1), weights.argmax(dim=-2)], dim=1)


def parse_arcs(model: TextModel, parses: Mapping[str, pd.DataFrame]) -> Arcs:
    """Compare gold parses with the attention of every head of a model.

    Arcs of the relations ``root`` and ``punct`` are left out, and so are sentences of one word, which have no arcs.

    Parameters
    ----------
    model : masked language model
    parses : words of each sentence, see :data:`auscult.corpora.text.WORD_COLUMNS`

    Raises
    ------
    AnalysisError
        No sentence has two words.
    """
    parses = {name: words for name, words in parses.items() if len(words) > 1}
    names, sentences = list(parses), [words["word"].tolist() for words in parses.values()]
    if not sentences:
        raise AnalysisError(
            "expected sentences of at least two words to parse, found none; add sentences to the corpus"
        )
    rows, owners = model.word_tokens(sentences)
    gold = [words["head"].to_numpy() for words in parses.values()]
    found: dict[int, np.ndarray] = {}
    for places, attention in model.attention(rows):
        longest = attention.shape[-1]
        words_of = torch.tensor([owners[place] + [-1] * (longest - len(owners[place])) for place in places])
        counts = torch.tensor([len(sentences[place]) for place in places])
        weights = word_attention(attention, words_of.to(attention.device), int(counts.max()))
        heads = predicted_heads(weights, counts.to(attention.device)).cpu().numpy()
        for line, place in enumerate(places):
            found[place] = (heads[line, :, : len(gold[place])] == gold[place]).T
    table = pd.concat([_arcs(name, parses[name]) for name in names], ignore_index=True)
    kept = ((table["offset"] != 0) & ~table["relation"].isin(SKIPPED)).to_numpy()
    return Arcs(table[kept].reset_index(drop=True), np.concatenate([found[place] for place in range(len(names))])[kept])


def _arcs(name: str, words: pd.DataFrame) -> pd.DataFrame:
    places, heads = np.arange(len(words)), words["head"].to_numpy()
    offsets = np.where(heads < 0, 0, heads - places)
    return pd.DataFrame(
        {"sentence": name, "relation": words["relation"].to_numpy(), "offset": offsets, "n_others": len(words) - 1}
    )
