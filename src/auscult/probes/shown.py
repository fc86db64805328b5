"""Which rows of a table of probes are shown: one linear probe for each target."""

import pandas as pd

__all__ = ["shown_linear"]


def shown_linear(rows: pd.DataFrame) -> pd.DataFrame:
    """Return the rows without the ridge probes of true and control labels where logistic regressions stand beside them.

    Ridge regression on one-hot labels is the fast twin, which low-dimensional vectors serve badly: some classes are
    masked by others. Shuffled labels, whose accuracy is chance for either, are predicted by ridge probes alone.
    """
    key = ["corpus", "target"]
    logistic = rows.loc[rows["probe"] == "logistic", key].drop_duplicates().assign(twin=True)
    twin = rows[key].merge(logistic, on=key, how="left")["twin"].eq(True).to_numpy()
    return rows[~(twin & (rows["probe"] == "ridge") & (rows["labels"] != "shuffled")).to_numpy()]
