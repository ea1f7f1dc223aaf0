"""The device that benchmarks run on: the GPU where there is one."""

import torch


def wait() -> None:
    """Until the GPU, if there is one, has done what it was requested."""
    if torch.cuda.is_available():
        torch.cuda.synchronize()
