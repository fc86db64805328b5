"""Labels × speakers: whether vectors are alike because the same is said, or because the same person speaks.

Items are crossed: every label is said by every speaker, once. Ordered by speaker, their matrix of cosines (the Gram
matrix of vectors of length 1) shows blocks along the diagonal where voices matter and stripes where labels do. How much
each matters is its share of the variance in a two-way analysis of variance without replication, ω² (Hays, 1963),
summed over dimensions: 0 on average for a factor that vectors have nothing to do with, whose plain share would rise
with its number of levels.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
from scipy.stats import t as student_t

from auscult.activations.interface import Activations
from auscult.analyses.similarity.reference_spaces import sample_items
from auscult.analyses.similarity.settings import Blocks, SimilaritySettings
from auscult.statistics.intervals import MIN_GROUPS
from auscult.tables import RESULT_COLUMNS, check_results

__all__ = [
    "BLOCK_COLUMNS",
    "GRAM_COLUMNS",
    "Crossed",
    "block_tables",
    "cross_items",
    "variance_shares",
    "shares_interval",
]

BLOCK_COLUMNS = (*RESULT_COLUMNS, "n_labels")
GRAM_COLUMNS = ("corpus", "model", "step", "layer", "speaker", "label", "other_speaker", "other_label", "cosine")
FACTORS = ("label", "speaker")
# With fewer labels or speakers, no matrix is worth looking at.
_FEWEST = 3

Array = npt.NDArray[Any]


@dataclass(frozen=True)
class Crossed:
    """Items of which every label is said by every speaker.

    Parameters
    ----------
    rows : positions in the index [shape=(n_speakers, n_labels)]
    speakers, labels : names, in the order of ``rows``
    """

    rows: Array
    speakers: tuple[str, ...]
    labels: tuple[str, ...]


def cross_items(index: pd.DataFrame, tier: str, blocks: Blocks, seed: int) -> Crossed | None:
    """Return crossed items: the labels that most speakers say, by the speakers who say all of them.

    Of the items with the same label and speaker one is drawn by a hash, the same for every model of a corpus.

    Parameters
    ----------
    index : of activations
    tier : segments
    blocks : column of the labels, and the largest number of labels and speakers
    seed : of the draw

    Returns
    -------
    crossed : as many cells as the settings allow; None with fewer than three such labels or speakers
    """
    rows = sample_items(index, tier, len(index), seed)
    items = index.iloc[rows][["speaker", blocks.column]].astype("string").set_axis(["speaker", "label"], axis=1)
    items = items.assign(row=rows).dropna()
    items = items[items["label"] != ""]
    said = items.groupby(["speaker", "label"])["row"].first().unstack()
    n_speakers = said.notna().sum().sort_values(ascending=False, kind="stable")
    best: tuple[int, Array, Array] | None = None
    for n_labels in range(_FEWEST, min(blocks.n_labels, len(n_speakers)) + 1):
        labels = n_speakers.index[:n_labels].to_numpy()
        speakers = said.index[said[labels].notna().all(axis=1)].to_numpy()[: blocks.n_speakers]
        if len(speakers) >= _FEWEST and (best is None or len(speakers) * n_labels >= best[0]):
            best = len(speakers) * n_labels, speakers, labels
    if best is None:
        return None
    _, speakers, labels = best
    cells = said.loc[speakers, labels].to_numpy(dtype=np.int64)
    return Crossed(cells, tuple(map(str, speakers)), tuple(map(str, labels)))


def variance_shares(x: Array) -> tuple[float, float]:
    """Return ω² of labels and of speakers, summed over dimensions.

    Parameters
    ----------
    x : vectors of crossed items [shape=(n_speakers, n_labels, n_dims)]

    Returns
    -------
    labels, speakers : (SS − df · MS_residual) / (SS_total + MS_residual); NaN for vectors that are all alike
    """
    n_speakers, n_labels, _ = x.shape
    centred = x - x.mean(axis=(0, 1))
    by_speaker, by_label = centred.mean(axis=1), centred.mean(axis=0)
    total = float(np.square(centred).sum())
    of_speakers, of_labels = (
        n_labels * float(np.square(by_speaker).sum()),
        n_speakers * float(np.square(by_label).sum()),
    )
    residual = max(total - of_speakers - of_labels, 0.0) / ((n_speakers - 1) * (n_labels - 1))
    if total <= 0:
        return float("nan"), float("nan")
    return (
        (of_labels - (n_labels - 1) * residual) / (total + residual),
        (of_speakers - (n_speakers - 1) * residual) / (total + residual),
    )


def shares_interval(x: Array) -> Array:
    """Return ω² of labels and of speakers with 95 % intervals [shape=(2, 3): value, lower and upper end].

    The variance of each is that of the jackknife over speakers plus that over labels (Efron and Tibshirani, 1993, eq.
    11.5), so the interval covers other speakers as well as other labels; Student's t has one degree of freedom less
    than the smaller number. NaN with fewer than six of either.
    """
    value = np.array(variance_shares(x))
    variance = np.zeros(2)
    for axis in (0, 1):
        n = x.shape[axis]
        without = np.array([variance_shares(np.delete(x, place, axis)) for place in range(n)])
        variance += (n - 1) / n * np.square(without - without.mean(axis=0)).sum(axis=0)
    fewest = min(x.shape[:2])
    width = student_t.ppf(0.975, fewest - 1) * np.sqrt(variance) if fewest >= MIN_GROUPS else np.full(2, np.nan)
    return np.column_stack([value, value - width, value + width])


def block_tables(
    activations: Activations,
    *,
    corpus: str,
    model: str,
    step: str,
    settings: SimilaritySettings = SimilaritySettings(),
    seed: int = 0,
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Return how much labels and speakers matter in each layer, and the cosines of some of the items.

    Every dimension is standardised over the items, so that none outweighs the others.

    Parameters
    ----------
    activations : of the model
    corpus, model, step : copied into the tables
    settings : tier, and the column and numbers of labels and speakers
    seed : of the draw of items

    Returns
    -------
    shares : columns :data:`BLOCK_COLUMNS`, one row per layer and factor: ``target`` is ``label`` or ``speaker``,
        ``metric`` is ``omega_squared``
    gram : columns :data:`GRAM_COLUMNS`, one row per layer and pair of the first ``n_shown`` speakers and labels

    Both are empty if fewer than three labels are said by the same three speakers.
    """
    blocks = settings.blocks
    crossed = cross_items(activations.index, blocks.tier or settings.tier, blocks, seed)
    names = {"corpus": corpus, "model": model, "step": str(step)}
    shares: list[dict[str, Any]] = []
    grams: list[pd.DataFrame] = []
    if crossed is not None:
        about = {**names, "metric": "omega_squared", "n": crossed.rows.size}
        about |= {"n_groups": len(crossed.speakers), "n_labels": len(crossed.labels)}
        for layer in activations.layers:
            x = _standardised(activations.load(layer, crossed.rows.ravel())).reshape(*crossed.rows.shape, -1)
            for factor, (value, low, high) in zip(FACTORS, shares_interval(x)):
                row = {"layer": layer, "target": factor, "value": value, "ci_low": low, "ci_high": high}
                shares.append(about | row)
            grams.append(_gram(x, crossed, blocks.n_shown).assign(**names, layer=layer))
    table = check_results(pd.DataFrame(shares, columns=list(BLOCK_COLUMNS)))
    gram = pd.concat(grams) if grams else pd.DataFrame(columns=list(GRAM_COLUMNS))
    return table, gram.reindex(columns=list(GRAM_COLUMNS))


def _standardised(vectors: Array) -> Array:
    x = np.asarray(vectors, dtype=np.float64)
    scale = x.std(axis=0)
    varies = scale > 1e-7 * np.abs(x).max(axis=0, initial=0)
    return (x - x.mean(axis=0)) * np.divide(1, scale, where=varies, out=np.zeros_like(scale))


def _gram(x: Array, crossed: Crossed, n_shown: int) -> pd.DataFrame:
    kept = x[:n_shown, :n_shown]
    n_speakers, n_labels = kept.shape[:2]
    flat = kept.reshape(n_speakers * n_labels, -1)
    lengths = np.linalg.norm(flat, axis=1, keepdims=True)
    unit = np.divide(flat, lengths, where=lengths > 0, out=np.zeros_like(flat))
    speakers = np.repeat(crossed.speakers[:n_speakers], n_labels)
    labels = np.tile(crossed.labels[:n_labels], n_speakers)
    one, other = (places.ravel() for places in np.indices((len(flat), len(flat))))
    return pd.DataFrame(
        {
            "speaker": speakers[one],
            "label": labels[one],
            "other_speaker": speakers[other],
            "other_label": labels[other],
            "cosine": np.round((unit @ unit.T).ravel(), 4),
        }
    )
