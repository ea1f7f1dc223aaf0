"""One training on several processes, each with a GPU of its own where there are any.

Every process draws the same batches, and computes the same losses from the network's outputs for
all of their images. What they share is the network's work: each passes every n-th image through
it (`over_shards`), outputs are gathered, and gradients are added up (`add_up`). So the batch, its
augmentation and the losses, whatever these compare, are those of one process; only sums are taken
in another order, and dropout leaves out other values. Batch-norm takes its statistics over all
processes (`fewmask.networks.shared_norm`).

Without other processes, all of this does nothing.
"""

import os
import subprocess
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, nullcontext, redirect_stderr, redirect_stdout
from datetime import timedelta
from typing import Any, NamedTuple

import torch
import torch.distributed as dist
from torch import Tensor

from fewmask.core.errors import FewmaskError

PATIENCE = timedelta(hours=2)
"""How long processes wait for each other: while the first one judges the validation images, the
others wait. When one fails, who started them ends the others."""


class Place(NamedTuple):
    """Which one of how many processes this is."""

    rank: int
    processes: int
    local_rank: int
    """The number among those of this machine, and so of its GPU."""


def place() -> Place | None:
    """This process's place as torchrun, `fewmask.training.launch` or SLURM's srun tell it; None: it
    was started alone."""
    told = os.environ
    if "RANK" in told and "WORLD_SIZE" in told:
        return Place(int(told["RANK"]), int(told["WORLD_SIZE"]), int(told.get("LOCAL_RANK", 0)))
    if int(told.get("SLURM_STEP_NUM_TASKS", 1)) > 1:
        numbers = ("SLURM_PROCID", "SLURM_STEP_NUM_TASKS", "SLURM_LOCALID")
        return Place(*(int(told[name]) for name in numbers))
    return None


@contextmanager
def together(processes: int) -> Iterator[None]:
    """Join the other processes of a training, if it has any, until the block ends.

    Raises FewmaskError: there are not as many as ``processes`` says.
    """
    here = place()
    found = here.processes if here else 1
    if found != processes:
        raise FewmaskError(
            f"--processes is {processes}, and {found} were started\n"
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
            wait_for_all()  # who started them ends the others when one has ended
    finally:
        dist.destroy_process_group()


@contextmanager
def _silence() -> Iterator[None]:
    """Say nothing: the first process speaks for all. Errors that end the block are told."""
    with open(os.devnull, "w") as nowhere, redirect_stdout(nowhere), redirect_stderr(nowhere):
        yield


def _meet_in_slurm() -> None:
    """The tasks of a step meet at its first machine, at a port of its own."""
    nodes = os.environ["SLURM_STEP_NODELIST"]
    command = ["scontrol", "show", "hostnames", nodes]
    hosts = subprocess.run(command, capture_output=True, text=True, check=True).stdout.split()
    step = int(os.environ["SLURM_JOB_ID"]) + int(os.environ.get("SLURM_STEP_ID", 0))
    os.environ |= {"MASTER_ADDR": hosts[0], "MASTER_PORT": str(20_000 + step % 20_000)}


def count() -> int:
    """How many processes train together."""
    return dist.get_world_size() if dist.is_initialized() else 1


def is_first() -> bool:
    """Whether this process is the one that writes and speaks."""
    return not dist.is_initialized() or dist.get_rank() == 0


def wait_for_all() -> None:
    """Return when every process has come here."""
    told_by_first(None)


def told_by_first(value: Any) -> Any:
    """What the first process has for ``value``, in all of them."""
    if count() == 1:
        return value
    told = [value]
    dist.broadcast_object_list(told, device=torch.device("cpu"))
    return told[0]


def any_says(flag: bool) -> bool:
    """Whether the flag is set in any process."""
    if count() == 1:
        return flag
    flags = torch.tensor(float(flag))
    dist.all_reduce(flags, dist.ReduceOp.MAX)
    return bool(flags)


def over_shards(function: Callable[..., Any], *tensors: Tensor) -> Any:
    """What ``function`` makes of batches, each process doing its share.

    Args:
        function: from tensors (N, ...) to tensors (N, ...), or to tuples or dictionaries of them;
            it works image by image, but for batch-norm.
        tensors: batches, which may have different numbers of images, each a multiple of the
            processes. Images that stand at the beginning of a batch do so in its shards.

    Returns:
        The outputs for all images, in their order. The gradient that reaches a parameter is that
        of this process's images: `add_up` completes it.
    """
    if count() == 1:
        return function(*tensors)
    return _gathered(function(*(tensor[dist.get_rank() :: count()] for tensor in tensors)))


def _gathered(found: Any) -> Any:
    if isinstance(found, dict):
        return {name: _gathered(one) for name, one in found.items()}
    if isinstance(found, tuple):
        return tuple(map(_gathered, found))
    return None if found is None else _Gather.apply(found)


class _Gather(torch.autograd.Function):
    """The shards of all processes as one batch; of its gradient each keeps its own shard's, for all
    compute the same losses from it."""

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
    """The sum over all processes of what each has, in all of them; gradients flow through it."""
    return _Total.apply(values)


class _Total(torch.autograd.Function):
    """Every process's outputs depend on the sum, and so their gradients on it are added up too."""

    @staticmethod
    def forward(ctx: Any, values: Tensor) -> Tensor:
        found = values.clone()
        dist.all_reduce(found)
        return found

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> Tensor:
        found = gradient.clone()
        dist.all_reduce(found)
        return found


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
