"""Child processes that start in milliseconds: forked after the heavy imports are done."""

import ctypes
import multiprocessing
import os
import socket
import sys
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from functools import partial
from pathlib import Path

import psutil
import torch  # imported here so that every child has it already

context = multiprocessing.get_context("fork")


def _before_forks(library: Path) -> None:
    """End OpenMP's threads before every fork; they start again when they are needed.

    A child has no threads but the one that forked, and would wait for the others for ever.
    """
    soft = 1
    openmp = ctypes.CDLL(str(library))
    os.register_at_fork(before=lambda: openmp.omp_pause_resource_all(soft))


for library in (Path(torch.__file__).parent / "lib").glob("libgomp*"):
    _before_forks(library)


def write_to(output: int, errors: int) -> None:
    """Let the standard streams of this process, a fork, write to other open files."""
    os.dup2(output, 1)
    os.dup2(errors, 2)
    sys.stdout, sys.stderr = (os.fdopen(number, "w", closefd=False) for number in (1, 2))


def start(work: Callable[[], object], log: Path | None = None) -> multiprocessing.Process:
    """Run ``work`` in a child process; its output goes to ``log``, as a shell's > does."""

    def child() -> None:
        if log is not None:
            with log.open("a") as file:
                write_to(file.fileno(), file.fileno())
        work()

    process = context.Process(target=child)
    process.start()
    return process


def run(work: Callable[[], object], log: Path | None = None) -> int:
    """Run ``work`` in a child process to its end; its exit code, negative for a signal."""
    process = start(work, log)
    process.join()
    return process.exitcode


def run_together(work: Callable[[], object], count: int) -> list[int]:
    """Run ``work`` in processes that know each other, as `fewmask.training.launch` starts them;
    their exit codes."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    meeting = {"MASTER_ADDR": "127.0.0.1", "MASTER_PORT": str(port), "WORLD_SIZE": str(count)}

    def one(rank: int) -> None:
        os.environ |= meeting | {"RANK": str(rank), "LOCAL_RANK": str(rank)}
        work()

    started = [start(partial(one, rank)) for rank in range(count)]
    for process in started:
        process.join()
    return [process.exitcode for process in started]


def end_within(seconds: float, processes: Sequence[psutil.Process]) -> bool:
    """Whether processes of others end in time; those that nobody has waited for have ended, too."""
    limit = time.monotonic() + seconds
    while any(_lives(process) for process in processes):
        if time.monotonic() > limit:
            return False
        time.sleep(0.05)
    return True


def _lives(process: psutil.Process) -> bool:
    """Its first thread may have ended before others, which still hold its files and locks."""
    with suppress(psutil.NoSuchProcess):
        is_zombie = process.status() == psutil.STATUS_ZOMBIE
        return process.is_running() and not (is_zombie and process.num_threads() == 1)
    return False
