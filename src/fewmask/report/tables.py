"""Mean and spread over seeds: one row for every dataset, method and fraction."""

from pathlib import Path

import pandas as pd

from fewmask.config.experiment import Experiment
from fewmask.files import written_whole
from fewmask.report.runs import COST_NAMES, METRIC_NAMES

CELL = ["dataset", "method", "fraction"]
FIGURES = [*METRIC_NAMES, *COST_NAMES]


def summary(asked: Experiment, runs: pd.DataFrame) -> pd.DataFrame:
    """Mean and sample standard deviation over the seeds of every cell that is asked for.

    Args:
        asked: the experiment.
        runs: what ``collect`` returns.

    Returns:
        In the order of the experiment, the columns dataset, method, fraction; labelled, a mean
        should seeds differ in it; seeds, the number of runs that are there; seeds_asked; then
        <figure>_mean and <figure>_std for every metric, in [0, 1], and every cost. The mean is NaN
        without a run and where a run's figure is undefined; the deviation also with one run.
    """
    cells = pd.MultiIndex.from_product([asked.datasets, asked.methods, asked.fractions], names=CELL)
    groups = runs.groupby(CELL)
    # Left to itself pandas skips what is undefined, and a mean would be over fewer seeds than said.
    mean = groups[FIGURES].agg(lambda figure: figure.mean(skipna=False)).reindex(cells)
    std = groups[FIGURES].agg(lambda figure: figure.std(ddof=1, skipna=False)).reindex(cells)
    columns = {
        "labelled": _labelled(runs, cells),
        "seeds": groups.size().reindex(cells, fill_value=0),
        "seeds_asked": len(asked.seeds),
    }
    for figure in FIGURES:
        columns |= {f"{figure}_mean": mean[figure], f"{figure}_std": std[figure]}
    return pd.DataFrame(columns, index=cells).reset_index()


def _labelled(runs: pd.DataFrame, cells: pd.MultiIndex) -> pd.Series:
    """Labelled pictures of every cell; whole numbers wherever the seeds agree."""
    counts = runs.groupby(CELL)["labelled"].mean().reindex(cells)
    # All methods share the splits, so that a cell without a run has the count of the others.
    shared = counts.groupby(["dataset", "fraction"]).transform("mean")
    counts = counts.fillna(shared)
    return counts.astype("Int64") if (counts.dropna() % 1 == 0).all() else counts


def write_csv(table: pd.DataFrame, path: Path) -> None:
    """Write a table with all its digits; what is undefined is empty."""
    with written_whole(path) as temporary:
        table.to_csv(temporary, index=False, lineterminator="\n")
