"""`fewmask status --watch`: what it shows, and how it begins and ends on a real terminal."""

import fcntl
import io
import re
from contextlib import ExitStack, suppress
from dataclasses import asdict
from pathlib import Path

import psutil
import pytest
from filelock import FileLock
from hypothesis import given
from hypothesis import strategies as st
from rich.console import Console
from rich.text import Text

from fewmask.cluster.training_log import TrainingProgress
from fewmask.core.cells import Run
from fewmask.monitor.status import statuses
from fewmask.monitor.watch import Lines, fitted, shares, view
from fewmask.planning.grid import Grid, load_grid
from tests.small_project import change_config, write_project
from tests.terminal import Terminal
from tests.workflow.snakemake import BIN, fewmask, kill_group, start_snakemake

WATCH = [str(BIN / "fewmask"), "status", "--watch", "--every", "1"]
ENTER, LEAVE = "\x1b[?1049h", "\x1b[?1049l"
"""What a terminal is told to show another screen, and to go back."""
SHOW_CURSOR = "\x1b[?25h"

LOOK = TrainingProgress(200, 1000, 0.5, 87, 660, "miou", 0.3123)


@pytest.fixture
def held() -> ExitStack:
    """Keeps files locked until the test ends."""
    with ExitStack() as stack:
        yield stack


def finish(grid: Grid, run: Run) -> None:
    files = grid.layout.stage_files(grid.stages(run)[-1], run.seed).values()
    for name in (*files, grid.layout.metrics.format(**asdict(run))):
        Path(name).parent.mkdir(parents=True, exist_ok=True)
        Path(name).touch()


def log_of(run: Run) -> Path:
    """The log of the run's only stage, with everything before it made."""
    log = Path(f"results/logs/train/rooms/supervised/{run.fraction}/{run.seed}/supervised.log")
    files = ("results/datasets/rooms.h5", f"results/splits/rooms/{run.fraction}/{run.seed}.csv")
    for path in (*map(Path, files), log):
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()
    return log


def train(run: Run, held: ExitStack) -> None:
    """A training's log, held as by its process."""
    file = held.enter_context(log_of(run).open("w"))
    file.write(f"{LOOK}\n")
    file.flush()
    fcntl.flock(file, fcntl.LOCK_EX)


def printed(grid: Grid, width: int = 120, height: int = 40) -> list[str]:
    """The lines of the view."""
    console = Console(file=io.StringIO(), width=width, height=height, legacy_windows=False)
    console.print(view(grid, statuses(grid), True, width, height))
    return [line.rstrip() for line in console.file.getvalue().splitlines()]


@pytest.fixture
def grid(project: Path, held: ExitStack) -> Grid:
    """One run is done, one is trained, one failed, one is missing."""
    write_project(project)
    grid = load_grid()
    finish(grid, grid.runs[0])
    log_of(grid.runs[0])
    train(grid.runs[1], held)
    log_of(grid.runs[2]).write_text("error: the disk is full\n")
    return grid


def test_what_it_shows(grid: Grid):
    lines = printed(grid)
    assert re.fullmatch(r"A tiny grid  \d\d:\d\d:\d\d", lines[0])
    bar = "━" * (120 - len("  1 of 4 runs done"))
    assert lines[1] == f"{bar}  1 of 4 runs done"
    assert lines[2:4] == [
        "1 done, 1 running, 0 waiting, 1 failed, 0 outdated, 1 missing  snakemake is at work",
        "",
    ]
    now = "train  rooms/supervised/n4/1/supervised  11 min left  step 200/1000  miou 0.3123"
    assert lines[4] == "running now"
    assert re.fullmatch(rf"{now}  87 images/s  ━+", lines[5])
    assert lines[6:] == [
        "",
        "failed",
        "rooms supervised n8 seed 0 failed: the disk is full",
        "  log: results/logs/train/rooms/supervised/n8/0/supervised.log",
        "",
        "seeds",
        "rooms  supervised  n4  done: 0  running: 1",
        "rooms  supervised  n8  failed: 0  missing: 1",
        "",
        "Ctrl-C closes this view; the runs continue",
    ]


