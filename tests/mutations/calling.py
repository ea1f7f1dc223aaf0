"""A command called in a forked child, which can neither hang nor take this process with it."""

import multiprocessing
import os
import resource
import signal
import sys
from dataclasses import dataclass
from pathlib import Path

import tests.commands  # noqa: F401 - so that every child has done it already
from fewmask.cli import main
from tests.processes import write_to

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
        write_to(file.fileno(), file.fileno())
    os.chdir(folder)
    resource.setrlimit(resource.RLIMIT_CPU, (CPU_SECONDS, CPU_SECONDS))
    resource.setrlimit(resource.RLIMIT_DATA, (MEMORY, MEMORY))
    sys.argv = ["fewmask", *arguments]
    main()
