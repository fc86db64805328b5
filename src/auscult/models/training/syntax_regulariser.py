"""The attention of a model along the arcs of gold parses, as a regulariser that raises or lowers it in training."""

from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor

__all__ = ["syntactic_attention"]


def syntactic_attention(attentions: Sequence[Tensor], heads: Sequence[np.ndarray]) -> Tensor:
    """Return the mean over sentences of Σ γ(word, head) over the arcs of their parses.

    γ is the largest attention weight between the two words over all layers and attention heads (Chen et al., 2024,
    section 3.2); the loss gains λ times this sum. Either word may attend to the other, because the measure of syntactic
    attention counts both directions. A word is one token here.

    Parameters
    ----------
    attentions : weights of each layer; sentences have one special token at either end
        [shape=(n_sentences, n_heads, n_tokens, n_tokens)]
    heads : for each sentence, the index of each word's head, -1 for the root [shape=(n_words,)]
    """
    weights = torch.stack([layer.amax(dim=1) for layer in attentions]).amax(dim=0)
    weights = torch.maximum(weights, weights.transpose(1, 2))
    arcs = [(sentence, word, head) for sentence, row in enumerate(heads) for word, head in enumerate(row) if head >= 0]
    if not arcs:
        return weights.new_zeros(())
    sentences, words, governors = (torch.tensor(values, device=weights.device) for values in zip(*arcs))
    return weights[sentences, words + 1, governors + 1].sum() / len(heads)
