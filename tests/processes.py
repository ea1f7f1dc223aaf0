"""Child processes that start in milliseconds: forked after the heavy imports are done."""

import multiprocessing
import os
import sys
from collections.abc import Callable
from pathlib import Path

import torch  # noqa: F401  imported here so that every child has it already

context = multiprocessing.get_context("fork")


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
