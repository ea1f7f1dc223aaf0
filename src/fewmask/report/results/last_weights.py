"""What the weights after the last step are worth beside the selected ones, as one table."""

from collections.abc import Iterable

import pandas as pd

from fewmask.core.cells import Run
from fewmask.report.results.metrics_file import MetricsFile

KEY = ["dataset", "method", "fraction", "weights"]

SELECTED = "selected"


def collect_last_weights(records: Iterable[tuple[Run, MetricsFile]]) -> pd.DataFrame:
    """All weights of runs that kept those after the last step, one row each, the selected first.

    The columns: dataset, method, fraction, weights (selected, last or last_ema), seed, and the
    metrics; shares in [0, 1], NaN where a value is undefined.
    """
    rows = [row for run, record in records if record.last_weights for row in _rows(run, record)]
    measured = list(dict.fromkeys(name for row in rows for name in row if name not in _RUN))
    table = pd.DataFrame(rows, columns=[*_RUN, *measured])
    return table.astype(dict.fromkeys(measured, float))


_RUN = [*KEY, "seed"]


def _rows(run: Run, record: MetricsFile) -> list[dict[str, object]]:
    metrics = {SELECTED: record.metrics} | record.last_weights
    return [vars(run) | {"weights": name} | values for name, values in metrics.items()]
