"""One training on several processes, each with a GPU of its own where there are GPUs.

Every process draws the same batches, and computes the same losses from the network's outputs for
all of their images. Only the work of the network is shared: each process passes every n-th image
through it (`over_shards`), outputs are gathered, and gradients are added up (`add_up`). So batches,
augmentation and losses, even those that compare images, are those of a single process; only sums
are taken in another order, and dropout leaves out other values. Batch-norm takes its statistics
over all processes (`fewmask.networks.shared_norm`).

In a training of a single process, all of this does nothing.
"""

import os
import subprocess
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, nullcontext, redirect_stderr, redirect_stdout
from datetime import timedelta
from typing import Any

import torch
import torch.distributed as dist
from torch import Tensor

from fewmask.core.errors import FewmaskError
from fewmask.core.place import own_place

PATIENCE = timedelta(hours=2)
"""How long processes wait for each other: while the first one evaluates on the validation images,
the others wait. When one fails, the launcher ends the others."""


@contextmanager
def together(processes: int) -> Iterator[None]:
    """Join the other processes of a training, if it has any, until the block ends.

    Raises FewmaskError: another number of processes than ``processes`` was started.
    """
    here = own_place()
    running = here.processes if here else 1
    if running != processes:
        raise FewmaskError(
            f"--processes is {processes}, and {running} were started\n"
            f"  mend: start as many by torchrun or srun, or none: fewmask starts them itself"
        )
    if here is None:
        yield
        return
    if "MASTER_ADDR" not in os.environ:
        _meet_in_slurm()
    os.environ |= {"RANK": str(here.rank), "WORLD_SIZE": str(here.processes)}
    backend = "cpu:gloo"
    if torch.cuda.is_available():
        torch.cuda.set_device(here.local_rank % torch.cuda.device_count())
        backend += ",cuda:nccl"
    dist.init_process_group(backend, timeout=PATIENCE)
    try:
        with nullcontext() if is_first() else _silence():
            yield
            wait_for_all()  # the launcher ends the others when one has ended
    finally:
        dist.destroy_process_group()


@contextmanager
def _silence() -> Iterator[None]:
    """Print nothing: the first process does. Errors that end the block are still raised."""
    with open(os.devnull, "w") as nowhere, redirect_stdout(nowhere), redirect_stderr(nowhere):
        yield


def _meet_in_slurm() -> None:
    """Let the tasks of a step meet at its first machine, on a port of this step."""
    nodes = os.environ["SLURM_STEP_NODELIST"]
    command = ["scontrol", "show", "hostnames", nodes]
    hosts = subprocess.run(command, capture_output=True, text=True, check=True).stdout.split()
    step = int(os.environ["SLURM_JOB_ID"]) + int(os.environ.get("SLURM_STEP_ID", 0))
    os.environ |= {"MASTER_ADDR": hosts[0], "MASTER_PORT": str(20_000 + step % 20_000)}


def count() -> int:
    """How many processes train together."""
    return dist.get_world_size() if dist.is_initialized() else 1


def is_first() -> bool:
    """Whether this is the first process, which writes files and prints."""
    return not dist.is_initialized() or dist.get_rank() == 0


def wait_for_all() -> None:
    """Return when every process has called this."""
    from_first(None)


def from_first(value: Any) -> Any:
    """The first process's ``value``, in all processes."""
    if count() == 1:
        return value
    values = [value]
    dist.broadcast_object_list(values, device=torch.device("cpu"))
    return values[0]


def any_says(flag: bool) -> bool:
    """Whether the flag is set in any process."""
    if count() == 1:
        return flag
    flags = torch.tensor(float(flag))
    dist.all_reduce(flags, dist.ReduceOp.MAX)
    return bool(flags)


def over_shards(function: Callable[..., Any], *tensors: Tensor) -> Any:
    """The outputs of ``function`` for batches, of which each process computes a share.

    Args:
        function: from tensors (N, ...) to tensors (N, ...), or to tuples or dictionaries of them;
            it treats images one by one, except in batch-norm.
        tensors: batches, which may have different numbers of images, each a multiple of the number
            of processes. Images at the beginning of a batch are at the beginning of its shards.

    Returns:
        The outputs for all images, in their order. The gradient that reaches a parameter is that
        of this process's images: `add_up` completes it.
    """
    if count() == 1:
        return function(*tensors)
    return _gathered(function(*(tensor[dist.get_rank() :: count()] for tensor in tensors)))


def _gathered(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: _gathered(one) for name, one in value.items()}
    if isinstance(value, tuple):
        return tuple(map(_gathered, value))
    return None if value is None else _Gather.apply(value)


class _Gather(torch.autograd.Function):
    """The shards of all processes as one batch. Each process keeps the gradient of its own shard,
    for all compute the same losses from the batch."""

    @staticmethod
    def forward(ctx: Any, shard: Tensor) -> Tensor:
        shard = shard.contiguous()
        shards = [torch.empty_like(shard) for _ in range(count())]
        dist.all_gather(shards, shard)
        return torch.stack(shards, dim=1).flatten(0, 1)

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> Tensor:
        return gradient[dist.get_rank() :: count()]


def total(values: Tensor) -> Tensor:
    """The sum of ``values`` over all processes, in each of them; gradients flow through it."""
    return _Total.apply(values)


class _Total(torch.autograd.Function):
    """A sum over processes. The outputs of all of them depend on it, so that their gradients with
    respect to it are added up too."""

    @staticmethod
    def forward(ctx: Any, values: Tensor) -> Tensor:
        total = values.clone()
        dist.all_reduce(total)
        return total

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> Tensor:
        total = gradient.clone()
        dist.all_reduce(total)
        return total


def add_up(gradients: Iterable[Tensor | None]) -> None:
    """Replace gradients on the network's parameters by their sums over all processes."""
    if count() == 1:
        return
    known = [one for one in gradients if one is not None]
    if not known:
        return
    total = torch.cat([one.flatten() for one in known])
    dist.all_reduce(total)
    for one, part in zip(known, total.split([one.numel() for one in known]), strict=True):
        one.copy_(part.view_as(one))
