"""Comparison of methods by hits on the cue, with layers and ranks chosen on other sentences than those reported.

Mass has a different scale in each method: rollout and norms with the residual keep much of a row in its own cell, and
value zeroing grows with the length of the zeroed word. On an untrained model, the mass on the cue differs tenfold
between methods. Methods are therefore ranked by hits: the share of target words whose largest cell, their own left out,
is the cue's. Hits have biases of their own: averaging methods favour neighbours, value zeroing favours long words, and
a determiner is short. Hits are therefore compared with the untrained model as well. For a small untrained model and 53
target words, hits were .4 for attention and .02 for value zeroing, with chance at .3.
"""

from typing import Any

import numpy as np
import pandas as pd

from auscult.analyses.mixing.settings import MixingSettings
from auscult.statistics.intervals import cluster_bootstrap
from auscult.tables import RESULT_COLUMNS, check_results

__all__ = [
    "MIXING_COLUMNS",
    "MASS",
    "HIT",
    "DIFFERENCE",
    "ALL",
    "NUMBER_RIGHT",
    "NUMBER_CHANGE",
    "UNTOUCHED",
    "EVERY_LAYER",
    "hit_share",
    "summarise_cues",
    "not_separated",
]

MASS, HIT, DIFFERENCE, ALL = "cue_mass", "cue_hit", "cue_hit_difference", "all"
# Spelling of number when a layer cannot take anything from the cue, see auscult.analyses.mixing.effects.
NUMBER_RIGHT, NUMBER_CHANGE = "number_right", "number_right_change"
UNTOUCHED, EVERY_LAYER = "none", "every"  # in place of the layer whose values are zeroed
MIXING_COLUMNS = (
    *RESULT_COLUMNS,
    "method",
    "other_method",
    "selected_layer",
    "other_layer",
    "valid_value",
    "rank",
    "chance",
    "one_in_words",
    "cue_duration",
    "resampling_unit",
    "spells",
)
_RUN = ("corpus", "model", "step")
# Relative difference to the largest cell that counts as a tie: float32 products vary with the order of operations.
_TIE = 1e-5


def hit_share(row: np.ndarray, own: int, cue: int) -> float:
    """Return 1 if the cue's cell is the largest of a row, 0 if another cell is, and its share of a tie.

    The scale of a row, its sum and its own cell have no influence. Uninformative cells give 1 / (n_words − 1) on
    average.

    Parameters
    ----------
    row : scores of the words of a sentence [shape=(n_words,)], at least 0
    own : position of the target word, whose cell is left out
    cue : position of the cue, another word
    """
    others = np.delete(row, own)
    largest = others >= others.max() * (1 - _TIE)
    return float(largest[cue - (cue > own)]) / largest.sum()


def summarise_cues(
    sentences: pd.DataFrame, *, n_resamples: int = MixingSettings.n_resamples, seed: int = 0
) -> pd.DataFrame:
    """Average mass and hits of the cue over sentences, choose layers on one half, and compare methods on the other.

    Intervals resample sentences (texts), since two target words of a sentence, or two voices that read it, are not
    independent. All rows use the same resamples, so that differences are paired.

    Parameters
    ----------
    sentences : columns ``corpus, model, step`` (one value each), ``utterance, text, half, target, target_index, layer,
        method, mass, hit, chance, one_in_words, cue_duration``

    Returns
    -------
    results : columns :data:`MIXING_COLUMNS`, for each kind of target word and for :data:`ALL` together. ``cue_mass`` is
        the cue's share of the row, ``cue_hit`` the share of target words whose largest other cell is the cue's (0 to 1,
        higher is better). There is one row per method and layer, over all sentences, and one with layer ``selected``:
        the first of the layers with most hits on the half ``valid``, measured on the half ``test``, with the method's
        ``rank`` by hits on ``valid``. ``cue_hit_difference`` is the first-ranked method minus another, both at their
        selected layers, on ``test``. ``n`` counts target words, ``n_groups`` sentences. ``chance`` of hits is the mean
        of 1 / (n_words − 1). Mass has no chance level, but two reference values of an even row: ``one_in_words``
        (methods that average frames) and ``cue_duration``, the cue's share of the words' frames (value zeroing);
        neither applies where a row keeps more in its own cell
    """
    bootstrap = {"n_resamples": n_resamples, "seed": seed}
    rows: list[dict[str, Any]] = []
    for target, of_target in [*sentences.groupby("target", sort=True), (ALL, sentences)]:
        for (method, layer), group in of_target.groupby(["method", "layer"], sort=False):
            about = {"target": target, "layer": layer, "method": method}
            rows += [about | _mean(group, metric, bootstrap) for metric in (MASS, HIT)]
        rows += _selected(str(target), of_target, bootstrap)
    run = {name: sentences[name].iloc[0] for name in _RUN}
    results = pd.DataFrame(rows).assign(**run, resampling_unit="sentence")
    return check_results(results.reindex(columns=MIXING_COLUMNS))


