"""A command called in a forked child, which can neither hang nor take this process with it."""

import multiprocessing
import os
import resource
import signal
import sys
from dataclasses import dataclass
from pathlib import Path

# What the commands import when they run, so that every child has it already.
import fewmask.data.inspection.dataset
import fewmask.data.inspection.pseudo_masks
import fewmask.data.preparation.prepare
import fewmask.data.splits.job
import fewmask.inference.evaluate
import fewmask.inference.predict
import fewmask.inference.pseudo_label
import fewmask.monitor.plan
import fewmask.monitor.status
import fewmask.report.summarise
import fewmask.training.job  # noqa: F401
from fewmask.cli import main

CPU_SECONDS = 30
"""More than any command takes, however damaged its files: it reads small ones."""
WALL_SECONDS = 300
"""For one that waits for ever; long, for machines that run tests are shared."""
MEMORY = 4 << 30


@dataclass(frozen=True)
class Answer:
    """How a command ended."""

    code: int
    """Its exit code, negative for a signal."""
    output: str
    """What it wrote to stdout and stderr."""
    hung: bool = False


context = multiprocessing.get_context("forkserver")
# Not forked from the process of the tests: what others of them did with threads makes children wait
# for ever. These come from one that has imported this and done nothing else.
context.set_forkserver_preload(["pytest", __name__])


def call(folder: Path, arguments: list[str], log: Path) -> Answer:
    """Run ``fewmask ARGUMENTS`` in a folder, its output in a new file ``log``."""
    log.parent.mkdir(parents=True, exist_ok=True)
    log.unlink(missing_ok=True)
    process = context.Process(target=_run, args=(folder, arguments, log))
    process.start()
    process.join(WALL_SECONDS)
    if waits := process.is_alive():
        process.kill()
        process.join()
    hung = waits or process.exitcode in (-signal.SIGXCPU, -signal.SIGKILL)
    return Answer(process.exitcode, log.read_text(errors="replace"), hung)


def _run(folder: Path, arguments: list[str], log: Path) -> None:
    with log.open("w") as file:
        os.dup2(file.fileno(), 1)
        os.dup2(file.fileno(), 2)
    sys.stdout, sys.stderr = (os.fdopen(number, "w", closefd=False) for number in (1, 2))
    os.chdir(folder)
    resource.setrlimit(resource.RLIMIT_CPU, (CPU_SECONDS, CPU_SECONDS))
    resource.setrlimit(resource.RLIMIT_DATA, (MEMORY, MEMORY))
    sys.argv = ["fewmask", *arguments]
    main()
