"""Which method finds the cue best, in which layer, and whether it is better than all others: on sentences apart.

Methods share no scale: rollout and norms with the residual keep much of a row in its own cell, and value zeroing grows
with the length of what it takes away, so that even of an untrained model the mass on the cue differs tenfold. They are
ranked by a score without scale, the hit: whether the largest cell of the row, the target's own left out, is the cue's.
What else is in the order of cells stays in it: averaging methods favour neighbours, value zeroing long words, and a
determiner is short. So the untrained model stands beside every hit, too: of a small one, on 53 targets, hits of
attention were .4 and of value zeroing .02, where chance was .3.
"""

import numpy as np
import pandas as pd

from auscult.statistics.intervals import cluster_bootstrap
from auscult.tables import RESULT_COLUMNS, check_results

__all__ = ["MIXING_COLUMNS", "MASS", "HIT", "DIFFERENCE", "ALL", "hit_share", "summarise_cues", "not_separated"]

MASS, HIT, DIFFERENCE, ALL = "cue_mass", "cue_hit", "cue_hit_difference", "all"
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
)
_RUN = ("corpus", "model", "step")
# Of the largest cell: what float32 products that run in another order differ by is a tie.
_TIE = 1e-5


def hit_share(row: np.ndarray, own: int, cue: int) -> float:
    """Return 1 if the cue's cell is the largest of a row, 0 if another is; its share of a tie.

    Whatever is added to a row by its scale, by its sum or by its own cell changes nothing. With cells that tell nothing
    the mean is 1 / (n_words − 1).

    Parameters
    ----------
    row : scores of the words of a sentence [shape=(n_words,)], at least 0
    own : place of the target, whose cell is left out
    cue : place of the cue, another word
    """
    others = np.delete(row, own)
    largest = others >= others.max() * (1 - _TIE)
    return float(largest[cue - (cue > own)]) / largest.sum()


def summarise_cues(sentences: pd.DataFrame, *, n_resamples: int = 2000, seed: int = 0) -> pd.DataFrame:
    """Average mass and hits of the cue over sentences, choose layers on one half, compare methods on the other.

    Intervals resample sentences (texts): two targets of one sentence are not independent, nor are two voices that say
    it. The same resamples serve every row, so that differences are paired.

    Parameters
    ----------
    sentences : columns ``corpus, model, step`` (one value each), ``utterance, text, half, target, target_index, layer,
        method, mass, hit, chance, one_in_words, cue_duration``

    Returns
    -------
    results : columns :data:`MIXING_COLUMNS`, for each kind of target and for :data:`ALL` of them. Metrics ``cue_mass``,
        the share of the row, and ``cue_hit``, the share of targets whose largest other cell is the cue: a row for each
        method and layer over all sentences; and one of layer ``selected``, the first of the layers with most hits on
        the half ``valid``, over the half ``test``, with the method's ``rank`` by hits on ``valid``. Metric
        ``cue_hit_difference``: the method that ranks first minus each other, both at their selected layers, over
        ``test``. ``n`` counts targets, ``n_groups`` sentences. Values are 0 to 1, higher is better. ``chance`` of hits
        is the mean of 1 / (n_words − 1); mass has none, only what mixing all alike would give: ``one_in_words`` where
        frames are averaged, about the cue's share of the words' frames, ``cue_duration``, where whole words are taken
        away, and neither where a row keeps more in its own cell.
    """
    settings = {"n_resamples": n_resamples, "seed": seed}
    rows: list[dict] = []
    for target, of_target in [*sentences.groupby("target", sort=True), (ALL, sentences)]:
        for (method, layer), those in of_target.groupby(["method", "layer"], sort=False):
            about = {"target": target, "layer": layer, "method": method}
            rows += [about | _mean(those, metric, settings) for metric in (MASS, HIT)]
        rows += _selected(target, of_target, settings)
    run = {name: sentences[name].iloc[0] for name in _RUN}
    results = pd.DataFrame(rows).assign(**run, resampling_unit="sentence")
    return check_results(results.reindex(columns=MIXING_COLUMNS))


def not_separated(differences: pd.DataFrame) -> list[str]:
    """Return the methods that the first one is not shown to be better than: none means that it is the best.

    That a method is better than all others is shown if it is better than each: an intersection of tests, of which each
    holds its level without correction (Berger, 1982). The lower bound of a two-sided 95 % interval is a one-sided test
    at 2.5 %. It is one verdict for one target of one model; several verdicts are not corrected for one another.

    Parameters
    ----------
    differences : rows of metric ``cue_hit_difference`` of one target of one run
    """
    return differences.loc[~(differences["ci_low"] > 0), "other_method"].tolist()


def _selected(target: str, sentences: pd.DataFrame, settings: dict) -> list[dict]:
    """Return the rows of the chosen layers, best method first, and those of its differences to the others."""
    means = sentences[sentences["half"] == "valid"].groupby(["method", "layer"], sort=False)["hit"].mean()
    test = sentences[sentences["half"] == "test"]
    if means.empty or test.empty:
        return []
    chosen = means.loc[means.groupby(level="method", sort=False).idxmax()].sort_values(ascending=False, kind="stable")
    best, rows, differences = None, [], []
    for rank, ((method, layer), valid_value) in enumerate(chosen.items(), start=1):
        those = test[(test["method"] == method) & (test["layer"] == layer)]
        those = those.set_index(["utterance", "target_index"]).sort_index()
        about = {"target": target, "layer": "selected", "rank": rank}
        here = about | {"method": method, "selected_layer": layer, "valid_value": valid_value}
        rows += [here | _mean(those, HIT, settings), here | {"valid_value": np.nan} | _mean(those, MASS, settings)]
        if best is None:
            best, first = those, {"method": method, "selected_layer": layer}
        else:
            found = _mean(those.assign(hit=best["hit"] - those["hit"]), HIT, settings)
            told = {"other_method": method, "other_layer": layer, "metric": DIFFERENCE, "chance": 0.0}
            differences.append(about | first | found | told)
    return rows + differences


def _mean(sentences: pd.DataFrame, metric: str, settings: dict) -> dict:
    values = sentences["hit" if metric == HIT else "mass"]
    low, high = cluster_bootstrap(values, np.ones(len(values)), sentences["text"], **settings)
    found = {
        "metric": metric,
        "value": values.mean(),
        "ci_low": low,
        "ci_high": high,
        "n": len(values),
        "n_groups": sentences["text"].nunique(),
    }
    beside = ("chance",) if metric == HIT else ("one_in_words", "cue_duration")
    return found | {name: sentences[name].mean() for name in beside}
