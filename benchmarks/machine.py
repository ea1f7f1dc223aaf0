"""The machine and the versions with which measurements were made."""

import os
import platform
from importlib.metadata import version

import psutil
import torch

from fewmask.training.runtime import Runtime, describe

PACKAGES = ("torchvision", "pillow", "snakemake", "pydantic")
"""Packages whose versions are listed besides those that every training records."""


def device() -> torch.device:
    """The GPU where there is one, else the processor."""
    return torch.device("cuda" if torch.cuda.is_available() else "cpu")


def machine() -> dict[str, object]:
    """Processor, GPU, cores, memory and system."""
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
    described = describe(Runtime(device(), "fp32"))
    return {
        "python": described["python"],
        **described["versions"],
        **{name: version(name) for name in PACKAGES},
        "git_commit": described["git_commit"],
    }
