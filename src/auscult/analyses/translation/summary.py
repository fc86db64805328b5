"""Regression of gender accuracy on the probe's F1 over models and languages, with means over seeds.

A point is a model in a language: x is the probe's macro F1 on the states that the decoder reads, y is gender accuracy.
The points of a model share its encoder and are not independent, and neither are seeds of one mechanism. Beside the p
over points, which Fucci et al. (2025) report, the summary therefore has the p from permuting whole models, the rank
correlation over models with its exact p, and the fit within models. Intervals resample speakers, the same for all
models, and have the variance of training seeds.
"""

from collections.abc import Callable, Iterator, Sequence
from functools import partial
from itertools import permutations
from typing import Any

import numpy as np
import pandas as pd
from scipy.stats import linregress, rankdata

from auscult.analyses.translation.analysis import ALL, SHUFFLED, probe_counts
from auscult.analyses.translation.exchanges import exchange_rows
from auscult.analyses.translation.settings import TranslationSettings
from auscult.analyses.translation.terms import SHARES, shares, speaker_counts
from auscult.errors import AnalysisError
from auscult.seeds import task_of
from auscult.statistics.intervals import MIN_GROUPS, bootstrap_statistic, macro_f1
from auscult.statistics.training_seeds import interval_over_seeds
from auscult.tables import RESULT_COLUMNS, check_results

__all__ = ["SUMMARY_COLUMNS", "summarise_translation", "regression", "permuted_p", "rank_correlation"]

SUMMARY_COLUMNS = (*RESULT_COLUMNS, "chance", "control", "seed", "n_seeds", "resampling_unit")
_Statistic = Callable[[np.ndarray], np.ndarray]
_FITTED = ("slope", "intercept", "r_squared", "within_model_slope", "within_model_r_squared", "residual_sd")
_MEASURES = (
    "gender_accuracy",
    "she_accuracy",
    "he_accuracy",
    "masculine_share",
    "coverage",
    "exact_match",
    "exact_match_but_gender",
)


def summarise_translation(
    items: pd.DataFrame, *, settings: TranslationSettings = TranslationSettings(), seed: int = 0
) -> pd.DataFrame:
    """Average models over their seeds, and regress gender accuracy on the probe's F1 over models and languages.

    Rows of a model are means over its seeds, for each language and for all: ``probe_macro_f1`` of the states that the
    decoder reads, and shares of its translations. Rows of model ``all`` are of the regression over the points: slope,
    intercept, R² (``r_squared``), ``p_points`` (t-test of the slope with points taken as independent), ``p_models``
    (:func:`permuted_p`), ``rank_correlation`` over models with ``p_rank`` (:func:`rank_correlation`),
    ``within_model_r_squared`` and ``within_model_slope`` (each axis minus the model's mean) and ``residual_sd``; rows
    with a ``seed`` use the models of that seed only. Rows whose ``target`` is ``pitch``, ``tract`` or ``both`` are of
    sentences with that property exchanged (:func:`auscult.analyses.translation.exchanges.exchange_rows`).

    Parameters
    ----------
    items : translations of all models, as returned by
        :func:`auscult.analyses.translation.analysis.score_translator`; untrained models (step 0) are left out
    settings : ``n_resamples`` is used
    seed : of the resampling

    Raises
    ------
    AnalysisError
        Models translated different utterances, or have different numbers of seeds.
    """
    items = items[items["step"].astype(str) != "0"]
    items = items.assign(condition=[task_of(name) for name in items["model"]])
    exchanged, items = items[items["exchanged"] != ""], items[items["exchanged"] == ""]
    _check(items)
    rows: list[dict[str, Any]] = []
    for (corpus, condition), mine in exchanged.groupby(["corpus", "condition"], sort=False):
        names = {"corpus": corpus, "model": condition, "control": "", "resampling_unit": "pair"}
        rows += [names | row for row in exchange_rows(mine, settings.n_resamples, seed)]
    for corpus, mine in items.groupby("corpus", sort=False):
        for control in ("", SHUFFLED):
            points = _Points(mine, control)
            names = {"corpus": corpus, "control": control, "resampling_unit": "speaker"}
            rows += [names | row for row in points.rows(settings.n_resamples, seed)]
    table = pd.DataFrame(rows).assign(step="final")
    table.loc[table["n_seeds"] > 1, "resampling_unit"] += " and seed"
    return check_results(table.reindex(columns=list(SUMMARY_COLUMNS)))


