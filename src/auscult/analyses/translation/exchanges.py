"""Causal effect of a voice's pitch and vocal tract on the gender that is written, and on the gender that a probe finds.

The same sentence is translated in a speaker's own voice and with pitch, vocal tract or both of a speaker of the other
gender. The difference is caused by what was exchanged, since nothing else changes.
"""

from collections.abc import Iterator
from typing import Any

import numpy as np
import pandas as pd

from auscult.corpora.synthesis.unmet_voices import EXCHANGES, OWN
from auscult.statistics.intervals import MIN_GROUPS, bootstrap_statistic
from auscult.statistics.training_seeds import interval_over_seeds

__all__ = ["exchange_rows"]

# Layer and name of what is measured.
_WRITTEN, _PROBED = ("output", "written"), ("final", "probe")


def exchange_rows(items: pd.DataFrame, n_resamples: int, seed: int) -> Iterator[dict[str, Any]]:
    """Yield the effects of exchanges on one translator: shifts and flips of gender, for each property.

    ``written_shift`` is the mean change of the share of forms (layer ``output``), ``probe_shift`` of the probe's
    answers (layer ``final``), towards the gender of the speaker whose property was taken: 1 if all change, 0 if none
    does, negative if they change the other way. ``written_flips`` and ``probe_flips`` are shares of utterances whose
    gender changes at all, in either direction. ``target`` is the exchanged property. Utterances without a gendered
    word in one of the two voices are left out. Intervals resample pairs of speakers, with the variance of training
    seeds (:func:`auscult.statistics.training_seeds.interval_over_seeds`).

    Parameters
    ----------
    items : translations of utterances with exchanged properties by all seeds of a translator, with columns ``model,
        base, pair, sentence, exchanged, gender, n_right, n_wrong, final_stage`` and ``heard_{final_stage}``
    n_resamples : bootstrap samples
    seed : of the resampling
    """
    stage = items["final_stage"].iloc[0]
    women = items["gender"] == "female"
    forms = (items["n_right"] + items["n_wrong"]).to_numpy(dtype=float)
    feminine = np.where(women, items["n_right"], items["n_wrong"]) / np.where(forms > 0, forms, np.nan)
    measured = {_WRITTEN: feminine, _PROBED: (items[f"heard_{stage}"] == "female").to_numpy(dtype=float)}
    keys = ["model", "pair", "gender", "base", "sentence"]
    for (layer, name), values in measured.items():
        wide = items.assign(feminine=values).pivot(index=keys, columns="exchanged", values="feminine")
        towards_other = np.where(wide.index.get_level_values("gender") == "female", -1.0, 1.0)
        for what in EXCHANGES:
            change = wide[what] - wide[OWN]
            flipped = ((wide[what] > 0.5) != (wide[OWN] > 0.5)).astype(float).where(change.notna())
            for metric, effect, least in (("shift", change * towards_other, -1.0), ("flips", flipped, 0.0)):
                yield {
                    "layer": layer,
                    "target": what,
                    "metric": f"{name}_{metric}",
                    "chance": 0.0,
                    **_mean(effect.dropna(), least, n_resamples, seed),
                }


def _mean(effect: pd.Series, least: float, n_resamples: int, seed: int) -> dict[str, Any]:
    """Return the mean over seeds of the mean over utterances, with its interval."""
    if effect.empty:
        return {"n": 0, "n_groups": 0, "n_seeds": 0, "value": np.nan, "ci_low": np.nan, "ci_high": np.nan}
    parts = effect.groupby(level=["pair", "model"]).agg(["sum", "count"]).unstack("model", fill_value=0)
    # [pair, sum or count, seed]
    sums = np.stack([parts[name].to_numpy(dtype=float) for name in ("sum", "count")], axis=1)

    def statistic(totals: np.ndarray) -> np.ndarray:
        top, bottom = totals[..., 0, :], totals[..., 1, :]
        return np.divide(top, bottom, out=np.full_like(top, np.nan), where=bottom > 0).mean(axis=-1)

    n_pairs, n_seeds = len(sums), sums.shape[-1]
    found = {"n": len(effect), "n_groups": n_pairs, "n_seeds": n_seeds}
    value = float(statistic(sums.sum(axis=0)[None])[0])
    if n_seeds == 1 or n_pairs < MIN_GROUPS:
        low, high = bootstrap_statistic(sums, statistic, n_resamples=n_resamples, seed=seed)
    else:
        draws = np.random.default_rng(seed).multinomial(n_pairs, np.full(n_pairs, 1 / n_pairs), size=n_resamples)
        drawn = statistic(np.tensordot(draws.astype(float), sums, axes=1))
        totals = sums.sum(axis=0)
        low, high = interval_over_seeds(value, drawn, [totals[0] / totals[1]], n_groups=n_pairs, bounds=(least, 1.0))
    return found | {"value": value, "ci_low": low, "ci_high": high}