def test_damaged_logs_are_no_matter(grid: Grid):
    log_of(grid.runs[2]).write_bytes(
        b"step 1/0  loss x\n\xff\0\nerror: \x1b[31m\x1b]0;title\x07disk\n"
    )
    log = log_of(grid.runs[3])
    log.unlink()
    log.mkdir()
    found = statuses(grid)
    assert found[grid.runs[2]].reason == "]0;titledisk"
    assert found[grid.runs[3]].reason == "its log is not a file; delete it"
    assert "\x1b" not in "\n".join(printed(grid))


def test_colours_are_those_of_the_status(grid: Grid):
    console = Console(file=io.StringIO(), width=120, force_terminal=True, color_system="standard")
    console.print(view(grid, statuses(grid), True, 120, 40))
    said = console.file.getvalue()
    for line in fewmask(Path.cwd(), "status").stdout.splitlines()[:2]:
        for part in line.split("  ")[3:]:
            state = part.split(":")[0]
            colour = {"done": 32, "running": 34, "failed": 31, "missing": 33}[state]
            assert f"\x1b[{colour}m{part}\x1b[0m" in said
    quarter = (120 - len("  1 of 4 runs done")) // 4
    pieces = re.findall(r"\x1b\[(\d+)m(━+)", said.splitlines()[1])
    assert [(colour, abs(len(piece) - quarter) <= 1) for colour, piece in pieces] == [
        (colour, True) for colour in ("32", "34", "31", "2")
    ]


@pytest.mark.parametrize("height", [5, 12, 16, 24, 50])
def test_it_fits_the_terminal(project: Path, held: ExitStack, height: int):
    write_project(project)
    grid = load_grid(config={"fractions": [f"n{i}" for i in range(1, 31)], "seeds": [0, 1, 2]})
    for run in grid.runs[:30]:
        finish(grid, run)
        log_of(run)
    for run in grid.runs[30:40]:
        train(run, held)
    for run in grid.runs[40:50]:
        log_of(run).write_text(f"error: {'a long reason ' * 20}\n")
    lines = printed(grid, width=80, height=height)
    assert len(lines) <= height
    assert all(len(line) <= 80 for line in lines)
    shown = sum(line.startswith("rooms  supervised  n") for line in lines)
    if height >= 16:
        assert f"and {30 - shown} more" in lines
        assert "n14  running: 0  failed: 1 2" in "".join(lines)  # the first of which some failed
    if height == 24:
        assert not any(line.endswith("done: 0 1 2") for line in lines)
    if height == 50:
        assert sum("left  step 200/1000" in line for line in lines) == 10


@given(st.lists(st.integers(0, 50), min_size=1, max_size=4), st.integers(-5, 120))
def test_shares_use_the_room_and_leave_no_one_short_for_a_larger_one(wanted, room):
    given_ = shares(wanted, room)
    assert sum(given_) == min(sum(wanted), max(room, 0))
    assert all(got <= want for got, want in zip(given_, wanted, strict=True))
    short = [got for got, want in zip(given_, wanted, strict=True) if got < want]
    assert all(max(given_) - got <= 1 for got in short)


@given(st.lists(st.tuples(st.integers(1, 2), st.integers(0, 3)), max_size=8), st.integers(0, 12))
def test_what_is_left_out_is_counted(sizes, room):
    items = [Lines([Text(f"{i}")] * n, rank) for i, (n, rank) in enumerate(sizes)]
    lines = [line.plain for line in fitted(items, room)]
    assert len(lines) <= room
    shown = dict.fromkeys(int(line) for line in lines if line.isdigit())
    assert list(shown) == sorted(shown)
    if room and len(shown) < len(items):
        assert lines[-1] == f"and {len(items) - len(shown)} more"
        hidden = [rank for i, (_, rank) in enumerate(sizes) if i not in shown]
        assert all(sizes[i][1] <= min(hidden) for i in shown)


