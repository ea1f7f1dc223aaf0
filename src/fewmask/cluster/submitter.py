"""The job submitter: the one Snakemake that plans and submits the jobs of an experiment.

Snakemake's own lock stays behind when Snakemake is killed, and then has to be removed by hand. The
lock here is one of the operating system, which releases it when the process ends.
"""

import os
import signal
import socket
import sys
from pathlib import Path

from filelock import FileLock, Timeout

from fewmask.cluster.job_log import is_held
from fewmask.cluster.slurm import cancel, queued_jobs
from fewmask.core.errors import FewmaskError

LOCKS = Path(".snakemake") / "submitters"

_held: list[FileLock] = []


def take_charge(results: str) -> None:
    """Make this process the only submitter that writes to a folder of results, until it ends.

    Jobs that a killed submitter left in SLURM's queue are cancelled first: new jobs resume from
    their checkpoints, and nothing is trained twice at the same time.

    Raises:
        FewmaskError: another process submits jobs that write there.
    """
    LOCKS.mkdir(parents=True, exist_ok=True)
    path = _lock_of(results)
    owner = path.with_suffix(".txt")
    lock = FileLock(path)
    try:
        lock.acquire(timeout=0.5)  # `is_at_work` may hold it for a moment
    except Timeout:
        raise FewmaskError(
            f"{results}: another snakemake writes here: {owner.read_text()}\n"
            f"  wait for it, or stop it, and give the command again"
        ) from None
    _held.append(lock)
    owner.write_text(f"process {os.getpid()} on {socket.gethostname()}")
    _cancel_leftovers(path)


def end_as_by_ctrl_c() -> None:
    """Make SIGTERM end this process, a Snakemake, as Ctrl-C does: it cancels its jobs and ends.

    Snakemake itself would wait for jobs that run elsewhere, which may take days, and its handler
    waits forever if the signal arrives while the scheduler holds its lock. Of several signals
    (``uv run`` forwards one that the whole group has received) only the first counts.
    """

    def end(number: int, frame: object) -> None:
        signal.signal(signal.SIGTERM, lambda *_: None)
        raise KeyboardInterrupt

    signal.signal(signal.SIGTERM, end)


def is_at_work(results: str) -> bool:
    """Whether a submitter for a folder of results runs now: on this machine or, where the file
    system has locks, on another one."""
    return is_held(_lock_of(results))


def _lock_of(results: str) -> Path:
    return LOCKS / f"{results.replace('/', '_')}.lock"


def _cancel_leftovers(own: Path) -> None:
    jobs = queued_jobs(Path.cwd())
    if not jobs:
        return
    if any(is_held(path) for path in LOCKS.glob("*.lock") if path != own):
        return  # they may be those of another experiment's submitter
    numbers = [*dict.fromkeys(job.number for job in jobs)]
    noun = "job" if len(numbers) == 1 else "jobs"
    print(
        f"A snakemake that was killed left {len(numbers)} {noun} in SLURM's queue "
        f"({', '.join(numbers)}), now cancelled; trainings resume from their checkpoints.",
        file=sys.stderr,
    )
    cancel(jobs, Path.cwd())
