"""Where and with what figures were measured."""

import os
import platform
from importlib.metadata import version

import psutil
import torch

from fewmask.training.runtime import Runtime, describe

PACKAGES = ("torchvision", "pillow", "snakemake", "pydantic")
"""Whose versions are told besides those that every training tells."""


def device() -> torch.device:
    """The GPU where there is one, else the processor."""
    return torch.device("cuda" if torch.cuda.is_available() else "cpu")


def machine() -> dict[str, object]:
    """Processor, GPU, cores, memory, system, and how busy it is with other things."""
    found = {"processor": describe(Runtime(torch.device("cpu"), "fp32"))["device"]}
    if torch.cuda.is_available():
        found["gpu"] = torch.cuda.get_device_name()
    return {
        **found,
        "cores": len(os.sched_getaffinity(0)),
        "memory_gb": round(psutil.virtual_memory().total / 2**30, 1),
        "system": platform.platform(),
    }


def versions() -> dict[str, object]:
    """Python, the packages that matter, and the commit (``+``: with changes)."""
    told = describe(Runtime(device(), "fp32"))
    return {
        "python": told["python"],
        **told["versions"],
        **{name: version(name) for name in PACKAGES},
        "git_commit": told["git_commit"],
    }
