"""The cost table: hours and GPU-hours of all jobs, every job counted once."""

import math
from collections import Counter, defaultdict

import pandas as pd

from fewmask.cluster.timings import Source
from fewmask.planning.requested import Requested
from fewmask.planning.search.names import searched
from fewmask.report.results.job_costs import JobCost, total
from fewmask.report.results.runs import Runs
from fewmask.report.tables.columns import NOTHING, Row, hours_text, rows_of
from fewmask.report.tables.page import Table, TableRow

SOURCES: dict[Source, str] = {
    "accounting": "SLURM's accounting (all tries)",
    "benchmark": "Snakemake's benchmark files (the last try)",
    "training": "the trainings' own clocks",
    "unknown": "no source (counted as 0)",
}


def cost_summary(requested: Requested, collected: Runs) -> pd.DataFrame:
    """The cost of every method on every dataset, and of the whole experiment.

    Args:
        requested: the experiment.
        collected: the runs that are there.

    Returns:
        In the order of the experiment, and a last row whose dataset is ``total``, the columns
        dataset, method; runs, runs_requested; hours and gpu_hours, in which every job counts once
        however many runs share it; hours_per_run and gpu_hours_per_run, means over runs, in which
        it counts for each of them (NaN without a run); peak_memory_mb, the largest of the
        trainings; search_hours and search_gpu_hours, if settings are searched: of all trials of the
        method, apart from the hours of its runs (NaN of methods as they are written); jobs, and
        from_accounting, from_benchmark, from_training, from_unknown: the number of jobs whose
        duration comes from each source.
    """
    runs, jobs = collected.table, collected.jobs
    asked, rows = Counter((run.dataset, run.method) for run in requested.runs()), []
    jobs_of = defaultdict(list)
    for run, of_run in jobs.items():
        jobs_of[run.dataset, run.method].append(of_run)
    for (dataset, method), runs_requested in asked.items():
        is_own = (runs["dataset"] == dataset) & (runs["method"] == method)
        name = {"dataset": dataset, "method": method}
        of_search = [
            job
            for names, of_trials in collected.jobs_of_searches.items()
            if (names[0], searched(names[1])) == (dataset, method)
            for job in of_trials
        ]
        row = name | _row(runs_requested, runs[is_own], jobs_of[dataset, method])
        rows.append(row | _search_hours(requested, of_search))
    name = {"dataset": "total", "method": ""}
    of_all = [job for of_trials in collected.jobs_of_searches.values() for job in of_trials]
    row = name | _row(asked.total(), runs, list(jobs.values()))
    rows.append(row | _search_hours(requested, of_all))
    return pd.DataFrame(rows)


def _search_hours(requested: Requested, trials: list[JobCost]) -> dict[str, float]:
    if not requested.searches:
        return {}
    hours = total(trials) if trials else {"hours": math.nan, "gpu_hours": math.nan}
    return {f"search_{name}": value for name, value in hours.items()}


def _row(
    runs_requested: int, runs: pd.DataFrame, of_runs: list[list[JobCost]]
) -> dict[str, object]:
    distinct = {job.name: job for jobs in of_runs for job in jobs}.values()
    sources = Counter(job.source for job in distinct)
    return {
        "runs": len(runs),
        "runs_requested": runs_requested,
        **total(distinct),
        "hours_per_run": runs["hours"].mean(),
        "gpu_hours_per_run": runs["gpu_hours"].mean(),
        "peak_memory_mb": runs["peak_memory_mb"].max(),
        "jobs": len(distinct),
        **{f"from_{source}": sources[source] for source in SOURCES},
    }


def cost_table(requested: Requested, summary: pd.DataFrame) -> Table:
    """The cost as a table to be read; GPU columns only where GPUs were used."""
    last = summary.iloc[-1]
    sources = [
        f"{last[f'from_{source}']} from {text}"
        for source, text in SOURCES.items()
        if last[f"from_{source}"]
    ]
    notes = [
        "Hours: of all training, pseudo-labelling and evaluation jobs. GPU hours: hours times the "
        "GPUs allocated to a job, used or not; trainings that share a GPU have equal parts of it.",
        "A job that several runs share counts once in a row and once in the total; per run it "
        "counts in full for each of them.",
        f"Durations of {last['jobs']} jobs: {'; '.join(sources)}.",
    ]
    columns = {"Hours": "hours", "Hours per run": "hours_per_run"}
    search = {"Hours of search": "search_hours"}
    if last["gpu_hours"]:
        search = {"GPU hours of search": "search_gpu_hours"}
        columns = {
            "Hours": "hours",
            "GPU hours": "gpu_hours",
            "GPU hours per run": "gpu_hours_per_run",
        }
    if requested.searches:
        columns |= search
        notes.append(
            "Hours of search: of the trainings and pseudo-labellings of all trials, on the rungs "
            "that are ranked. No other column counts them."
        )
    header = ["Dataset", "Method", "Runs", *columns, "Peak memory (GiB)"]
    rows = [_cells(requested, row, list(columns.values())) for row in rows_of(summary)]
    sides = "ll" + "r" * (len(header) - 2)
    return Table(f"Cost: {requested.title}", notes, header, sides, rows, grouped_by=1)


def _cells(requested: Requested, row: Row, columns: list[str]) -> TableRow:
    finished, in_all = row["runs"], row["runs_requested"]
    runs = f"{finished}" if finished == in_all else f"{finished} of {in_all}"
    memory = row["peak_memory_mb"]
    return [
        *(row["dataset"], requested.title_of(row["method"]), runs),
        *(hours_text(row[name]) for name in columns),
        NOTHING if pd.isna(memory) else f"{memory / 1024:.1f}",
    ]
