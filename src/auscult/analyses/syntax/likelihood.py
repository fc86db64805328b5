"""Likelihoods of a masked language model: loss at masked tokens, and accuracy on minimal pairs."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd

from auscult.analyses.syntax.columns import ACCURACY, ALL, LOSS
from auscult.analyses.syntax.settings import Variant
from auscult.models.text import TextModel
from auscult.statistics.intervals import cluster_bootstrap

__all__ = ["Variant", "pseudo_log_likelihoods", "score_loss", "score_pairs"]


def pseudo_log_likelihoods(model: TextModel, texts: Sequence[str], variant: Variant) -> np.ndarray:
    """Return Σ log P(token | all other tokens) of each text, each token masked in turn (Salazar et al., 2020, eq. 1).

    Parameters
    ----------
    model : masked language model
    texts : sentences
    variant : in words of several tokens, ``original`` masks one token at a time; ``within_word`` also masks the later
        tokens of the word, so that a rare word is not predicted from its own remainder (Kauf and Ivanova, 2023,
        PLL-word-l2r). For words of one token both are equal.

    Returns
    -------
    pseudo-log-likelihoods (natural logarithm) [shape=(n_texts,)]
    """
    rows = model.tokens(texts)
    cases, hidden, owners = [], [], []
    for number, (text, row) in enumerate(zip(texts, rows)):
        words = model.tokenizer(text).word_ids() if variant == "within_word" else range(len(row))
        for place, token in enumerate(row):
            if not model.is_special(token):
                cases.append(row)
                hidden.append([later for later in range(place, len(row)) if words[later] == words[place]])
                owners.append(number)
    values = [part[0] for part in model.log_probabilities(cases, hidden)]
    return np.bincount(owners, values, minlength=len(texts))


def score_loss(
    model: TextModel, sentences: Sequence[str], *, mask_share: float = 0.15, n_resamples: int, seed: int
) -> pd.DataFrame:
    """Return one row with the loss: the mean of −log P at masked tokens, in nats; lower is better.

    A random share of the tokens of each sentence, at least one, is replaced by the mask. Models with the same tokenizer
    are scored on the same tokens.
    """
    rows = model.tokens(sentences)
    generator, hidden = np.random.default_rng([seed, *b"loss"]), []
    for row in rows:
        text = [place for place, token in enumerate(row) if not model.is_special(token)]
        drawn = generator.random(len(text))
        chosen = drawn < max(mask_share, drawn.min(initial=1.0) * (1 + 1e-12))
        hidden.append([place for place, taken in zip(text, chosen) if taken])
    kept = [place for place, mine in enumerate(hidden) if mine]
    values = model.log_probabilities([rows[place] for place in kept], [hidden[place] for place in kept])
    sums, counts = np.array([-part.sum() for part in values]), np.array([len(part) for part in values])
    low, high = cluster_bootstrap(sums, counts, np.arange(len(kept)), n_resamples=n_resamples, seed=seed)
    return pd.DataFrame(
        [
            {
                "layer": "output",
                "target": ALL,
                "metric": LOSS,
                "value": sums.sum() / counts.sum(),
                "ci_low": low,
                "ci_high": high,
                "n": counts.sum(),
                "n_groups": len(kept),
                "resampling_unit": "sentence",
            }
        ]
    )


def score_pairs(
    model: TextModel, pairs: pd.DataFrame, *, variant: Variant, n_resamples: int, seed: int
) -> pd.DataFrame:
    """Return accuracy on minimal pairs (share whose good sentence is likelier): one row per paradigm, and their mean.

    A tie counts one half, so that a model without a preference scores .5. The row ``all`` is the mean over paradigms,
    whatever their numbers of pairs (Warstadt et al., 2020).

    Parameters
    ----------
    model : masked language model
    pairs : see :data:`auscult.corpora.text.PAIR_COLUMNS`
    variant : of the pseudo-log-likelihood, see :func:`pseudo_log_likelihoods`
    n_resamples : number of bootstrap samples of pairs
    seed : of the resampling
    """
    both = pseudo_log_likelihoods(model, [*pairs["good"], *pairs["bad"]], variant)
    good, bad = both[: len(pairs)], both[len(pairs) :]
    # Sums of the same numbers in a different order differ in their last bits; such differences are ties.
    right = np.where(np.isclose(good, bad, rtol=1e-9, atol=1e-9), 0.5, good > bad)
    paradigms = pairs["paradigm"].to_numpy()
    names, counts = np.unique(paradigms, return_counts=True)
    weights = 1 / pd.Series(paradigms).map(dict(zip(names, counts))).to_numpy()
    rows = [_accuracy(ALL, right, weights, n_resamples, seed)]
    for name in names:
        members = paradigms == name
        rows.append(_accuracy(name, right[members], np.ones(members.sum()), n_resamples, seed))
    return pd.DataFrame(rows)


def _accuracy(target: str, right: np.ndarray, weights: np.ndarray, n_resamples: int, seed: int) -> dict[str, Any]:
    low, high = cluster_bootstrap(right * weights, weights, np.arange(len(right)), n_resamples=n_resamples, seed=seed)
    return {
        "layer": "output",
        "target": target,
        "metric": ACCURACY,
        "value": (right * weights).sum() / weights.sum(),
        "ci_low": low,
        "ci_high": high,
        "n": len(right),
        "n_groups": len(right),
        "chance": 0.5,
        "resampling_unit": "pair",
    }
