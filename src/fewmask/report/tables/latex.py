"""The summary as LaTeX, to paste into a paper."""

import pandas as pd

from fewmask.core import escape
from fewmask.planning.requested import Requested
from fewmask.report.tables.page import TableCell, marked
from fewmask.report.tables.summary import (
    COLUMNS,
    is_compared,
    notes_on,
    sentence,
    summary_header,
    summary_rows,
)

NARROW = 6
"""The most columns that fit into one column of a two-column page."""


def latex(requested: Requested, summary: pd.DataFrame) -> str:
    r"""The summary as LaTeX for ``\input``, a table a dataset; it needs the package booktabs."""
    tables = [_table(requested, summary, own) for _, own in summary.groupby("dataset", sort=False)]
    head = r"% Written by Fewmask. \input this file; it needs \usepackage{booktabs}." "\n"
    return head + "\n".join(tables)


def _table(requested: Requested, summary: pd.DataFrame, own: pd.DataFrame) -> str:
    """The rows of one dataset; groups of compared rows stand under a title of their own."""
    compared = is_compared(requested, summary)
    header = [
        "Method" if compared else "Masks",
        *summary_header(requested, summary)[len(COLUMNS) :],
    ]
    body = []
    for group in summary_rows(requested, summary, own):
        cells = [[_in_latex(cell) for cell in row] for row in group]
        titles = [f"{masks} masks ({fraction})" for _, fraction, masks, *_ in cells]
        body += [r"\midrule"]
        if compared:
            body += [rf"\multicolumn{{{len(header)}}}{{l}}{{{titles[0]}}} \\"]
        stubs = [row[3] for row in cells] if compared else titles
        body += [
            " & ".join([stub, *row[len(COLUMNS) :]]) + r" \\"
            for stub, row in zip(stubs, cells, strict=True)
        ]
    dataset = own["dataset"].iloc[0]
    caption = " ".join(
        [f"{sentence(requested.title)} Dataset: {dataset}.", *notes_on(requested, summary)]
    )
    # Wide tables span both columns of a two-column page.
    environment = "table*" if len(header) > NARROW else "table"
    lines = [
        rf"\begin{{{environment}}}",
        r"\centering",
        rf"\caption{{{escape.latex(caption)}}}",
        rf"\label{{tab:{dataset}}}",
        r"\footnotesize",
        r"\setlength{\tabcolsep}{4pt}",
        rf"\begin{{tabular}}{{l{'r' * (len(header) - 1)}}}",
        r"\toprule",
        " & ".join(map(escape.latex, header)) + r" \\",
        *body,
        r"\bottomrule",
        r"\end{tabular}",
        rf"\end{{{environment}}}",
    ]
    return "\n".join(lines) + "\n"


def _in_latex(cell: TableCell | str) -> str:
    return marked(cell, escape.latex, {"best": r"\textbf{{{}}}", "second": r"\underline{{{}}}"})
