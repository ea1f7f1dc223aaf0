"""Mean and spread over seeds: one row for every dataset, method and fraction."""

from pathlib import Path

import numpy as np
import pandas as pd
from pandas.api.typing import DataFrameGroupBy

from fewmask.core.files import written_whole
from fewmask.planning.requested import Requested

CELL = ["dataset", "method", "fraction"]
KEYS = (*CELL, "masks", "validation", "test", "seed")
"""The columns of the table of runs that hold no metric and no cost."""


def summary(requested: Requested, runs: pd.DataFrame) -> pd.DataFrame:
    """Mean and sample standard deviation over the seeds of every cell that is requested.

    Args:
        requested: the experiment.
        runs: the table that ``collect`` returns.

    Returns:
        One row for every cell, in the order of the experiment: dataset, method, fraction; masks
        and validation (see `collect`), a mean if seeds differ in them; seeds, the number of
        finished runs; seeds_requested; <name>_mean and <name>_std for every metric, every metric
        of a class, and every cost; and <metric>_published and <metric>_published_std for every
        metric with a published value. The mean is NaN without a run and where a run's value is
        undefined; the deviation also with one run.
    """
    cells = pd.MultiIndex.from_tuples(requested.cells(), names=CELL)
    groups, values = runs.groupby(CELL), [name for name in runs if name not in KEYS]
    mean, std = (part.reindex(cells) for part in mean_and_std(groups, values))
    columns = {
        "masks": _counts(requested, "masks", runs, cells),
        "validation": _counts(requested, "validation", runs, cells),
        "seeds": groups.size().reindex(cells, fill_value=0),
        "seeds_requested": [len(requested.seeds_of(*cell)) for cell in cells],
    }
    for name in values:
        columns |= {f"{name}_mean": mean[name], f"{name}_std": std[name]}
    return pd.DataFrame(columns | _published(requested, cells), index=cells).reset_index()


def mean_and_std(groups: DataFrameGroupBy, values: list[str]) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Means and sample standard deviations over the rows of every group.

    Both are NaN where a row's value is; the deviation also with one row.
    """
    # By default pandas skips undefined values: a mean would be over fewer seeds than stated.
    is_defined = groups[values].count().eq(groups.size(), axis=0)
    mean, std = groups[values].mean(), groups[values].std(ddof=1)
    return mean.where(is_defined), std.where(is_defined)


def over_seeds(requested: Requested, table: pd.DataFrame, key: list[str]) -> pd.DataFrame:
    """Mean and sample standard deviation over the seeds that are there.

    Args:
        requested: the experiment.
        table: the columns of ``key``, ``seed``, and values.
        key: the columns that seeds share: the dataset and, where they have them, method and
            fraction of the cells whose seeds are requested; and others.

    Returns:
        One row for every value of ``key``, in the order of the table, with seeds, seeds_requested,
        and <name>_mean and <name>_std for every column of values (see `mean_and_std`).
    """
    groups = table.groupby(key, sort=False)
    values = [name for name in table if name not in (*key, "seed")]
    mean, std = mean_and_std(groups, values)
    names = [name for name in key if name in CELL]
    columns = {
        "seeds": groups.size(),
        "seeds_requested": [
            len(requested.seeds_where(**dict(zip(names, cell, strict=True))))
            for cell in mean.index.to_frame()[names].itertuples(index=False)
        ],
    }
    for name in values:
        columns |= {f"{name}_mean": mean[name], f"{name}_std": std[name]}
    return pd.DataFrame(columns, index=mean.index).reset_index()


def _published(requested: Requested, cells: pd.MultiIndex) -> dict[str, np.ndarray]:
    """The columns of the published values."""
    if requested.published is None:
        return {}
    of_cells = [requested.published.of(**dict(zip(CELL, cell, strict=True))) for cell in cells]
    columns = {}
    for metric in dict.fromkeys(metric for values in of_cells for metric in values):
        pairs = [values.get(metric, (None, None)) for values in of_cells]
        columns[f"{metric}_published"] = [mean for mean, _ in pairs]
        columns[f"{metric}_published_std"] = [std for _, std in pairs]
    return {name: np.array(column, dtype=float) for name, column in columns.items()}


def _counts(
    requested: Requested, column: str, runs: pd.DataFrame, cells: pd.MultiIndex
) -> pd.Series:
    """Numbers of images of every cell; integers if all of them are whole numbers."""
    counts = runs.groupby(CELL)[column].mean().reindex(cells)
    # All methods share the splits, and all searches: a cell without a run has the count of others.
    is_searched = counts.index.get_level_values("method").isin(requested.searched_methods)
    shared = counts.groupby(["dataset", "fraction", is_searched]).transform("mean")
    counts = counts.fillna(shared)
    return counts.astype("Int64") if (counts.dropna() % 1 == 0).all() else counts


def write_csv(table: pd.DataFrame, path: Path) -> None:
    """Write a table with all its digits; undefined values are empty."""
    with written_whole(path) as temporary:
        table.to_csv(temporary, index=False, lineterminator="\n")
