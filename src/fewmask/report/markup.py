"""The summary for people, in Markdown and in LaTeX: few columns, with n."""

from collections.abc import Callable, Iterator
from typing import NamedTuple

import pandas as pd

from fewmask.config.asked import Asked
from fewmask.report.columns import NOTHING, best, called, hours_text, number, title, with_spread

COLUMNS = {"Dataset": "l", "Fraction": "l", "Labelled": "r", "Method": "l"}
"""The columns at the left and how they are aligned; all others are numbers, aligned right."""

UNITS = {"h": 3600, "min": 60, "s": 1}

COSTS = {"hours": "Hours", "gpu_hours": "GPU hours"}


class _Costs(NamedTuple):
    """How costs are shown: the unit of training times, and whose hours."""

    unit: str
    hours: str
    """A key of `COSTS`."""


Show = Callable[[str, bool], str]
"""Makes a cell of its text and of whether it is the best."""


def markdown(asked: Asked, summary: pd.DataFrame) -> str:
    """The summary as Markdown that is also readable as it is written."""

    def show(text: str, is_best: bool) -> str:
        text = text.replace("|", r"\|")
        return f"**{text}**" if is_best else text

    header = _header(asked, summary)
    rows = [[show(name, False) for name in header]]
    rows += [row for group in _groups(asked, summary, _costs(summary), show) for row in group]
    sides = "".join(COLUMNS.get(name, "r") for name in header)
    notes = "\n".join(notes_on(asked, summary))
    return f"# {' '.join(asked.title.split())}\n\n{notes}\n\n{markdown_table(rows, sides)}\n"


def markdown_table(rows: list[list[str]], sides: str) -> str:
    """Cells, the header first, as a Markdown table; ``sides`` has ``l`` or ``r`` per column."""
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    rules = [
        "-" * w if side == "l" else "-" * (w - 1) + ":"
        for w, side in zip(widths, sides, strict=True)
    ]
    return "\n".join(_pad(row, widths, sides) for row in [rows[0], rules, *rows[1:]])


def latex(asked: Asked, summary: pd.DataFrame) -> str:
    r"""The summary as LaTeX for ``\input``, a table a dataset; it needs the package booktabs."""
    tables = [_table(asked, summary, own) for _, own in summary.groupby("dataset", sort=False)]
    head = r"% Written by Fewmask. \input this file; it needs \usepackage{booktabs}." "\n"
    return head + "\n".join(tables)


def _table(asked: Asked, summary: pd.DataFrame, own: pd.DataFrame) -> str:
    """The rows of one dataset, narrow enough for a column of text: compared rows under a title."""

    def show(text: str, is_best: bool) -> str:
        return rf"\textbf{{{escape(text)}}}" if is_best else escape(text)

    compared, costs = _is_compared(summary), _costs(summary)
    header = ["Method" if compared else "Labelled", *_header(asked, summary)[len(COLUMNS) :]]
    body = []
    for group in _groups(asked, own, costs, show):
        titles = [f"{labelled} labelled ({fraction})" for _, fraction, labelled, _, *_ in group]
        if compared:
            body += [r"\midrule", rf"\multicolumn{{{len(header)}}}{{l}}{{{titles[0]}}} \\"]
        else:
            body += [r"\midrule"]
        stubs = [row[3] for row in group] if compared else titles
        body += [
            " & ".join([stub, *row[len(COLUMNS) :]]) + r" \\"
            for stub, row in zip(stubs, group, strict=True)
        ]
    dataset = own["dataset"].iloc[0]
    caption = " ".join([f"{_sentence(asked.title)} Dataset: {dataset}.", *notes_on(asked, summary)])
    lines = [
        r"\begin{table}",
        r"\centering",
        rf"\caption{{{escape(caption)}}}",
        rf"\label{{tab:{dataset}}}",
        r"\footnotesize",
        r"\setlength{\tabcolsep}{4pt}",
        rf"\begin{{tabular}}{{l{'r' * (len(header) - 1)}}}",
        r"\toprule",
        " & ".join(map(escape, header)) + r" \\",
        *body,
        r"\bottomrule",
        r"\end{tabular}",
        r"\end{table}",
    ]
    return "\n".join(lines) + "\n"


def escape(text: str) -> str:
    """Text as LaTeX prints it literally."""
    special = {c: rf"\{c}" for c in "&%$#_{}"} | {
        "\\": r"\textbackslash{}", "~": r"\textasciitilde{}", "^": r"\textasciicircum{}",
        "<": r"\textless{}", ">": r"\textgreater{}", "|": r"\textbar{}",
        "±": r"$\pm$", "×": r"$\times$",
        "↑": r"$\uparrow$", "↓": r"$\downarrow$", "–": "--",
    }  # fmt: skip
    return "".join(special.get(c, c) for c in text)


