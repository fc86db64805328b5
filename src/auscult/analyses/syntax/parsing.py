"""The parse that attention implies: for each word, the one at which a head looks most, or by which it is looked at."""

from collections.abc import Mapping

import numpy as np
import pandas as pd
import torch
from torch import Tensor

from auscult.errors import AnalysisError
from auscult.models.text import TextModel

__all__ = ["DIRECTIONS", "OFFSETS", "Arcs", "word_attention", "predicted_heads", "parse_arcs"]

# A dependent looks at its head, or is looked at by it.
DIRECTIONS = ("dependent", "head")
OFFSETS = (-3, -2, -1, 1, 2)
SKIPPED = frozenset({"root", "punct"})


class Arcs:
    """The arcs of gold parses, and which attention head finds each.

    Parameters
    ----------
    table : one row an arc: ``sentence, relation, offset`` (place of the head minus that of the dependent), ``n_others``
        (words that could be the head)
    found : whether each attention head, in either direction, finds the arc [shape=(n_arcs, 2 * n_layers * n_heads)];
        directions, then layers, then heads
    """

    def __init__(self, table: pd.DataFrame, found: np.ndarray):
        self.table, self.found = table, found


def word_attention(attention: Tensor, owners: Tensor, n_words: int) -> Tensor:
    """Return attention between words: summed over the tokens of the word looked at, averaged over those of the looker.

    Clark et al. (2019, section 4.1): so the weights of a word, special tokens among them, still sum to 1. What goes to
    special tokens is left out, and nothing is scaled up for it.

    Parameters
    ----------
    attention : between tokens [shape=(n_sentences, n_maps, n_tokens, n_tokens)]
    owners : word of each token, -1 for special ones and padding [shape=(n_sentences, n_tokens)]
    n_words : of the longest sentence

    Returns
    -------
    weights [shape=(n_sentences, n_maps, n_words, n_words)]; the first word looks at the second
    """
    belongs = (owners[:, None] == torch.arange(n_words, device=owners.device)[:, None]).to(attention.dtype)
    averaging = belongs / belongs.sum(dim=-1, keepdim=True).clamp(min=1)
    return averaging[:, None] @ attention @ belongs[:, None].transpose(-1, -2)


def predicted_heads(weights: Tensor, n_words: Tensor) -> Tensor:
    """Return the head that each attention map gives each word, itself left out, in both directions.

    Parameters
    ----------
    weights : between words [shape=(n_sentences, n_maps, n_words, n_words)]
    n_words : of each sentence; what lies beyond is padding [shape=(n_sentences,)]

    Returns
    -------
    places [shape=(n_sentences, 2 * n_maps, n_words)], of :data:`DIRECTIONS` in turn
    """
    longest = weights.shape[-1]
    beyond = torch.arange(longest, device=weights.device) >= n_words[:, None]
    itself = torch.eye(longest, dtype=torch.bool, device=weights.device)
    barred = beyond[:, None, :, None] | beyond[:, None, None, :] | itself
    weights = weights.masked_fill(barred, -1.0)
    return torch.cat([weights.argmax(dim=-1), weights.argmax(dim=-2)], dim=1)


def parse_arcs(model: TextModel, parses: Mapping[str, pd.DataFrame]) -> Arcs:
    """Find the arcs of gold parses in the attention of every head of a model.

    Arcs of the relations ``root`` and ``punct`` are left out, and sentences of one word, which have none.

    Parameters
    ----------
    model : whose attention is read
    parses : the words of each sentence, see :data:`auscult.corpora.text.WORD_COLUMNS`

    Raises
    ------
    AnalysisError
        There are no arcs.
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
