"""The reliability of a task's attributions over all of its models: how seeds, methods and inputs agree."""

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
from auscult.analyses.reliability.measures import TOP_SHARE
from auscult.analyses.reliability.sanity import against_randomised
from auscult.errors import AnalysisError

__all__ = ["BETWEEN", "measure_task"]

BETWEEN = ("seeds", "methods", "inputs")
_CONTRASTS = (("word", "frame"), ("word", GROUPED), ("word", "phone"))


def measure_task(
    tables: Mapping[tuple[str, str], pd.DataFrame],
    items: Sequence[pd.DataFrame],
    *,
    corpus: str,
    task: str,
    between: Sequence[str] = BETWEEN,
    methods: Sequence[str] = (),
    top_share: float = TOP_SHARE,
    n_resamples: int = 1000,
    seed: int = 0,
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Summarise a task over all of its models: how they agree, and what was measured of each of them.

    Parameters
    ----------
    tables : attribution table of every (model, step); models of one task differ in seed only; step 0 is untrained
    items : observations of :func:`auscult.analyses.reliability.analysis.measure_run` of every model, with columns
        ``model`` and ``step``
    between : of :data:`BETWEEN`: what to compare

    Returns
    -------
    results : columns :data:`auscult.analyses.reliability.items.RELIABILITY_COLUMNS`; ``model`` is the task. Questions
        (``target``): ``seeds, units`` (differences between units of the agreement of seeds), ``retest, methods, inputs,
        randomisation, faithfulness, pointing``. Of ``seeds`` and ``units``, ``chance`` is what the untrained models
        show, NaN where there are fewer than two, and ``seeds_low`` and ``seeds_high`` are the range over leaving out
        one seed after another, NaN where there are fewer than three
    contrasts : observations of ``units`` of the trained models, columns
        :data:`auscult.analyses.reliability.items.ITEM_COLUMNS` and ``without``, the seed left out, empty for none

    Raises
    ------
    AnalysisError
        Fewer than two seeds are to be compared, segments differ, a method is not there, or nothing is asked for.
    """
    unknown = [name for name in between if name not in BETWEEN]
    if unknown:
        raise AnalysisError(
            f"expected comparisons between {', '.join(BETWEEN)}, found {unknown[0]!r}; correct "
            "analyses: reliability: tasks: between"
        )
    vectors = {run: score_vectors(table, f"the attributions of {'/'.join(run)}") for run, table in tables.items()}
    results, contrasts = [], [describe_items([]).assign(without="")]
    for step in dict.fromkeys(step for _, step in vectors):
        models = {model: found for (model, other), found in vectors.items() if other == step}
        # One untrained model may stand for all seeds of a task: then it has nothing to agree with.
        alone = step == "0" and len(models) == 1
        options = {"methods": methods, "top_share": top_share}
        seeds = (
            _seed_items(models, options) if "seeds" in between and not alone else describe_items([]).assign(without="")
        )
        everyone = seeds.loc[seeds["without"] == ""].drop(columns="without")
        stacked = [everyone, *_agreement(models, between, options), *_measured(items, step)]
        if step != "0":
            contrasts.append(seeds[seeds["question"] == "units"])
            stacked += [
                against_randomised(found, vectors[model, "0"], top_share=top_share).assign(model=model)
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
                n_resamples=n_resamples,
                seed=seed,
            )
            results.append(_with_seed_range(found, seeds))
    if not results:
        raise AnalysisError(
            f"expected something to compare or to measure of task {task!r}, found {len(tables)} attribution tables and "
            "nothing else; name comparisons in analyses: reliability: tasks: between"
        )
    contrasts = [table for table in contrasts if len(table)] or contrasts
    kept = pd.concat(contrasts, ignore_index=True)[[*ITEM_COLUMNS, "without"]]
    return _with_untrained(pd.concat(results, ignore_index=True)), kept


def _seed_items(models: Mapping[str, Vectors], options: Mapping) -> pd.DataFrame:
    """Return how all seeds agree and, from three seeds on, how the others do without each (column ``without``)."""
    left_out = ["", *models] if len(models) > 2 else [""]
    tables = []
    for without in left_out:
        seeds = between_seeds({name: found for name, found in models.items() if name != without}, **options)
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
    """Set the agreement of the untrained seeds beside that of the trained ones, as chance."""
    keys, asked = ["target", *KEYS[1:]], results["target"].isin(["seeds", "units"])
    untrained = results.loc[asked & (results["step"] == "0"), [*keys, "value"]]
    chances = results[keys].merge(untrained, how="left", on=keys)["value"].to_numpy()
    return results.assign(chance=np.where(asked, chances, results["chance"]))


def _agreement(models: Mapping[str, Vectors], between: Sequence[str], options: Mapping) -> Iterator[pd.DataFrame]:
    for name, vectors in models.items():
        where = f"the attributions of {name}"
        if "methods" in between:
            yield between_methods(with_duration(vectors), **options, where=where).assign(model=name)
        if "inputs" in between:
            yield between_inputs(vectors, **options, where=where).assign(model=name)


def _measured(items: Sequence[pd.DataFrame], step: str) -> Iterator[pd.DataFrame]:
    """Yield what was measured of each model at a step, and its retests as means of classes, too."""
    for table in items:
        mine = table.loc[table["step"].astype(str) == step].drop(columns="step")
        yield mine
        retests = mine[mine["question"] == "retest"]
        if len(retests):
            yield average_classes(retests).assign(model=retests["model"].iloc[0])
