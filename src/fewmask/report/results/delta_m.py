"""Runs of several tasks compared with runs of single tasks, seed by seed."""

import pandas as pd

from fewmask.metrics import table as metrics
from fewmask.metrics.delta_m import delta_m
from fewmask.planning.requested import Requested

CELL = ["dataset", "fraction", "seed"]


def add_delta_m(requested: Requested, table: pd.DataFrame) -> pd.DataFrame:
    """The table of runs with the column ``delta_m``, a share; lower is better.

    A run is compared with those of the baselines on its dataset, fraction and seed, in all tasks
    that have a baseline; NaN where one of these values is not known, where a baseline's is 0, and
    for baselines themselves.
    """
    if not requested.baselines or table.empty:
        return table
    runs = table.set_index(["method", *CELL])
    values = [_of_run(requested, runs, key) for key in runs.index]
    return table.assign(delta_m=values)


def _of_run(requested: Requested, runs: pd.DataFrame, key: tuple) -> float:
    method, *cell = key
    if method in requested.baselines.values():
        return float("nan")
    values, baselines = {}, {}
    for task, baseline in requested.baselines.items():
        for metric in metrics.names(metrics.in_delta_m(task)):
            values[metric] = _value(runs, key, metric)
            baselines[metric] = _value(runs, (baseline, *cell), metric)
    known = [*values.values(), *baselines.values()]
    if any(map(pd.isna, known)) or 0 in baselines.values():
        return float("nan")
    return delta_m(values, baselines) / 100


def _value(runs: pd.DataFrame, key: tuple, metric: str) -> float:
    known = key in runs.index and metric in runs
    return float(runs.loc[key, metric]) if known else float("nan")