def regression(x: np.ndarray, y: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return slope, intercept and R² of y on x by least squares over the last axis; NaN where x is constant."""
    dx, dy = x - x.mean(axis=-1, keepdims=True), y - y.mean(axis=-1, keepdims=True)
    xx, yy, xy = (dx * dx).sum(axis=-1), (dy * dy).sum(axis=-1), (dx * dy).sum(axis=-1)
    nothing = np.full_like(xx, np.nan)
    slope = np.divide(xy, xx, out=nothing.copy(), where=xx > 1e-12)
    r_squared = np.divide(xy**2, xx * yy, out=nothing.copy(), where=(xx * yy) > 1e-18)
    return slope, y.mean(axis=-1) - slope * x.mean(axis=-1), r_squared


def permuted_p(x: np.ndarray, y: np.ndarray) -> float:
    """Return the share of all permutations of the models whose correlation is at least as high as the observed one.

    The test is one-sided, since accuracy is expected to rise with the probe's F1. All accuracies of a model are
    reassigned together, language by language. Three models have six permutations, so p cannot be below 1/6.

    Parameters
    ----------
    x, y : F1 of the probe, and gender accuracy [shapes=(n_models, n_languages)]
    """
    orders = np.array([y[list(order)].ravel() for order in permutations(range(len(y)))])
    slopes, _, r_squared = regression(np.broadcast_to(x.ravel(), orders.shape), orders)
    correlations = np.sign(slopes) * np.sqrt(r_squared)
    return float(np.mean(correlations >= correlations[0] - 1e-12)) if np.isfinite(correlations[0]) else float("nan")


def rank_correlation(x: np.ndarray, y: np.ndarray) -> tuple[float, float]:
    """Return Spearman's ρ over models and its exact one-sided p, the share of all orders whose ρ is at least as high.

    With n models p cannot be below 1/n!: 1/6 for three, 1/720 for six. Both are NaN for fewer than 3 models, or if one
    measure does not vary.

    Parameters
    ----------
    x, y : F1 of the probe, and gender accuracy [shapes=(n_models,)]
    """
    ranks = np.array([rankdata(each) for each in (x, y)])
    ranks -= ranks.mean(axis=1, keepdims=True)
    norm = np.sqrt((ranks**2).sum(axis=1)).prod()
    if ranks.shape[1] < 3 or not norm or not np.isfinite([*x, *y]).all():
        return float("nan"), float("nan")
    found = ranks[1][np.array(list(permutations(range(ranks.shape[1]))))] @ ranks[0] / norm
    return float(found[0]), float(np.mean(found >= found[0] - 1e-12))


class _Points:
    """Counts of every speaker for every run and language, from which statistics and intervals are computed."""

    def __init__(self, items: pd.DataFrame, control: str):
        self.control = control
        self.speakers, self.languages = (sorted(items[column].unique()) for column in ("speaker", "target_language"))
        self.runs = items[["condition", "model"]].drop_duplicates().reset_index(drop=True)
        self.conditions = list(self.runs["condition"].unique())
        self.seeds = self.runs.groupby("condition", sort=False).cumcount().to_numpy()
        genders = items.drop_duplicates("speaker").set_index("speaker")["shuffled_gender"] if control else None
        self.items = {
            (model, language): part for (model, language), part in items.groupby(["model", "target_language"])
        }
        cells = [[self._cell(model, language, genders) for language in self.languages] for model in self.runs["model"]]
        self._sums: dict[tuple[int, int], list[np.ndarray]] = {}
        # [speaker, run, language, count]; the last six counts belong to F1.
        self.counts = np.moveaxis(np.array(cells, dtype=float), 2, 0)

    def rows(self, n_resamples: int, seed: int) -> Iterator[dict[str, Any]]:
        """Yield the rows of :func:`summarise_translation`."""
        n_seeds = int(self.seeds.max()) + 1
        for place, condition in enumerate(self.conditions):
            for column, language in enumerate([*self.languages, ALL]):
                for name in ("probe_macro_f1", *_MEASURES):
                    yield {
                        "model": condition,
                        "layer": "final",
                        "target": language,
                        "metric": name,
                        "n_seeds": n_seeds,
                        "chance": 0.5 if name == "probe_macro_f1" or name.endswith("_accuracy") else np.nan,
                        **self._interval(
                            partial(self._mean, name=name, place=place, column=column),
                            n_resamples,
                            seed,
                            [
                                partial(self._mean, name=name, place=place, column=column, number=number)
                                for number in range(n_seeds)
                            ],
                            (0.0, 1.0),
                        ),
                        "n": self._n(condition, language, name),
                    }
        yield from self._fit(None, n_resamples, seed)
        if n_seeds > 1:
            for number in range(n_seeds):
                yield from self._fit(number, n_resamples, seed)

    def _fit(self, number: int | None, n_resamples: int, seed: int) -> Iterator[dict[str, Any]]:
        n_seeds = int(self.seeds.max()) + 1
        numbers = list(range(n_seeds)) if number is None else []
        shared = {
            "model": ALL,
            "layer": "final",
            "target": ALL,
            "seed": "" if number is None else str(number + 1),
            "n_seeds": n_seeds if number is None else 1,
            "n": len(self.conditions) * len(self.languages),
        }
        for name in _FITTED:
            bounds = (0.0, 1.0) if name.endswith("r_squared") else (-np.inf, np.inf)
            of_seeds = [partial(self._fitted, name=name, number=each) for each in numbers]
            found = self._interval(partial(self._fitted, name=name, number=number), n_resamples, seed, of_seeds, bounds)
            yield {"metric": name, **found, **shared}
        total = self.counts.sum(axis=0)
        x, y = self._axes(total, number)
        varies = np.ptp(x) > 1e-12 and x.size > 2
        p_points = float(linregress(x.ravel(), y.ravel()).pvalue) if varies else float("nan")
        overall = (self._means(total, name, number)[..., -1] for name in ("probe_macro_f1", "gender_accuracy"))
        correlation, p_rank = rank_correlation(*overall)
        for name, value, n in (
            ("p_points", p_points, x.size),
            ("p_models", permuted_p(x, y), len(x)),
            ("rank_correlation", correlation, len(x)),
            ("p_rank", p_rank, len(x)),
        ):
            yield {"metric": name, "value": value, "n_groups": len(self.speakers), **shared, "n": n}

    def _axes(self, sums: np.ndarray, number: int | None) -> tuple[np.ndarray, np.ndarray]:
        """Return F1 and gender accuracy of every condition and language, of one seed or averaged over seeds."""
        x, y = (self._means(sums, name, number)[..., :-1] for name in ("probe_macro_f1", "gender_accuracy"))
        return x, y

    def _fitted(self, sums: np.ndarray, name: str, number: int | None) -> np.ndarray:
        within = name.startswith("within_model_")
        centred = [part - part.mean(axis=-1, keepdims=True) if within else part for part in self._axes(sums, number)]
        x, y = (part.reshape(*part.shape[:-2], -1) for part in centred)
        if name == "residual_sd":
            return _residual_sd(x, y)
        return regression(x, y)[("slope", "intercept", "r_squared").index(name.removeprefix("within_model_"))]

    def _mean(self, sums: np.ndarray, name: str, place: int, column: int, number: int | None = None) -> np.ndarray:
        return self._means(sums, name, number)[..., place, column]

    def _means(self, sums: np.ndarray, name: str, number: int | None = None) -> np.ndarray:
        """Return a measure of each condition, of one seed or averaged over seeds, for each language and for all."""
        sums = np.concatenate([sums, sums.sum(axis=-2, keepdims=True)], axis=-2)
        if name == "probe_macro_f1":
            values = macro_f1(sums[..., -6:].reshape(*sums.shape[:-1], 3, 2))
        else:
            values = shares(sums[..., :-6], self.columns, name)
        chosen = [
            (self.runs["condition"] == condition) & ((self.seeds == number) if number is not None else True)
            for condition in self.conditions
        ]
        return np.stack([values[..., mine.to_numpy(), :].mean(axis=-2) for mine in chosen], axis=-2)

    def _interval(
        self,
        statistic: _Statistic,
        n_resamples: int,
        seed: int,
        of_seeds: Sequence[_Statistic] = (),
        bounds: tuple[float, float] = (-np.inf, np.inf),
    ) -> dict[str, Any]:
        """Return the value with its interval over speakers, and over seeds if there are several."""
        n_groups, total = len(self.speakers), self.counts.sum(axis=0)[None]
        value = float(statistic(total)[0])
        if len(of_seeds) < 2 or n_groups < MIN_GROUPS:
            low, high = bootstrap_statistic(self.counts, statistic, n_resamples=n_resamples, seed=seed)
        else:
            seeds = np.array([float(each(total)[0]) for each in of_seeds])
            drawn = np.concatenate([statistic(sums) for sums in self._resampled(n_resamples, seed)])
            low, high = interval_over_seeds(value, drawn, [seeds], n_groups=n_groups, bounds=bounds)
        return {"value": value, "ci_low": low, "ci_high": high, "n_groups": n_groups}

    def _resampled(self, n_resamples: int, seed: int) -> list[np.ndarray]:
        """Return the sums over resampled speakers, in chunks, computed once for all statistics."""
        key = (n_resamples, seed)
        if key not in self._sums:
            n = len(self.speakers)
            draws = np.random.default_rng(seed).multinomial(n, np.full(n, 1 / n), size=n_resamples).astype(float)
            self._sums[key] = [
                np.tensordot(draws[at : at + 500], self.counts, axes=1) for at in range(0, n_resamples, 500)
            ]
        return self._sums[key]

    def _n(self, condition: str, language: str, name: str) -> int:
        mine = (self.runs["condition"] == condition).to_numpy()
        which = [self.languages.index(language)] if language != ALL else slice(None)
        column = self.columns.index(SHARES[name][1] if name in SHARES else "n_translations")
        return int(self.counts[:, mine][:, :, which][..., column].sum())

    def _cell(self, model: str, language: str, genders: pd.Series | None) -> np.ndarray:
        part = self.items[model, language]
        counts = speaker_counts(part, genders).reindex(self.speakers, fill_value=0)
        self.columns = list(counts.columns)
        f1_counts = probe_counts(part, part["final_stage"].iloc[0], self.control)
        confusion = np.stack([f1_counts.get(speaker, np.zeros((3, 2))).ravel() for speaker in self.speakers])
        return np.concatenate([counts.to_numpy(), confusion], axis=1)


def _residual_sd(x: np.ndarray, y: np.ndarray) -> np.ndarray:
    slope, intercept, _ = regression(x, y)
    return np.std(y - slope[..., None] * x - intercept[..., None], axis=-1)


def _check(items: pd.DataFrame) -> None:
    runs = items.groupby("condition")["model"].nunique()
    if runs.nunique() > 1:
        raise AnalysisError(
            f"expected the same number of seeds for every model, found {runs.max()} of {runs.idxmax()} and "
            f"{runs.min()} of {runs.idxmin()}; add entries that differ only in seed"
        )
    seen = {model: set(zip(part["utterance"], part["target_language"])) for model, part in items.groupby("model")}
    first = next(iter(seen))
    odd = [model for model, pairs in seen.items() if pairs != seen[first]]
    if odd:
        raise AnalysisError(
            f"expected translations of the same utterances by every model, found different ones by {odd[0]!r} "
            f"and {first!r}; run the analysis of both again"
        )
