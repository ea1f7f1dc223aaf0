"""Device and precision, decided once."""

import ctypes
import os
import platform
import resource
import subprocess
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path

import torch

from fewmask.cluster.slurm import NAME_PREFIX, SIDE_BY_SIDE
from fewmask.core import parallel

M_TRIM_THRESHOLD, M_MMAP_MAX = -1, -4
"""What glibc's malloc.h calls them."""
DTYPES = {"bf16": torch.bfloat16, "fp16": torch.float16}

LONG = 20_000
"""Steps from which on a training tries cuDNN's algorithms for every convolution: that took 40 s for
an EfficientNet on an H200 (docs/performance.md), most of a training of some hundred steps."""


@dataclass(frozen=True)
class Runtime:
    """Where and how numbers are computed."""

    device: torch.device
    precision: str

    @property
    def autocast(self) -> Callable[[], AbstractContextManager]:
        """A context for forward passes in the precision."""
        if self.precision == "fp32":
            return nullcontext
        return lambda: torch.autocast(self.device.type, DTYPES[self.precision])


def start(precision: str, threads: int, deterministic: bool = False) -> Runtime:
    """Set torch up for a job: the GPU where there is one, else ``threads`` threads."""
    torch.set_num_threads(threads)
    if deterministic:
        os.environ.setdefault("CUBLAS_WORKSPACE_CONFIG", ":4096:8")  # read when CUDA starts
    # fp32 means 32 bits: TensorFloat-32 only where lower precision was requested.
    torch.backends.cuda.matmul.allow_tf32 = precision != "fp32"
    torch.backends.cudnn.allow_tf32 = precision != "fp32"
    if deterministic != torch.are_deterministic_algorithms_enabled():  # it imports the compiler
        torch.use_deterministic_algorithms(deterministic, warn_only=True)
    # Where several processes train together, each has set the number of its own GPU.
    cuda = torch.cuda.is_available()
    if not cuda:
        _keep_freed_memory()
    device = torch.device("cuda", torch.cuda.current_device()) if cuda else torch.device("cpu")
    return Runtime(device, precision)


def is_emulated(runtime: Runtime) -> bool:
    """Whether bf16 is requested of a processor that has no instructions for it."""
    on_processor = runtime.device.type == "cpu" and runtime.precision == "bf16"
    return on_processor and not torch.ops.mkldnn._is_mkldnn_bf16_supported()


def try_algorithms(steps: int, deterministic: bool) -> None:
    """Have cuDNN try its algorithms in a training of so many steps, if it is long."""
    torch.backends.cudnn.benchmark = steps >= LONG and not deterministic


def _keep_freed_memory() -> None:
    """Have glibc keep the memory of tensors that are gone for those that come next.

    It would hand all large ones back to the system, which then has to clear every page anew: a
    sixth of a step at 256 px (docs/performance.md). Other C libraries are left as they are.
    """
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None)
    if mallopt is not None:
        mallopt(M_MMAP_MAX, 0)
        mallopt(M_TRIM_THRESHOLD, 2**31 - 1)


def peak_memory_mb(device: torch.device) -> float:
    """The most memory that was in use so far, in MiB: on the GPU, or of this process."""
    if device.type == "cuda":
        return torch.cuda.max_memory_allocated(device) / 2**20
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**10


def gpus(device: torch.device) -> float:
    """How many GPUs this job has, used or not: those that SLURM gave it, else the one it is on; its
    part of them if trainings share them."""
    # In an allocation that a person made, and shares between jobs, SLURM's count is not the job's.
    is_own_allocation = os.environ.get("SLURM_JOB_NAME", "").startswith(NAME_PREFIX)
    given = os.environ.get("SLURM_GPUS_ON_NODE", "") if is_own_allocation else ""
    count = int(given) if given.isdigit() else parallel.count() * int(device.type == "cuda")
    side_by_side = int(os.environ.get(SIDE_BY_SIDE, 1))
    return count if side_by_side == 1 else count / side_by_side


def describe(runtime: Runtime) -> dict[str, object]:
    """What a value depends on besides settings and data: versions, commit, device, precision; and
    the number of GPUs."""
    on_gpu = runtime.device.type == "cuda"
    packages = ("fewmask", "torch", "torchvision", "segmentation-models-pytorch", "numpy", "h5py")
    return {
        "device": torch.cuda.get_device_name(runtime.device) if on_gpu else _processor(),
        "gpus": gpus(runtime.device),
        "precision": runtime.precision,
        "processes": parallel.count(),
        "threads": torch.get_num_threads(),
        "python": platform.python_version(),
        "versions": {name: version(name) for name in packages},
        "git_commit": _git_commit(),
    }


def _processor() -> str:
    """The processor's name, as far as the system tells it."""
    information = Path("/proc/cpuinfo")
    lines = information.read_text().splitlines() if information.exists() else []
    names = [line.split(":", 1)[1].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.processor() or platform.machine()


def _git_commit() -> str | None:
    """The commit that the code is at, with ``+`` for uncommitted changes; None outside git."""
    try:
        answer = subprocess.run(
            ["git", "describe", "--always", "--abbrev=40", "--dirty=+", "--exclude=*"],
            cwd=Path(__file__).parent,
            capture_output=True,
            text=True,
            timeout=10,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired):
        return None
    return answer.stdout.strip() or None
