"""Child processes that start in milliseconds: forked after the heavy imports are done."""

import ctypes
import multiprocessing
import os
import sys
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
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


def start(work: Callable[[], object], log: Path | None = None) -> multiprocessing.Process:
    """Run ``work`` in a child process; its output goes to ``log``, as a shell's > does."""

    def child() -> None:
        if log is not None:
            with log.open("a") as file:
                os.dup2(file.fileno(), 1)
                os.dup2(file.fileno(), 2)
            sys.stdout = os.fdopen(1, "w", closefd=False)
            sys.stderr = os.fdopen(2, "w", closefd=False)
        work()

    process = context.Process(target=child)
    process.start()
    return process


def run(work: Callable[[], object], log: Path | None = None) -> int:
    """Run ``work`` in a child process to its end; its exit code, negative for a signal."""
    process = start(work, log)
    process.join()
    return process.exitcode


def end_within(seconds: float, processes: Sequence[psutil.Process]) -> bool:
    """Whether processes of others end in time; those that nobody has waited for have ended, too."""
    limit = time.monotonic() + seconds
    while any(_lives(process) for process in processes):
        if time.monotonic() > limit:
            return False
        time.sleep(0.05)
    return True


def _lives(process: psutil.Process) -> bool:
    with suppress(psutil.NoSuchProcess):
        return process.is_running() and process.status() != psutil.STATUS_ZOMBIE
    return False
