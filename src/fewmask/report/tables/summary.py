"""The summary as a table to be read: few columns, with the number of seeds."""

from collections.abc import Iterator
from typing import NamedTuple

import pandas as pd

from fewmask.planning.requested import Requested
from fewmask.report.tables.columns import (
    NOTHING,
    Row,
    called,
    count_range,
    hours_text,
    masks_text,
    number,
    ranked,
    rows_of,
    search_notes,
    seeds_text,
    spread_text,
    title,
    with_spread,
)
from fewmask.report.tables.page import Rank, Table, TableCell, TableRow

COLUMNS = {"Dataset": "l", "Fraction": "l", "Masks": "r", "Method": "l"}
"""The columns at the left and how they are aligned; all others are numbers, aligned right."""

UNITS = {"h": 3600, "min": 60, "s": 1}

COSTS = {"hours": "Hours", "gpu_hours": "GPU hours"}

UNKNOWN = (None, None)
"""The published value, and its spread, of a metric that was not published."""

Ranks = dict[str, dict[str, Rank]]
"""By metric, the rank of every mean as it is printed."""


class _Costs(NamedTuple):
    """How costs are shown."""

    unit: str
    """Of training times: a key of `UNITS`."""
    hours: str
    """A key of `COSTS`."""


def summary_table(requested: Requested, summary: pd.DataFrame) -> Table:
    """The summary with a row for every cell; rows that are compared with each other are a group.

    ``summary`` is what ``summary`` returns, with or without marks and label savings.
    """
    header = summary_header(requested, summary)
    rows = [row for group in summary_rows(requested, summary, summary) for row in group]
    sides = "".join(COLUMNS.get(name, "r") for name in header)
    grouped_by = 2 if is_compared(requested, summary) else 1
    return Table(requested.title, notes_on(requested, summary), header, sides, rows, grouped_by)


def summary_header(requested: Requested, summary: pd.DataFrame) -> list[str]:
    """The titles of the columns."""
    costs = _costs(summary)
    savings = ["Label savings"] if "label_savings" in summary else []
    titles = *savings, f"Time ({costs.unit})", COSTS[costs.hours]
    return [*COLUMNS, *map(title, requested.metrics), *titles, "Seeds"]


def summary_rows(
    requested: Requested, summary: pd.DataFrame, own: pd.DataFrame
) -> list[list[TableRow]]:
    """The table rows of ``own``, a part of the summary, in groups of rows that are compared.

    Methods of which only published values are known end a group. With a single method, a dataset
    is one group.
    """
    keys = ["dataset", "fraction"] if is_compared(requested, summary) else ["dataset"]
    costs = _costs(summary)
    groups = []
    for _, group in own.groupby(keys, sort=False):
        is_bound = group["method"].isin(requested.all_masks)
        ranks = {metric: _ranks(metric, group[~is_bound]) for metric in requested.metrics}
        unranked: Ranks = {metric: {} for metric in requested.metrics}
        rows = [
            _row(requested, row, unranked if bound else ranks, costs)
            for row, bound in zip(rows_of(group), is_bound, strict=True)
        ]
        groups.append([*rows, *_published_alone(requested, rows)])
    return groups


def is_compared(requested: Requested, summary: pd.DataFrame) -> bool:
    """Whether there are several methods, measured or published."""
    others = requested.published.others if requested.published else ()
    return summary["method"].nunique() > 1 or bool(others)


def notes_on(requested: Requested, summary: pd.DataFrame) -> list[str]:
    """What a reader must know about the table."""
    finished, in_all = summary["seeds"].sum(), summary["seeds_requested"].sum()
    notes = [
        f"Test set, {spread_text(requested)}."
        if len(requested.seeds) > 1
        else "Test set, one seed: the spread is unknown.",
        selection_note(requested, summary),
        _tiles_note(summary),
        *search_notes(requested),
    ]
    if finished < in_all:
        notes.append(f"Incomplete: {finished} of {in_all} runs are finished; see the column Seeds.")
    bounds = [name for name in requested.methods if name in requested.all_masks]
    compared = summary["method"].nunique() - len(bounds)
    if compared > 1:
        second = " (underlined: the second best)" if compared > 2 else ""
        but_for = f", apart from methods that use all masks ({', '.join(bounds)})" if bounds else ""
        notes.append(
            f"Bold: the best mean{second} of each dataset and fraction whose runs are all finished"
            f"{but_for}. Bold does not imply significance."
        )
    judged_by, reference = called(requested.metrics[0]), requested.reference_title
    if "mark" in summary:
        notes.append(
            f"↑, ↓: better, worse than {reference} in {judged_by}: the 95 % interval "
            "of the paired difference, corrected for the number of methods, excludes 0 "
            "(comparison.md)."
        )
    if "label_savings" in summary:
        notes.append(
            f"Label savings: how many times as many masks {reference} "
            f"would need for the same {judged_by}; label_savings.md has the intervals."
        )
    notes.append(
        "Time: of trainings alone. Hours: of all jobs of a run, shared ones counted in full."
        if _costs(summary).hours == "hours"
        else "Time: of trainings alone. GPU hours: hours times allocated GPUs of all jobs of a "
        "run, shared ones counted in full."
    )
    if requested.searches:
        notes.append("The hours of a search are not among these; cost.md has them.")
    if any(f"{metric}_published" in summary for metric in requested.metrics):
        source = sentence(f"In parentheses: values published in {requested.published.source}")
        notes += [source, sentence(requested.published.remark)]
    return [note for note in notes if note]


