"""The attention of a model along the arcs of gold parses, as a regulariser that raises or lowers it in training."""

from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor

__all__ = ["attention_along", "parse_arcs", "permuted_arcs"]


def attention_along(attentions: Sequence[Tensor], arcs: Sequence[np.ndarray]) -> Tensor:
    """Return the mean over sentences of Σ γ(word, head) over their arcs.

    γ is the largest attention weight between the two words over all layers and attention heads (Chen et al., 2024,
    section 3.2); the loss gains λ times this sum. Either word may attend to the other, because the measure of syntactic
    attention counts both directions. A word is one token here.

    Parameters
    ----------
    attentions : weights of each layer; sentences have one special token at either end
        [shape=(n_sentences, n_heads, n_tokens, n_tokens)]
    arcs : for each sentence, positions of (word, head) [shape=(n_arcs, 2)]
    """
    weights = torch.stack([layer.amax(dim=1) for layer in attentions]).amax(dim=0)
    weights = torch.maximum(weights, weights.transpose(1, 2))
    owners = np.repeat(np.arange(len(arcs)), [len(pairs) for pairs in arcs])
    if not len(owners):
        return weights.new_zeros(())
    words, heads = np.concatenate([pairs for pairs in arcs if len(pairs)]).T + 1
    sentences, words, heads = (torch.as_tensor(values, device=weights.device) for values in (owners, words, heads))
    return weights[sentences, words, heads].sum() / len(arcs)


def parse_arcs(heads: np.ndarray) -> np.ndarray:
    """Return the arcs of a parse from the index of each word's head, -1 for the root [shape=(n_words - 1, 2)]."""
    words = np.flatnonzero(heads >= 0)
    return np.stack([words, heads[words]], axis=1)


def permuted_arcs(heads: np.ndarray, generator: np.random.Generator) -> np.ndarray:
    """Return as many pairs of words as a parse has arcs, at the same distances, none of which is an arc.

    The control of the regulariser: as many pairs lose (or gain) attention, at equal distances, but no syntax does.
    Where a distance has fewer other pairs than arcs, as the longest distances of a sentence have, the pairs of the
    nearest distance that are left take their places; a sentence too short for that has fewer pairs than arcs.

    Parameters
    ----------
    heads : index of each word's head, -1 for the root [shape=(n_words,)]
    generator : random number generator

    Returns
    -------
    positions of the two words of each pair, the earlier one first [shape=(n_pairs, 2)]
    """
    arcs = np.sort(parse_arcs(heads), axis=1)
    free = np.ones((len(heads), len(heads)), dtype=bool)
    free[tuple(arcs.T)] = False
    pairs = generator.permutation(np.argwhere(np.triu(free, 1)))
    distances = (pairs[:, 1] - pairs[:, 0]).astype(float)
    chosen = []
    # Rare, long distances first: pairs near them are few.
    for distance in np.sort(arcs[:, 1] - arcs[:, 0])[::-1][: len(pairs)]:
        nearest = int(np.argmin(np.abs(distances - distance)))
        distances[nearest] = np.inf
        chosen.append(nearest)
    return pairs[chosen]