def not_separated(differences: pd.DataFrame) -> list[str]:
    """Return the methods from which the first-ranked one is not separated; an empty list means that it is the best.

    A method is better than all others if it is better than each of them: an intersection–union test, which needs no
    correction within one verdict (Berger, 1982). The lower bound of a two-sided 95 % interval is a one-sided test at
    2.5 %. The verdict concerns one kind of target word of one model; several verdicts are not corrected for each other.

    Parameters
    ----------
    differences : rows of metric ``cue_hit_difference``, of one kind of target word and one run
    """
    return differences.loc[~(differences["ci_low"] > 0), "other_method"].tolist()


def _selected(target: str, sentences: pd.DataFrame, bootstrap: dict[str, int]) -> list[dict[str, Any]]:
    """Return the rows of the selected layers, best method first, then the rows of differences."""
    means = sentences[sentences["half"] == "valid"].groupby(["method", "layer"], sort=False)["hit"].mean()
    test = sentences[sentences["half"] == "test"]
    if means.empty or test.empty:
        return []
    chosen = means.loc[means.groupby(level="method", sort=False).idxmax()].sort_values(ascending=False, kind="stable")
    best, first, rows, differences = None, {}, [], []
    keys = zip(chosen.index.get_level_values("method"), chosen.index.get_level_values("layer"), chosen)
    for rank, (method, layer, valid_value) in enumerate(keys, start=1):
        hits = test[(test["method"] == method) & (test["layer"] == layer)]
        hits = hits.set_index(["utterance", "target_index"]).sort_index()
        about = {"target": target, "layer": "selected", "rank": rank}
        here = about | {"method": method, "selected_layer": layer, "valid_value": valid_value}
        rows += [here | _mean(hits, HIT, bootstrap), here | {"valid_value": np.nan} | _mean(hits, MASS, bootstrap)]
        if best is None:
            best, first = hits, {"method": method, "selected_layer": layer}
        else:
            difference = _mean(hits.assign(hit=best["hit"] - hits["hit"]), HIT, bootstrap)
            other = {"other_method": method, "other_layer": layer, "metric": DIFFERENCE, "chance": 0.0}
            differences.append(about | first | difference | other)
    return rows + differences


def _mean(sentences: pd.DataFrame, metric: str, bootstrap: dict[str, int]) -> dict[str, Any]:
    values = sentences["hit" if metric == HIT else "mass"]
    low, high = cluster_bootstrap(values, np.ones(len(values)), sentences["text"], **bootstrap)
    found = {
        "metric": metric,
        "value": values.mean(),
        "ci_low": low,
        "ci_high": high,
        "n": len(values),
        "n_groups": sentences["text"].nunique(),
    }
    references = ("chance",) if metric == HIT else ("one_in_words", "cue_duration")
    return found | {name: sentences[name].mean() for name in references}
