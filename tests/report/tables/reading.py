"""Summaries of a grid, and what stands in them."""

from fewmask.report.results.runs import collect
from fewmask.report.tables.statistics import summary


def summarised(grid):
    return grid, summary(grid, collect(grid).table)


def rows_of(text):
    """The body of a Markdown table, cell by cell."""
    lines = [line for line in text.splitlines() if line.startswith("|")]
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in lines[2:]]
