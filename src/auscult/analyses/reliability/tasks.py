"""Reliability of the attributions of one task over all of its models: agreement of seeds, methods and inputs."""

from collections.abc import Iterator, Mapping, Sequence

import numpy as np
import pandas as pd

from auscult.analyses.reliability.agreement import (
    GROUPED,
    Vectors,
    between_inputs,
    between_methods,
    between_seeds,
    score_vectors,
    with_duration,
)
from auscult.analyses.reliability.items import (
    ITEM_COLUMNS,
    KEYS,
    average_classes,
    contrast_units,
    describe_items,
    summarise_items,
)
from auscult.analyses.reliability.sanity import against_randomised
from auscult.analyses.reliability.settings import COMPARISONS, ReliabilitySettings
from auscult.errors import AnalysisError

__all__ = ["measure_task"]

_CONTRASTS = (("word", "frame"), ("word", GROUPED), ("word", "phone"))


def measure_task(
    tables: Mapping[tuple[str, str], pd.DataFrame],
    items: Sequence[pd.DataFrame],
    *,
    corpus: str,
    task: str,
    between: Sequence[str] = COMPARISONS,
    settings: ReliabilitySettings = ReliabilitySettings(),
    seed: int = 0,
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Summarise a task over all of its models: their agreement, and the measures of single models.

    Parameters
    ----------
    tables : attribution table of every (model, step); models of a task differ only in seed; step 0 is untrained
    items : observations of every model from :func:`auscult.analyses.reliability.analysis.measure_run`, with columns
        ``model`` and ``step``
    between : comparisons, names in :data:`auscult.analyses.reliability.settings.COMPARISONS`
    settings : ``methods``, ``top_share`` and ``n_resamples`` are used

    Returns
    -------
    results : columns :data:`auscult.analyses.reliability.items.RELIABILITY_COLUMNS`; ``model`` is the task. Questions
        (``target``) are ``seeds``, ``units`` (difference between units in the agreement of seeds), ``retest``,
        ``methods``, ``inputs``, ``randomisation``, ``faithfulness`` and ``pointing``. For ``seeds`` and ``units``,
        ``chance`` is the value of the untrained models (NaN for fewer than two), and ``seeds_low`` and ``seeds_high``
        are the range over leaving out one seed (NaN for fewer than three)
    contrasts : observations of ``units`` for the trained models, columns
        :data:`auscult.analyses.reliability.items.ITEM_COLUMNS` and ``without``, the seed left out, empty for none

    Raises
    ------
    AnalysisError
        There are fewer than two seeds to compare, segments differ, a method has no scores, or there is no comparison.
    """
    unknown = [name for name in between if name not in COMPARISONS]
    if unknown:
        raise AnalysisError(
            f"expected comparisons between {', '.join(COMPARISONS)}, found {unknown[0]!r}; correct "
            "analyses: reliability: tasks: between"
        )
    vectors = {run: score_vectors(table, f"the attributions of {'/'.join(run)}") for run, table in tables.items()}
    results, contrasts = [], [describe_items([]).assign(without="")]
    for step in dict.fromkeys(step for _, step in vectors):
        models = {model: found for (model, other), found in vectors.items() if other == step}
        # All seeds of a task may share one untrained model, which has no other to agree with.
        alone = step == "0" and len(models) == 1
        seeds = (
            _seed_items(models, settings) if "seeds" in between and not alone else describe_items([]).assign(without="")
        )
        everyone = seeds.loc[seeds["without"] == ""].drop(columns="without")
        stacked = [everyone, *_agreement(models, between, settings), *_measured(items, step)]
        if step != "0":
            contrasts.append(seeds[seeds["question"] == "units"])
            stacked += [
                against_randomised(found, vectors[model, "0"], top_share=settings.top_share).assign(model=model)
                for model, found in models.items()
                if (model, "0") in vectors
            ]
        stacked = [table for table in stacked if len(table)]
        if stacked:
            found = summarise_items(
                pd.concat(stacked, ignore_index=True),
                corpus=corpus,
                model=task,
                step=step,
                task=task,
                n_seeds=len(models),
                n_resamples=settings.n_resamples,
                seed=seed,
            )
            results.append(_with_seed_range(found, seeds))
    if not results:
        raise AnalysisError(
            f"expected comparisons or measures of task {task!r}, found only {len(tables)} attribution tables; name "
            "comparisons in analyses: reliability: tasks: between"
        )
    contrasts = [table for table in contrasts if len(table)] or contrasts
    kept = pd.concat(contrasts, ignore_index=True)[[*ITEM_COLUMNS, "without"]]
    return _with_untrained(pd.concat(results, ignore_index=True)), kept


def _seed_items(models: Mapping[str, Vectors], settings: ReliabilitySettings) -> pd.DataFrame:
    """Return the agreement of all seeds and, for three seeds or more, of all but one (column ``without``)."""
    left_out = ["", *models] if len(models) > 2 else [""]
    tables = []
    for without in left_out:
        seeds = between_seeds({name: found for name, found in models.items() if name != without}, settings)
        stacked = [seeds, average_classes(seeds), contrast_units(seeds, _CONTRASTS)]
        tables += [table.assign(without=without) for table in stacked if len(table)]
    return pd.concat(tables, ignore_index=True)


def _with_seed_range(results: pd.DataFrame, seeds: pd.DataFrame) -> pd.DataFrame:
    without = seeds[seeds["without"] != ""]
    if without.empty:
        return results
    means = without.groupby([*KEYS, "without"], dropna=False)["value"].mean()
    spread = means.groupby(level=list(KEYS), dropna=False).agg(seeds_low="min", seeds_high="max").reset_index()
    spread = spread.rename(columns={"question": "target"})
    kept = results.drop(columns=["seeds_low", "seeds_high"])
    return kept.merge(spread, how="left", on=["target", *KEYS[1:]])[list(results.columns)]


def _with_untrained(results: pd.DataFrame) -> pd.DataFrame:
    """Set the agreement of the untrained seeds as chance of the trained ones."""
    keys, asked = ["target", *KEYS[1:]], results["target"].isin(["seeds", "units"])
    untrained = results.loc[asked & (results["step"] == "0"), [*keys, "value"]]
    chances = results[keys].merge(untrained, how="left", on=keys)["value"].to_numpy()
    return results.assign(chance=np.where(asked, chances, results["chance"]))


def _agreement(
    models: Mapping[str, Vectors], between: Sequence[str], settings: ReliabilitySettings
) -> Iterator[pd.DataFrame]:
    for name, vectors in models.items():
        where = f"the attributions of {name}"
        if "methods" in between:
            yield between_methods(with_duration(vectors), settings, where=where).assign(model=name)
        if "inputs" in between:
            yield between_inputs(vectors, settings, where=where).assign(model=name)


def _measured(items: Sequence[pd.DataFrame], step: str) -> Iterator[pd.DataFrame]:
    """Yield the observations of each model at a step, and the means of its retests over classes of methods."""
    for table in items:
        mine = table.loc[table["step"].astype(str) == step].drop(columns="step")
        yield mine
        retests = mine[mine["question"] == "retest"]
        if len(retests):
            yield average_classes(retests).assign(model=retests["model"].iloc[0])
