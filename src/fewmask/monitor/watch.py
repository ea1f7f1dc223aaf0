"""`fewmask status --watch`: the state of a grid, on the screen for as long as it runs."""

import sys
import time
from collections import Counter
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import NamedTuple

from rich.console import Console, Group
from rich.live import Live
from rich.text import Text

from fewmask.cluster.job_log import is_held
from fewmask.cluster.submitter import is_at_work
from fewmask.cluster.training_log import TrainingProgress
from fewmask.core.cells import Run
from fewmask.core.columns import padded
from fewmask.core.errors import FewmaskError
from fewmask.monitor.status import (
    COLOURS,
    State,
    Status,
    overview,
    print_status,
    reasons,
    statuses,
    waiting,
)
from fewmask.planning.grid import Grid

Statuses = dict[Run, Status]
FOOT = "Ctrl-C closes this view; the runs continue"
TAIL = 4096
"""Bytes at the end of a log that are searched for the last line of its training."""
BAR = 20
"""Columns of a training's bar."""
BY_INTEREST: tuple[State, ...] = ("failed", "running", "waiting", "outdated", "missing", "done")
"""If there is not room for all cells, those with a seed in the first of these states are shown."""


class Lines(NamedTuple):
    """Lines that belong together; if there is not room for all, those of low rank are shown."""

    lines: list[Text]
    rank: int = 0


def watch(grid: Grid, every: float) -> None:
    """Show the state of a grid until nothing is running any more, then print its status.

    Nothing is running when no run is waiting or running and no Snakemake is at work. Before a
    Snakemake has been seen at work, the view also stays open while runs are missing.

    Args:
        every: seconds between two updates.

    Raises:
        FewmaskError: stdout is not a terminal that can be redrawn.
    """
    console = Console()
    if not sys.stdout.isatty() or console.is_dumb_terminal:
        raise FewmaskError("--watch needs a terminal; without --watch the status is printed once")
    was_at_work = False
    with Live(console=console, screen=True, auto_refresh=False) as live:
        while True:
            began = time.monotonic()
            # Asked before the states of runs: once no Snakemake is at work, these are final.
            at_work = is_at_work(grid.layout.results)
            states_by_run = statuses(grid)
            live.update(view(grid, states_by_run, at_work, *console.size), refresh=True)
            was_at_work |= at_work
            states = {status.state for status in states_by_run.values()}
            goes_on = at_work or states & {"running", "waiting"}
            if not goes_on and (was_at_work or "missing" not in states):
                break
            # However large the grid, at most half of the time is spent reading its state.
            time.sleep(max(every, time.monotonic() - began))
    print_status(grid)


def view(grid: Grid, states_by_run: Statuses, at_work: bool, width: int, height: int) -> Group:
    """Totals, running jobs, failures with their reasons, and the seeds of every cell of the grid:
    as much of it as fits into ``height`` lines."""
    snakemake = "snakemake is at work" if at_work else "no snakemake is at work here"
    head = [
        _line((grid.experiment.title, "bold"), f"  {datetime.now():%H:%M:%S}"),
        _bar(states_by_run, width),
        _line(*_counts(states_by_run), (f"  {snakemake}", "dim")),
        *(_ansi(line) for text in waiting(states_by_run) for line in text.split("\n") if line),
    ]
    sections = {
        "running now": [Lines([line]) for line in _running(grid, states_by_run, width)],
        "failed": [
            Lines([*map(_ansi, text.strip().split("\n"))])
            for text in reasons(states_by_run)
            if text
        ],
        "seeds": list(_cells(states_by_run)),
    }
    sections = {title: items for title, items in sections.items() if items}
    needed = [sum(len(item.lines) for item in items) for items in sections.values()]
    rooms = shares(needed, height - len(head) - 2 * len(sections) - 2)
    body = [
        line
        for (title, items), room in zip(sections.items(), rooms, strict=True)
        for line in (Text(), _line((title, "bold")), *fitted(items, room))
    ]
    return Group(*[*head, *body, Text(), _line((FOOT, "dim"))][:height])


