"""Likelihoods of a masked language model: loss at masked tokens, and accuracy on minimal pairs."""

from collections import Counter
from collections.abc import Sequence

import numpy as np
import pandas as pd

from auscult.analyses.syntax.columns import ACCURACY, ALL, FREQUENCY, LOSS
from auscult.analyses.syntax.settings import Variant
from auscult.models.text import TextModel
from auscult.statistics.intervals import cluster_bootstrap

__all__ = ["Variant", "pseudo_log_likelihoods", "score_loss", "score_pairs", "score_word_frequency"]


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


def score_pairs(model: TextModel, pairs: pd.DataFrame, *, variant: Variant) -> pd.DataFrame:
    """Return accuracy on minimal pairs (share whose good sentence is likelier): one row per paradigm, and their mean.

    A tie counts one half, so that a model without a preference scores .5. The row ``all`` is the mean over paradigms,
    whatever their numbers of pairs (Warstadt et al., 2020). Intervals are Wilson's, which have a width even where all
    pairs are right; those of the mean combine the distances of the paradigms' ends (MOVER: Zou and Donner, 2008).

    Parameters
    ----------
    model : masked language model
    pairs : see :data:`auscult.corpora.text.PAIR_COLUMNS`
    variant : of the pseudo-log-likelihood, see :func:`pseudo_log_likelihoods`
    """
    both = pseudo_log_likelihoods(model, [*pairs["good"], *pairs["bad"]], variant)
    return _score_preferences(both[: len(pairs)], both[len(pairs) :], pairs, ACCURACY, "output")


def score_word_frequency(pairs: pd.DataFrame, sentences: Sequence[str]) -> pd.DataFrame:
    """Return what the frequency of words alone tells of minimal pairs, with rows as those of :func:`score_pairs`.

    The sentence with the larger product of word frequencies is preferred; a word that does not occur counts half.

    Parameters
    ----------
    pairs : see :data:`auscult.corpora.text.PAIR_COLUMNS`
    sentences : the training text
    """
    counts = Counter(word for sentence in sentences for word in sentence.split())
    good, bad = (
        np.array([sum(np.log(counts.get(word, 0.5)) for word in text.split()) for text in pairs[name]])
        for name in ("good", "bad")
    )
    return _score_preferences(good, bad, pairs, FREQUENCY, "input")


def _score_preferences(good: np.ndarray, bad: np.ndarray, pairs: pd.DataFrame, metric: str, layer: str) -> pd.DataFrame:
    """Return the share of pairs whose good sentence scores higher: their mean over paradigms, and each paradigm."""
    # Sums of the same numbers in a different order differ in their last bits; such differences are ties.
    right = np.where(np.isclose(good, bad, rtol=1e-9, atol=1e-9), 0.5, good > bad)
    shares = pd.Series(right).groupby(pairs["paradigm"].to_numpy()).agg(["mean", "size"])
    value, n = shares["mean"].to_numpy(), shares["size"].to_numpy()
    low, high = _wilson(value, n)
    rows = pd.DataFrame({"target": shares.index, "value": value, "ci_low": low, "ci_high": high, "n": n})
    mean, k = value.mean(), len(value)
    ends = [mean - np.linalg.norm(value - low) / k, mean + np.linalg.norm(high - value) / k]
    rows.loc[-1] = [ALL, mean, *ends, len(pairs)]
    rows = rows.sort_index()
    fixed = {"metric": metric, "layer": layer, "chance": 0.5, "resampling_unit": "pair"}
    return rows.assign(n_groups=rows["n"], **fixed).reset_index(drop=True)


def _wilson(share: np.ndarray, n: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return the ends of Wilson's 95 % intervals of shares of n independent cases each."""
    z = 1.959964
    centre = (share + z**2 / (2 * n)) / (1 + z**2 / n)
    half = z / (1 + z**2 / n) * np.sqrt(share * (1 - share) / n + z**2 / (4 * n**2))
    return centre - half, centre + half