def notes_on(asked: Asked, summary: pd.DataFrame) -> list[str]:
    """The sentences without which the figures cannot be read."""
    n = len(asked.seeds)
    there, wanted = summary["seeds"].sum(), summary["seeds_asked"].sum()
    notes = [
        f"Test set, mean ± sample standard deviation over {n} seeds."
        if n > 1
        else "Test set, one seed, so that no spread is known.",
        "Models are selected on the validation set, never on the test set.",
    ]
    if there < wanted:
        notes.append(f"Incomplete: {there} of {wanted} runs are there; see the column Seeds.")
    if _is_compared(summary):
        notes.append(
            "Bold: the best mean at each dataset and fraction of which all runs are there; "
            "it says nothing about significance."
        )
    if "mark" in summary:
        notes.append(
            f"↑, ↓: better, worse than {asked.compared_with} in {called(asked.metrics[0])}: the "
            "95 % interval of the paired difference leaves out 0 (comparison.md). Of methods that "
            "are no different, up to one in twenty is marked all the same."
        )
    if "label_savings" in summary:
        notes.append(
            f"Label savings: how many times as many labelled images {asked.compared_with} would "
            f"need for the same {called(asked.metrics[0])}; label_savings.md has the intervals."
        )
    notes.append(
        "Time: of trainings alone. Hours: of all trainings and evaluations of a run, shared ones "
        "in full."
        if _costs(summary).hours == "hours"
        else "Time: of trainings alone. GPU hours: of all trainings and evaluations of a run, "
        "shared ones in full, times the GPUs they had."
    )
    if any(f"{metric}_published" in summary for metric in asked.metrics):
        source = _sentence(f"In parentheses: figures published in {asked.published.source}")
        notes += [source, _sentence(asked.published.remark)]
    return [note for note in notes if note]


def _sentence(text: str) -> str:
    """Text with a full stop, so that another sentence can follow; nothing of nothing."""
    text = " ".join(text.split())
    return text if not text or text.endswith((".", "?", "!")) else f"{text}."


def _is_compared(summary: pd.DataFrame) -> bool:
    return summary["method"].nunique() > 1


def _costs(summary: pd.DataFrame) -> _Costs:
    """The largest unit in which a typical training takes at least one; hours of GPUs, if any."""
    typical = summary["seconds_mean"].median()
    unit = next((unit for unit, seconds in UNITS.items() if typical >= seconds), "s")
    return _Costs(unit, "gpu_hours" if (summary["gpu_hours_mean"] > 0).any() else "hours")


def _header(asked: Asked, summary: pd.DataFrame) -> list[str]:
    costs = _costs(summary)
    savings = ["Label savings"] if "label_savings" in summary else []
    titles = *savings, f"Time ({costs.unit})", COSTS[costs.hours]
    return [*COLUMNS, *map(title, asked.metrics), *titles, "Seeds"]


def _groups(
    asked: Asked, summary: pd.DataFrame, costs: _Costs, show: Show
) -> list[list[list[str]]]:
    """The cells, row by row; the rows that are compared with each other are one group.

    With one method, a dataset is one group.
    """
    keys = ["dataset", "fraction"] if _is_compared(summary) else ["dataset"]
    return [
        [_row(asked, row, _best(asked, group), costs, show) for _, row in group.iterrows()]
        for _, group in summary.groupby(keys, sort=False)
    ]


def _best(asked: Asked, group: pd.DataFrame) -> dict[str, str]:
    """What is bold of every metric that is shown."""
    if not _is_compared(group) or (group["seeds"] < group["seeds_asked"]).any():
        return dict.fromkeys(asked.metrics, NOTHING)
    return {
        metric: best(metric, group[f"{metric}_mean"]) if f"{metric}_mean" in group else NOTHING
        for metric in asked.metrics
    }


def _row(
    asked: Asked, row: pd.Series, best_of: dict[str, str], costs: _Costs, show: Show
) -> list[str]:
    metrics = [_cell(row, metric, best_shown, show) for metric, best_shown in best_of.items()]
    if row.get("mark"):
        metrics[0] += f" {show(row['mark'], False)}"
    seconds = row["seconds_mean"]
    words = [row["dataset"], row["fraction"], labelled_text(asked, row), row["method"]]
    time = NOTHING if pd.isna(seconds) else f"{seconds / UNITS[costs.unit]:.1f}"
    savings = [row["label_savings"]] if "label_savings" in row else []
    spent = [*savings, time, hours_text(row[f"{costs.hours}_mean"])]
    left, right = ([show(text, False) for text in texts] for texts in (words, spent))
    return [*left, *metrics, *right, seeds_text(row)]


def _cell(row: pd.Series, metric: str, best_shown: str, show: Show) -> str:
    """Mean and spread, and what was published in parentheses."""
    mean, std, published, published_std = (
        row.get(f"{metric}_{part}") for part in ("mean", "std", "published", "published_std")
    )
    is_best = number(metric, mean) == best_shown != NOTHING
    cell = show(with_spread(metric, mean, std), is_best)
    if pd.isna(published):
        return cell
    return f"{cell} {show(f'({with_spread(metric, published, published_std)})', False)}"


def labelled_text(asked: Asked, row: pd.Series) -> str:
    """How many pictures were labelled for a row: ``all`` for upper bounds."""
    return "all" if row["method"] in asked.all_masks else count_text(row["labelled"])


def seeds_text(row: pd.Series) -> str:
    """How many seeds a row is made of, and of how many if some are missing."""
    seeds, wanted = row["seeds"], row["seeds_asked"]
    return f"{seeds}" if seeds == wanted else f"{seeds} of {wanted}"


def count_text(labelled: float) -> str:
    """A number of pictures; with a decimal only where it is a mean that needs one."""
    if pd.isna(labelled):
        return NOTHING
    return f"{labelled:.0f}" if labelled % 1 == 0 else f"{labelled:.1f}"


def _pad(row: list[str], widths: list[int], sides: str) -> str:
    cells = [
        text.ljust(width) if side == "l" else text.rjust(width)
        for text, width, side in zip(row, widths, sides, strict=True)
    ]
    return f"| {' | '.join(cells)} |"


def by_fraction(table: pd.DataFrame) -> Iterator[pd.Series]:
    """The rows of a table with those of one dataset and fraction together."""
    for _, group in table.groupby(["dataset", "fraction"], sort=False):
        for _, row in group.iterrows():
            yield row
