"""How likely a masked language model holds sentences: loss at hidden words, and which of a minimal pair it prefers."""

from collections.abc import Sequence
from typing import Literal

import numpy as np
import pandas as pd

from auscult.analyses.syntax.columns import ACCURACY, ALL, LOSS
from auscult.models.text import TextModel
from auscult.statistics.intervals import cluster_bootstrap

__all__ = ["Variant", "pseudo_log_likelihoods", "score_loss", "score_pairs"]

Variant = Literal["original", "within_word"]


def pseudo_log_likelihoods(model: TextModel, texts: Sequence[str], variant: Variant = "original") -> np.ndarray:
    """Return Σ log P(token | all other tokens) of each text, each token hidden in turn (Salazar et al., 2020, eq. 1).

    Parameters
    ----------
    model : that predicts
    texts : sentences
    variant : of a word of several tokens, ``original`` hides one token and shows the others; ``within_word`` hides
        those that follow it in its word, too, so that a rare word is not made likely by its own rest (Kauf and
        Ivanova, 2023, PLL-word-l2r). For words of one token both are the same.

    Returns
    -------
    natural logarithms, higher is likelier [shape=(n_texts,)]
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
    model: TextModel, sentences: Sequence[str], *, mask_share: float = 0.15, n_resamples: int = 2000, seed: int
) -> pd.DataFrame:
    """Return one row: the mean of −log P at hidden tokens, a random share of each sentence, at least one of each.

    All of them become the mask. The same tokens of a tokenizer are hidden for every model. Lower is better.
    """
    rows = model.tokens(sentences)
    generator, hidden = np.random.default_rng([seed, *b"loss"]), []
    for row in rows:
        text = [place for place, token in enumerate(row) if not model.is_special(token)]
        lots = generator.random(len(text))
        chosen = lots < max(mask_share, lots.min(initial=1.0) * (1 + 1e-12))
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
    model: TextModel, pairs: pd.DataFrame, *, variant: Variant = "original", n_resamples: int = 2000, seed: int
) -> pd.DataFrame:
    """Return how often the good sentence of a minimal pair is the likelier one: a row a paradigm, and their mean.

    A tie counts one half, so that a model that cannot tell is at .5. The mean of ``all`` is that of the paradigms,
    whatever their numbers of pairs (Warstadt et al., 2020).

    Parameters
    ----------
    model : that predicts
    pairs : see :data:`auscult.corpora.text.PAIR_COLUMNS`
    variant : of the pseudo-log-likelihood, see :func:`pseudo_log_likelihoods`
    n_resamples : bootstrap samples of pairs
    seed : of the resampling
    """
    both = pseudo_log_likelihoods(model, [*pairs["good"], *pairs["bad"]], variant)
    good, bad = both[: len(pairs)], both[len(pairs) :]
    # Two sums of the same numbers in another order differ in their last bits: that is a tie.
    right = np.where(np.isclose(good, bad, rtol=1e-9, atol=1e-9), 0.5, good > bad)
    paradigms = pairs["paradigm"].to_numpy()
    names, counts = np.unique(paradigms, return_counts=True)
    weights = 1 / pd.Series(paradigms).map(dict(zip(names, counts))).to_numpy()
    rows = [_accuracy(ALL, right, weights, n_resamples, seed)]
    for name in names:
        mine = paradigms == name
        rows.append(_accuracy(name, right[mine], np.ones(mine.sum()), n_resamples, seed))
    return pd.DataFrame(rows)


def _accuracy(target: str, right: np.ndarray, weights: np.ndarray, n_resamples: int, seed: int) -> dict:
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
