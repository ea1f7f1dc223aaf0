"""The cost table: hours and GPU-hours of all jobs, every job counted once."""

from collections import Counter
from itertools import product

import pandas as pd

from fewmask.cluster.timings import Source
from fewmask.core.cells import Run
from fewmask.planning.requested import Requested
from fewmask.report.results.job_costs import JobCost, total
from fewmask.report.tables.columns import NOTHING, hours_text
from fewmask.report.tables.page import Table, TableRow

SOURCES: dict[Source, str] = {
    "accounting": "SLURM's accounting, with all tries",
    "benchmark": "Snakemake's benchmark files, of their last try",
    "training": "the trainings' own count",
    "unknown": "nowhere, so that they count as 0",
}


def cost_summary(
    requested: Requested, runs: pd.DataFrame, jobs: dict[Run, list[JobCost]]
) -> pd.DataFrame:
    """What every method took on every dataset, and all of them together.

    Args:
        requested: the experiment.
        runs, jobs: of the runs that are there, as ``collect`` returns them.

    Returns:
        In the order of the experiment, and a last row whose dataset is ``total``, the columns
        dataset, method; runs, runs_asked; hours and gpu_hours, in which every job counts once
        however many runs share it; hours_per_run and gpu_hours_per_run, means over runs, in which
        it counts for each of them (NaN without a run); peak_memory_mb, the largest of the
        trainings; jobs, and from_accounting, from_benchmark, from_training, from_unknown: how
        many of them each source tells of.
    """
    asked_of_method = len(requested.fractions) * len(requested.seeds)
    rows = []
    for dataset, method in product(requested.datasets, requested.methods):
        is_own = (runs["dataset"] == dataset) & (runs["method"] == method)
        of_runs = [jobs[run] for run in jobs if (run.dataset, run.method) == (dataset, method)]
        name = {"dataset": dataset, "method": method}
        rows.append(name | _row(asked_of_method, runs[is_own], of_runs))
    name = {"dataset": "total", "method": ""}
    rows.append(name | _row(asked_of_method * len(rows), runs, list(jobs.values())))
    return pd.DataFrame(rows)


def _row(runs_asked: int, runs: pd.DataFrame, of_runs: list[list[JobCost]]) -> dict[str, object]:
    distinct = {job.name: job for jobs in of_runs for job in jobs}.values()
    sources = Counter(job.source for job in distinct)
    return {
        "runs": len(runs),
        "runs_asked": runs_asked,
        **total(distinct),
        "hours_per_run": runs["hours"].mean(),
        "gpu_hours_per_run": runs["gpu_hours"].mean(),
        "peak_memory_mb": runs["peak_memory_mb"].max(),
        "jobs": len(distinct),
        **{f"from_{source}": sources[source] for source in SOURCES},
    }


def cost_table(requested: Requested, summary: pd.DataFrame) -> Table:
    """The summary for people; without columns of GPUs where none was used."""
    last = summary.iloc[-1]
    sources = [
        f"{last[f'from_{source}']} from {text}"
        for source, text in SOURCES.items()
        if last[f"from_{source}"]
    ]
    notes = [
        "Hours of trainings, pseudo-labelling and evaluations, added up; GPU hours: times the GPUs "
        "that a job had, used or not.",
        "What several runs share counts once in a row and once in the total; per run it counts in "
        "each of them.",
        f"The figures of {last['jobs']} jobs: {'; '.join(sources)}.",
    ]
    figures = {"Hours": "hours", "Hours per run": "hours_per_run"}
    if last["gpu_hours"]:
        figures = {
            "Hours": "hours",
            "GPU hours": "gpu_hours",
            "GPU hours per run": "gpu_hours_per_run",
        }
    header = ["Dataset", "Method", "Runs", *figures, "Peak memory (GiB)"]
    rows = [_cells(row, list(figures.values())) for _, row in summary.iterrows()]
    sides = "ll" + "r" * (len(header) - 2)
    return Table(f"Cost: {requested.title}", notes, header, sides, rows, grouped_by=1)


def _cells(row: pd.Series, figures: list[str]) -> TableRow:
    there, wanted = row["runs"], row["runs_asked"]
    runs = f"{there}" if there == wanted else f"{there} of {wanted}"
    memory = row["peak_memory_mb"]
    return [
        *(row["dataset"], row["method"], runs),
        *(hours_text(row[name]) for name in figures),
        NOTHING if pd.isna(memory) else f"{memory / 1024:.1f}",
    ]
