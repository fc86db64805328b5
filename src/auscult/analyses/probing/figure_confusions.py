"""Pages of the probing figure with confusions: which classes the shown probe takes for which others."""

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
import pandas as pd
import seaborn as sns
from matplotlib.axes import Axes
from matplotlib.colors import PowerNorm
from matplotlib.figure import Figure
from scipy.cluster.hierarchy import leaves_list, linkage, optimal_leaf_ordering
from scipy.spatial.distance import squareform

from auscult.analyses.probing.columns import SELECTED
from auscult.analyses.probing.figure_panels import target_name
from auscult.figures import plotting
from auscult.figures.context import FigureContext
from auscult.figures.findings import number
from auscult.figures.palette import Entry

__all__ = ["draw_confusions", "confusion_matrix", "class_order"]

# A matrix with more classes than this has a page of its own; with more than the second number none is drawn.
_SMALL, _LARGEST = 12, 64
_LARGE_MM, _SMALL_MM = 178, 74
_N_NAMED = 4
# Of classes that occur less often, shares say little.
_MIN_NAMED = 20


def draw_confusions(confusions: pd.DataFrame, entries: Sequence[Entry], context: FigureContext) -> list[Figure]:
    """Draw the confusions of each corpus and target for its best trained model, at the selected layer.

    Targets with up to 12 classes share pages and show the model's untrained control beside it.

    Parameters
    ----------
    confusions : as returned by :func:`~auscult.analyses.probing.kept_results.confusion_table`
    entries : entries of the figure
    context : study
    """
    rows = confusions[confusions["layer"] == SELECTED]
    small, pages = [], []
    for _, panel in rows.groupby(["corpus", "target"], sort=False):
        shown = _shown(panel, entries)
        n_classes = panel["truth"].nunique()
        if not shown or n_classes > _LARGEST:
            continue
        if n_classes > _SMALL:
            pages.append(_page([(panel, shown[:1])], _LARGE_MM, context))
        else:
            small.append((panel, shown))
    blocks = plotting.paginate([_SMALL_MM] * len(small))
    return pages + [_page(small[block], _SMALL_MM, context) for block in blocks]


def confusion_matrix(rows: pd.DataFrame, order: Sequence[str] | None = None) -> pd.DataFrame:
    """Return the share of each true class (row) that was predicted as each class (column); rows sum to 1.

    Parameters
    ----------
    rows : confusions of one target, model and layer
    order : classes; by default so that classes taken for each other are neighbours
    """
    classes = list(order) if order is not None else sorted({*rows["truth"], *rows["prediction"]})
    matrix = rows.pivot(index="truth", columns="prediction", values="share").reindex(index=classes, columns=classes)
    if order is None:
        return confusion_matrix(rows, [classes[place] for place in class_order(matrix.fillna(0).to_numpy())])
    # A class that was never tested has no shares; one that was, and was never taken for another, has 0.
    return matrix.where(matrix.isna().all(axis=1), matrix.fillna(0), axis=0)


def class_order(shares: npt.NDArray[np.float64]) -> npt.NDArray[np.int64]:
    """Return an order of classes in which those that are taken for each other are neighbours.

    Leaves of an average-linkage tree over 1 − the mean share of confusions in both directions, ordered as Bar-Joseph et
    al. (2001) do.

    Parameters
    ----------
    shares : share of each true class predicted as each class [shape=(n_classes, n_classes)]
    """
    if len(shares) < 3:
        return np.arange(len(shares))
    distances = 1 - (shares + shares.T) / 2
    np.fill_diagonal(distances, 0)
    condensed = squareform(np.clip(distances, 0, 1), checks=False)
    return np.asarray(leaves_list(optimal_leaf_ordering(linkage(condensed, "average"), condensed)), dtype=np.int64)


def _shown(panel: pd.DataFrame, entries: Sequence[Entry]) -> list[Entry]:
    """Return the trained model that confuses least, and its untrained control if there is one."""
    trained = [entry for entry in entries if not entry.style.baseline and entry.step != "0" and len(entry.rows(panel))]
    if not trained:
        return []
    best = max(trained, key=lambda entry: _accuracy(entry.rows(panel)))
    return [
        best,
        *(each for each in entries if each.model == best.model and each.step == "0" and len(each.rows(panel))),
    ]


