"""What the search of settings changed on the test images: every searched method compared with the
same method as it is written.

Both are run with the same seeds, and so with the same masks, and are compared as methods are with
the reference (`fewmask.report.tables.comparison`): seed by seed, on the same test images, with
intervals that hold together for all methods of a dataset and fraction.
"""

import numpy as np
import pandas as pd

from fewmask.metrics import table as metrics
from fewmask.planning.requested import Requested
from fewmask.planning.search.names import searched, written
from fewmask.report.results.bootstrap import Scores, without_rounding
from fewmask.report.results.simultaneous import simultaneous
from fewmask.report.tables.columns import called, interval_text, number, signed
from fewmask.report.tables.statistics import CELL

COLUMNS = [*CELL, "metric", "as_written", "searched", "difference", "low", "high"]
"""Those of `search_effect`."""


def search_effect(requested: Requested, scores: Scores) -> pd.DataFrame:
    """What the search changed of every method, at every dataset and fraction with several seeds.

    Args:
        requested: the experiment.
        scores: what ``bootstrap`` returns.

    Returns:
        One row for every method as it is written, that of the reference first: dataset, method,
        fraction, metric; as_written and searched, its scores with either settings, means over the
        seeds that all these runs have in common; difference, searched - as_written, with low and
        high, its 95 % interval, corrected for the number of methods.
    """
    cells = dict.fromkeys((dataset, fraction) for dataset, _, fraction in requested.cells())
    rows = [row for cell in cells for row in _rows(requested, scores, *cell)]
    return pd.DataFrame(rows, columns=COLUMNS)


def _rows(
    requested: Requested, scores: Scores, dataset: str, fraction: str
) -> list[dict[str, object]]:
    first = written(requested.compared_with)
    names = dict.fromkeys(one.method for one in requested.searches if one.dataset == dataset)
    pairs = [
        ((dataset, name, fraction), (dataset, searched(name), fraction))
        for name in sorted(names, key=lambda name: name != first)
    ]
    pairs = [pair for pair in pairs if all(cell in scores.of_seeds for cell in pair)]
    cells = [cell for pair in zip(*pairs, strict=True) for cell in pair]  # first all as written
    seeds = scores.seeds(cells) if cells else []
    if len(seeds) < 2:
        return []
    means = scores.means(cells, seeds)
    observed, draws = (_changes(one) for one in (means, scores.draws(cells, seeds)))
    intervals = simultaneous(draws, observed)
    before, after = means[: len(pairs)], means[len(pairs) :]
    return [
        dict(zip(COLUMNS, [*cell, scores.metric, *values, *ends], strict=True))
        for (cell, _), *values, ends in zip(pairs, before, after, observed, intervals, strict=True)
    ]


def _changes(scores: np.ndarray) -> np.ndarray:
    """Searched less as written, (..., 2 M) to (..., M)."""
    half = scores.shape[-1] // 2
    return without_rounding(scores[..., half:] - scores[..., :half])


def effect_sentences(requested: Requested, effects: pd.DataFrame) -> list[str]:
    """What the search changed at every dataset and fraction: of the reference, then of others."""
    sentences = []
    for (dataset, fraction), own in effects.groupby(["dataset", "fraction"], sort=False):
        first, others = own.iloc[0], own.iloc[1:]
        sentences.append(f"{dataset} at {fraction}: {_of_reference(first)}{_of_others(others)}.")
    return sentences


def _of_reference(row: pd.Series) -> str:
    before, after = (number(row["metric"], row[name]) for name in ("as_written", "searched"))
    if row["low"] == row["high"] == 0:
        unit = {"%": " %"}.get(metrics.find(row["metric"]).unit, "")
        score = f"{before}{unit} {called(row['metric'])}"
        return f"the search of settings left {row['method']} as it is written, with {score}"
    change = f"the search of settings changed {row['method']} by {_change(row)}"
    return f"{change}, from {before} to {after}"


def _of_others(others: pd.DataFrame) -> str:
    if others.empty:
        return ""
    higher_is_better = metrics.find(others["metric"].iloc[0]).higher_is_better
    rises, falls = others["low"] > 0, others["high"] < 0
    better, worse = (rises, falls) if higher_is_better else (falls, rises)
    parts = []
    for kind, which in (("better", better), ("worse", worse)):
        named = ", ".join(f"{row['method']} {_change(row)}" for _, row in others[which].iterrows())
        parts.append(f"{which.sum()} {kind}" + (f" ({named})" if named else ""))
    methods = "1 other method" if len(others) == 1 else f"{len(others)} other methods"
    return f"; of {methods}, it made {' and '.join(parts)} for certain"


def _change(row: pd.Series) -> str:
    metric = row["metric"]
    unit = {"%": " points of"}.get(metrics.find(metric).unit, " of")
    ends = interval_text(metric, row["low"], row["high"], signed)
    return f"{signed(metric, row['difference'])}{unit} {called(metric)} (95 % {ends})"


def change_text(row: pd.Series) -> str:
    """The change of a row with its interval: ``+2.1 (+0.3 to +3.9)``."""
    metric = row["metric"]
    ends = interval_text(metric, row["low"], row["high"], signed)
    return f"{signed(metric, row['difference'])} ({ends})"
