"""Which jobs share an allocation: ready ones of one rule that request the same, and that say by the
resource ``gpu_share`` how many of them share a GPU."""

from collections.abc import Iterator, Sequence
from typing import TypeVar

from snakemake_executor_plugin_submitit.request import Request

Job = TypeVar("Job")


def allocations(
    request: Request, jobs: Sequence[Job]
) -> Iterator[tuple[Request, list[Sequence[Job]]]]:
    """The jobs of one request in groups, each of which has an allocation: full groups, then one of
    those that are left over. With each what its allocations request."""
    share = request.gpu_share
    full = len(jobs) - len(jobs) % share
    if full:
        yield request.times(share), [jobs[at : at + share] for at in range(0, full, share)]
    if rest := jobs[full:]:
        yield request.times(len(rest)), [rest]
