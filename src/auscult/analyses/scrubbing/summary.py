"""Table of error rates before and after erasure: one row per condition, for all speakers and for each gender."""

import pandas as pd

__all__ = ["RATES_COLUMNS", "tabulate_rates"]

_CONDITION = ("corpus", "model", "step", "disjoint_in", "method", "fitted_on", "erased_at", "dose", "rank")
_METRICS = {"word_error_rate": "wer", "character_error_rate": "cer"}
_OF_CHANGE = {"value": "change", "ci_low": "change_low", "ci_high": "change_high", "p_value": "p"}
_ENDINGS = ("", *(f"_{name}" for name in _OF_CHANGE.values()))
RATES_COLUMNS = (
    *_CONDITION,
    "gender",
    "n",
    "n_groups",
    *(f"{short}{ending}" for short in _METRICS.values() for ending in _ENDINGS),
)


def tabulate_rates(results: pd.DataFrame) -> pd.DataFrame:
    """Return one row per condition and gender, in the order of the results, after Krishnan et al. (2024), table 2.

    Parameters
    ----------
    results : as returned by :func:`auscult.analyses.scrubbing.analysis.scrub_gender`

    Returns
    -------
    columns :data:`RATES_COLUMNS`: error rates ``wer`` and ``cer``, and their change with 95 % interval over speakers
    and p; changes are missing where nothing is erased
    """
    rates = results[results["target"] == "transcript"].fillna({"fitted_on": "", "erased_at": ""})
    keys = [*_CONDITION, "gender"]
    table = rates[[*keys, "n", "n_groups"]].drop_duplicates(keys).reset_index(drop=True)
    for metric, short in _METRICS.items():
        found = rates[rates["metric"] == metric].rename(columns={"value": short})
        table = table.merge(found[[*keys, short]], on=keys, how="left")
        changes = rates[rates["metric"] == f"{metric}_change"]
        names = {name: f"{short}_{ending}" for name, ending in _OF_CHANGE.items()}
        table = table.merge(changes[[*keys, *names]].rename(columns=names), on=keys, how="left")
    return table.reindex(columns=list(RATES_COLUMNS))