def shares(needed: list[int], room: int) -> list[int]:
    """The number of lines that each list gets: all it wants, or an equal part of what smaller lists
    leave."""
    given, room = [0] * len(needed), max(room, 0)
    for done, place in enumerate(sorted(range(len(needed)), key=needed.__getitem__)):
        given[place] = min(needed[place], room // (len(needed) - done))
        room -= given[place]
    return given


def fitted(items: list[Lines], room: int) -> list[Text]:
    """The lines of items, in their order; if they do not fit, those of the lowest ranks, and a last
    line that says how many items are left out."""
    chosen, left = set(range(len(items))), room
    if sum(len(item.lines) for item in items) > room:
        chosen, left = set(), room - 1
        for place in sorted(range(len(items)), key=lambda place: items[place].rank):
            if (left := left - len(items[place].lines)) < 0:
                break
            chosen.add(place)
    shown = [line for place in sorted(chosen) for line in items[place].lines]
    hidden = len(items) - len(chosen)
    return shown + ([_line((f"and {hidden:,} more", "dim"))] if hidden and room > 0 else [])


def _line(*parts: str | tuple[str, str]) -> Text:
    return Text.assemble(*parts, no_wrap=True, overflow="ellipsis")


def _ansi(text: str) -> Text:
    return Text.from_ansi(text, no_wrap=True, overflow="ellipsis")


def _bar(states_by_run: Statuses, width: int) -> Text:
    """All runs as one bar, in the colours of their states."""
    counts = Counter(status.state for status in states_by_run.values())
    label = f"  {counts['done']} of {len(states_by_run)} runs done"
    columns, parts, drawn, seen = max(width - len(label), 0), [], 0, 0
    for state, colour in COLOURS.items():
        seen += counts[state]
        end = columns * seen // len(states_by_run)
        parts.append(("━" * (end - drawn), "dim" if state == "missing" else colour))
        drawn = end
    return _line(*parts, label)


def _counts(states_by_run: Statuses) -> Iterator[str | tuple[str, str]]:
    counts = Counter(status.state for status in states_by_run.values())
    for i, (state, colour) in enumerate(COLOURS.items()):
        yield ", " if i else ""
        yield f"{counts[state]} {state}", colour if counts[state] else "dim"


def _running(grid: Grid, states_by_run: Statuses, width: int) -> Iterator[Text]:
    """A line for every running job: its name, its progress, the time left."""
    logs = Counter(status.log for status in states_by_run.values() if status.state == "running")
    summarise = grid.layout.log("summarise", "all")
    if is_held(Path(summarise)):
        logs[summarise] = 0
    jobs = [(*grid.layout.job_of(log), Path(log), runs) for log, runs in logs.items()]
    names = padded([job[:2] for job in jobs])
    for name, (*_, log, runs) in zip(names, jobs, strict=True):
        line = _line("  ".join(name), (f"  {runs} runs depend on it" if runs > 1 else "", "dim"))
        if log.exists() and (progress := TrainingProgress.last_in(_end_of(log))):
            _add_progress(line, progress, time.time() - log.stat().st_mtime, width)
        yield line


def _add_progress(line: Text, progress: TrainingProgress, seconds_ago: float, width: int) -> None:
    """Append the progress of a training, most important first; a bar if there is room."""
    left = _duration(max(0.0, progress.seconds_left - seconds_ago))
    line.append(f"  {left:>6} left  step {progress.step}/{progress.steps}")
    if progress.metric is not None:
        line.append(f"  {progress.metric} {progress.value:.4f}")
    line.append(f"  {progress.speed:.0f} images/s  ")
    columns = min(BAR, max(0, width - len(line)))
    full = min(columns, columns * progress.step // progress.steps)
    line.append("━" * full, COLOURS["running"]).append("━" * (columns - full), "dim")


def _end_of(log: Path) -> str:
    with log.open("rb") as file:
        file.seek(max(0, log.stat().st_size - TAIL))
        return file.read().decode(errors="replace")


def _duration(seconds: float) -> str:
    if seconds < 100:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 6000 else f"{seconds / 3600:.1f} h"


def _cells(states_by_run: Statuses) -> Iterator[Lines]:
    """A line for every dataset, method and fraction, as `fewmask status` prints it."""
    states: dict[tuple[str, str, str], set[State]] = {}
    for run, status in states_by_run.items():
        states.setdefault((run.dataset, run.method, run.fraction), set()).add(status.state)
    for line, of_cell in zip(overview(states_by_run), states.values(), strict=True):
        yield Lines([_ansi(line)], min(map(BY_INTEREST.index, of_cell)))