def test_a_job_that_many_runs_hang_on_is_shown_once(project: Path, held: ExitStack):
    write_project(project)
    log = Path("results/logs/prepare/rooms.log")
    log.parent.mkdir(parents=True)
    fcntl.flock(held.enter_context(log.open("w")), fcntl.LOCK_EX)
    lines = printed(load_grid())
    assert [line for line in lines if "prepare" in line] == ["prepare  rooms  4 runs depend on it"]


def test_without_a_terminal_it_refuses(grid: Grid):
    answer = fewmask(Path.cwd(), "status", "--watch")
    assert answer.returncode == 1
    assert answer.stderr.startswith("error: --watch needs a terminal")
    assert answer.stdout == ""


def test_all_runs_are_watched(grid: Grid):
    answer = fewmask(Path.cwd(), "status", "--watch", "--failed")
    assert answer.stderr.startswith("error: --watch shows all runs")


def test_ctrl_c_ends_it_quietly(grid: Grid):
    terminal = Terminal(WATCH, Path.cwd())
    terminal.wait_for("Ctrl-C closes this view")
    terminal.type("\x03")
    assert terminal.end() == 130
    assert "Traceback" not in terminal.said
    assert "Aborted" not in terminal.said
    assert terminal.said.count(ENTER) == 1
    assert terminal.said.rstrip().endswith(f"{SHOW_CURSOR}{LEAVE}")


def test_it_ends_when_no_run_is_left(grid: Grid, held: ExitStack):
    terminal = Terminal(WATCH, Path.cwd())
    terminal.wait_for("1 running")
    finish(grid, grid.runs[1])
    held.close()
    terminal.wait_for("2 of 4 runs done")
    assert terminal.process.poll() is None  # one is missing, and may yet be started
    log_of(grid.runs[3]).write_text("error: no more space\n")
    assert terminal.end() == 0
    summary = terminal.said.partition(LEAVE)[2]
    assert "2 done, 0 running, 0 waiting, 2 failed, 0 outdated, 0 missing" in summary
    assert "failed: no more space" in summary


def test_it_ends_with_the_snakemake_that_it_saw(grid: Grid, held: ExitStack):
    held.close()
    lock = Path(".snakemake/submitters/results.lock")
    lock.parent.mkdir(parents=True)
    with FileLock(lock):
        terminal = Terminal(WATCH, Path.cwd())
        terminal.wait_for("snakemake is at work")
    assert terminal.end() == 0
    assert "1 missing" in terminal.said.partition(LEAVE)[2]


@pytest.mark.slow
def test_a_real_grid(project: Path):
    write_project(project)
    change_config(project, "config", fractions=["n4"])
    running = start_snakemake(project, "--cores", "1")
    terminal = Terminal(WATCH, project)
    terminal.wait_for("train  rooms/supervised/")
    assert terminal.end() == 0
    assert running.wait() == 0
    assert "failed:" not in terminal.said
    assert (
        "2 done, 0 running, 0 waiting, 0 failed, 0 outdated, 0 missing"
        in terminal.said.partition(LEAVE)[2]
    )
    assert (project / "results/tables/summary.csv").exists()


@pytest.mark.slow
def test_a_real_training_that_is_stopped(project: Path):
    write_project(project)
    change_config(project, "methods/supervised", stages={"supervised": {"steps": 1000000}})
    change_config(project, "config", fractions=["n4"], seeds=[0])
    running = start_snakemake(project, "--cores", "1")
    try:
        terminal = Terminal(WATCH, project)
        terminal.wait_for("images/s")
        for job in psutil.Process(running.pid).children(recursive=True):
            if "train" in job.cmdline():
                job.terminate()
        assert terminal.end() == 0
        assert running.wait() != 0
    finally:  # a failure must not leave a training that takes days
        with suppress(psutil.NoSuchProcess):
            kill_group(running)
    assert "checkpoint saved; start it again to resume" in terminal.said.partition(LEAVE)[2]
