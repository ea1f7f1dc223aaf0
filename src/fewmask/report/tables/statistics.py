"""Mean and spread over seeds: one row for every dataset, method and fraction."""

from pathlib import Path

import numpy as np
import pandas as pd
from pandas.api.typing import DataFrameGroupBy

from fewmask.core.files import written_whole
from fewmask.planning.requested import Requested

CELL = ["dataset", "method", "fraction"]
NO_FIGURES = (*CELL, "labelled", "test", "seed")
"""The columns of the table of runs that say which run it is."""


def summary(requested: Requested, runs: pd.DataFrame) -> pd.DataFrame:
    """Mean and sample standard deviation over the seeds of every cell that is requested.

    Args:
        requested: the experiment.
        runs: the table that ``collect`` returns.

    Returns:
        In the order of the experiment, the columns dataset, method, fraction; labelled, a mean
        should seeds differ in it; seeds, the number of runs that are there; seeds_requested; then
        <figure>_mean and <figure>_std for every metric and cost and every figure of a class; and
        <metric>_published and <metric>_published_std for every metric of which a published figure
        is known. The mean is NaN without a run and where a run's figure is undefined; the deviation
        also with one run.
    """
    cells = pd.MultiIndex.from_tuples(requested.cells(), names=CELL)
    groups, figures = runs.groupby(CELL), [name for name in runs if name not in NO_FIGURES]
    mean, std = (part.reindex(cells) for part in mean_and_std(groups, figures))
    columns = {
        "labelled": _labelled(runs, cells),
        "seeds": groups.size().reindex(cells, fill_value=0),
        "seeds_requested": len(requested.seeds),
    }
    for figure in figures:
        columns |= {f"{figure}_mean": mean[figure], f"{figure}_std": std[figure]}
    return pd.DataFrame(columns | _published(requested, cells), index=cells).reset_index()


def mean_and_std(groups: DataFrameGroupBy, figures: list[str]) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Means and sample standard deviations over the rows of every group.

    Both are NaN where a row's figure is; the deviation also with one row.
    """
    # Left to itself pandas skips what is undefined, and a mean would be over fewer seeds than said.
    is_defined = groups[figures].count().eq(groups.size(), axis=0)
    mean, std = groups[figures].mean(), groups[figures].std(ddof=1)
    return mean.where(is_defined), std.where(is_defined)


def _published(requested: Requested, cells: pd.MultiIndex) -> dict[str, np.ndarray]:
    """The columns of the published figures."""
    if requested.published is None:
        return {}
    of_cells = [requested.published.of(**dict(zip(CELL, cell, strict=True))) for cell in cells]
    columns = {}
    for metric in dict.fromkeys(metric for figures in of_cells for metric in figures):
        pairs = [figures.get(metric, (None, None)) for figures in of_cells]
        columns[f"{metric}_published"] = [mean for mean, _ in pairs]
        columns[f"{metric}_published_std"] = [std for _, std in pairs]
    return {name: np.array(values, dtype=float) for name, values in columns.items()}


def _labelled(runs: pd.DataFrame, cells: pd.MultiIndex) -> pd.Series:
    """Labelled images of every cell; whole numbers wherever the seeds agree."""
    counts = runs.groupby(CELL)["labelled"].mean().reindex(cells)
    # All methods share the splits, so that a cell without a run has the count of the others.
    shared = counts.groupby(["dataset", "fraction"]).transform("mean")
    counts = counts.fillna(shared)
    return counts.astype("Int64") if (counts.dropna() % 1 == 0).all() else counts


def write_csv(table: pd.DataFrame, path: Path) -> None:
    """Write a table with all its digits; what is undefined is empty."""
    with written_whole(path) as temporary:
        table.to_csv(temporary, index=False, lineterminator="\n")