def selection_note(requested: Requested, summary: pd.DataFrame) -> str:
    """By what models are selected, and how many masks that takes."""
    note = "Models are selected on the validation set, never on the test set."
    ways = {"are among those counted": True, "come on top of those counted": False}
    for way, is_budget in ways.items():
        counts = {
            name: count_range(of_dataset["validation"].dropna())
            for name, of_dataset in summary.groupby("dataset", sort=False)
            if (name in requested.budgets) is is_budget and of_dataset["validation"].any()
        }
        if counts:
            each = ", ".join(f"{name}: {count}" for name, count in counts.items())
            note += f" Its masks {way} ({each})."
    for name, folds in requested.folds.items():
        note += (
            f" Every {folds} seeds of {name} have the same masks, of which each validates with "
            f"another part (k-fold)."
        )
    return note


def _tiles_note(summary: pd.DataFrame) -> str:
    """In how many tiles the labelled images of datasets of tiles are learnt."""
    if "tiles_mean" not in summary:
        return ""
    counts = {
        name: count_range(of_dataset["tiles_mean"].dropna().round())
        for name, of_dataset in summary.groupby("dataset", sort=False)
        if of_dataset["tiles_mean"].notna().any()
    }
    each = ", ".join(f"{name}: {count}" for name, count in counts.items())
    return f"Masks, and what is measured, are of whole images; tiles are learnt ({each})."


def sentence(text: str) -> str:
    """Text with a full stop, so that another sentence can follow; empty text stays empty."""
    text = " ".join(text.split())
    return text if not text or text.endswith((".", "?", "!")) else f"{text}."


def _costs(summary: pd.DataFrame) -> _Costs:
    """The largest unit in which a typical training takes at least one; hours of GPUs, if any."""
    typical = summary["seconds_mean"].median()
    unit = next((unit for unit, seconds in UNITS.items() if typical >= seconds), "s")
    return _Costs(unit, "gpu_hours" if (summary["gpu_hours_mean"] > 0).any() else "hours")


def _ranks(metric: str, group: pd.DataFrame) -> dict[str, Rank]:
    """The ranks of means as they are printed; none while a run of the group is missing."""
    if group["method"].nunique() == 1 or (group["seeds"] < group["seeds_requested"]).any():
        return {}
    if f"{metric}_mean" not in group:
        return {}
    first, *others = ranked(metric, group[f"{metric}_mean"]) or [NOTHING]
    # Of two, the second best is the worst.
    second = {others[0]: "second"} if len(others) > 1 else {}
    return second | {first: "best", NOTHING: ""}


def _row(requested: Requested, row: Row, ranks: Ranks, costs: _Costs) -> TableRow:
    metrics = [_cell(row, metric, rank_of) for metric, rank_of in ranks.items()]
    if row.get("mark"):
        metrics[0] = metrics[0]._replace(after=f"{metrics[0].after} {row['mark']}")
    seconds = row["seconds_mean"]
    words = [row["dataset"], row["fraction"], masks_text(requested, row)]
    words.append(requested.title_of(row["method"]))
    time = NOTHING if pd.isna(seconds) else f"{seconds / UNITS[costs.unit]:.1f}"
    savings = [row["label_savings"]] if "label_savings" in row else []
    spent = [*savings, time, hours_text(row[f"{costs.hours}_mean"])]
    return [*words, *metrics, *spent, seeds_text(row)]


def _published_alone(requested: Requested, rows: list[TableRow]) -> Iterator[TableRow]:
    """Below the rows of a group, those of methods that are not in the grid."""
    dataset, fraction, masks, *_ = rows[0]
    for other in requested.published.others if requested.published else ():
        if fraction in other.values:
            published = other.values[fraction]
            of_metrics = [
                TableCell(NOTHING, after=_in_parentheses(metric, *published.get(metric, UNKNOWN)))
                for metric in requested.metrics
            ]
            rest = [NOTHING] * (len(rows[0]) - len(COLUMNS) - len(of_metrics))
            yield [dataset, fraction, masks, other.method, *of_metrics, *rest]


def _cell(row: Row, metric: str, rank_of: dict[str, Rank]) -> TableCell:
    """Mean and spread, with the published value in parentheses."""
    mean, std, published, published_std = (
        row.get(f"{metric}_{part}") for part in ("mean", "std", "published", "published_std")
    )
    after = _in_parentheses(metric, published, published_std)
    return TableCell(with_spread(metric, mean, std), rank_of.get(number(metric, mean), ""), after)


def _in_parentheses(metric: str, published: float | None, published_std: float | None) -> str:
    """What follows a measured value; nothing without a published one."""
    known = not pd.isna(published)
    return f" ({with_spread(metric, published, published_std)})" if known else ""