def _accuracy(rows: pd.DataFrame) -> float:
    return float(rows.loc[rows["truth"] == rows["prediction"], "n"].sum() / rows["n"].sum())


def _page(blocks: Sequence[tuple[pd.DataFrame, list[Entry]]], height_mm: float, context: FigureContext) -> Figure:
    n_columns = max(len(shown) for _, shown in blocks)
    drawn = pd.concat([panel for panel, _ in blocks])
    figure = plotting.new_figure(height_mm * len(blocks), [], _note(drawn, context))
    grid = figure.subplots(len(blocks), n_columns, squeeze=False)
    for line, (panel, shown) in zip(grid, blocks):
        order = list(confusion_matrix(shown[0].rows(panel)).index)
        for axes, entry in zip(line, shown):
            _draw_matrix(axes, confusion_matrix(entry.rows(panel), order))
            _head(axes, panel, entry)
        for axes in line[len(shown) :]:
            axes.set_axis_off()
    cells = next(axes.collections[0] for axes in grid.flat if axes.collections)
    bar = figure.colorbar(cells, ax=grid, orientation="horizontal", fraction=0.025, pad=0.01, aspect=50)
    bar.set_label("share of the true class", fontsize=7)
    bar.set_ticks([0, 0.05, 0.2, 0.5, 1], labels=["0", ".05", ".2", ".5", "1"])
    bar.ax.tick_params(labelsize=7, length=2)
    bar.outline.set_visible(False)
    return figure


def _draw_matrix(axes: Axes, matrix: pd.DataFrame) -> None:
    """Draw a matrix with the name of every class; small ones with their numbers."""
    small = len(matrix) <= _SMALL
    written = matrix.map(lambda share: number(share) if share >= 0.005 else "")
    sns.heatmap(
        matrix,
        ax=axes,
        norm=PowerNorm(0.5, 0, 1),
        cmap="Blues",
        cbar=False,
        annot=written if small else False,
        fmt="",
        annot_kws={"fontsize": 6.5},
        xticklabels=1,
        yticklabels=1,
        linewidths=0 if small else 0.2,
        linecolor="#EEEEEE",
        square=not small,
    )
    axes.tick_params(length=0, labelsize=7 if small else 6, pad=1.5)
    axes.tick_params(axis="x", rotation=0 if _short(matrix) else 90)
    axes.tick_params(axis="y", rotation=0)
    axes.set(xlabel="predicted", ylabel="true")


def _short(matrix: pd.DataFrame) -> bool:
    """Return whether the names of all columns fit beside each other."""
    return max(map(len, map(str, matrix.columns))) * len(matrix.columns) <= 48


def _head(axes: Axes, panel: pd.DataFrame, entry: Entry) -> None:
    rows = entry.rows(panel)
    title = f"{target_name(str(rows['target'].iloc[0]))}, {rows['corpus'].iloc[0]}"
    about = f"{entry.style.label}: accuracy {number(_accuracy(rows))}, n = {rows['n'].sum():,}"
    named = _most_confused(rows)
    plotting.head(axes, title, [about, f"most often: {', '.join(named)}" if named else ""])


def _most_confused(rows: pd.DataFrame) -> list[str]:
    """Return the confusions with the highest share among classes that occur often enough to say."""
    totals = rows.groupby("truth")["n"].transform("sum")
    wrong = rows[(rows["truth"] != rows["prediction"]) & (totals >= _MIN_NAMED)]
    most = wrong.sort_values("share", ascending=False, kind="stable").head(_N_NAMED)
    return [f"{row.truth} as {row.prediction} {number(row.share)}" for row in most.itertuples()]


def _note(rows: pd.DataFrame, context: FigureContext) -> str:
    sentences = [
        context.describe(rows["corpus"]),
        "Held-out items at the layer chosen on validation data. Rows sum to 1; colour follows the square root. Classes "
        f"that are taken for each other are neighbours. Named: confusions of classes with at least {_MIN_NAMED} items.",
    ]
    return " ".join(filter(None, sentences))
