"""Write all tables and figures of an experiment."""

import gc
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from fewmask.core.errors import FewmaskError
from fewmask.core.files import written_whole
from fewmask.planning.requested import Requested
from fewmask.report.figures.draw import figures as all_figures
from fewmask.report.figures.writing import written
from fewmask.report.one_page import one_page
from fewmask.report.results.runs import Runs, collect
from fewmask.report.tables.latex import latex
from fewmask.report.tables.page import Table
from fewmask.report.tables.statistics import write_csv
from fewmask.report.tables.tabulate import Results, tabulate

NAMED = 5
"""The number of files that a message lists."""


def summarise(
    requested: Requested,
    tables: Path,
    figures: Path,
    partial: bool = False,
    page: Path | None = None,
    processes: int = 1,
) -> None:
    """Write the tables and figures of an experiment; `fewmask.report.contents` names them.

    Args:
        requested: what `requested_by` makes of a grid.
        tables: the folder for runs.csv, summary.tex, and every table as .csv, .html and .md, which
            hold a sentence instead where there is nothing to show.
        figures: the folder for every figure as .svg and .png.
        partial: use the runs that are finished; every row states their number.
        page: an HTML file that shows all of them; None: none is written.
        processes: how many draw figures side by side, and how many threads resample test images.

    Raises:
        FewmaskError: a run is missing, or with ``partial`` all are; or a file is damaged.
    """
    collected = collect(requested)
    _check_runs(collected, partial)
    with _kept_in_memory():
        _write_all(requested, collected, tables, figures, page, processes)


def _write_all(
    requested: Requested,
    collected: Runs,
    tables: Path,
    figures: Path,
    page: Path | None,
    processes: int,
) -> None:
    results = tabulate(requested, collected, processes)
    # Figures have temporary names until all are drawn: if a file is damaged, the previous results
    # stay as they are.
    with written(all_figures(requested, collected, results), figures, processes):
        shown_tables = _write_tables(requested, collected, results, tables)
    if page is not None:
        _write(page, one_page(requested, shown_tables, figures))


@contextmanager
def _kept_in_memory() -> Iterator[None]:
    """A block in which what is there already, records of thousands of runs, is never looked through
    for garbage; figures, whose artists refer to each other, are then soon collected."""
    gc.freeze()
    try:
        yield
    finally:
        gc.unfreeze()


def _write_tables(
    requested: Requested, collected: Runs, results: Results, folder: Path
) -> dict[str, Table]:
    """Write all tables, and return those for people by their names."""
    write_csv(collected.table, folder / "runs.csv")
    _write(folder / "summary.tex", latex(requested, results.shown))
    shown = {}
    for name, (csv, table) in results.pages(requested).items():
        write_csv(csv, folder / f"{name}.csv")
        _write(folder / f"{name}.md", table.markdown())
        _write(folder / f"{name}.html", table.html())
        shown[name] = table
    return shown


def _check_runs(collected: Runs, partial: bool) -> None:
    requested = len(collected.table) + len(collected.missing)
    if collected.outdated:
        print(
            f"{len(collected.outdated)} metrics files were made with other settings and count as "
            f"missing:{_named(collected.outdated)}",
            file=sys.stderr,
        )
    if collected.table.empty:
        raise FewmaskError(
            f"{collected.missing[0]}: not found, and none of the {requested} runs is finished\n"
            f"  run the workflow first: snakemake"
        )
    if collected.missing and not partial:
        missing = f"{len(collected.missing)} of {requested} runs are missing"
        raise FewmaskError(
            f"{missing}:{_named(collected.missing)}\n"
            f"  run the workflow again, or summarise the finished runs: snakemake partial"
        )


def _named(paths: list[Path]) -> str:
    named = "".join(f"\n  {path}" for path in paths[:NAMED])
    return named + (f"\n  and {len(paths) - NAMED} more" if len(paths) > NAMED else "")


def _write(path: Path, text: str) -> None:
    with written_whole(path) as temporary:
        temporary.write_text(text, encoding="utf-8")
