"""The device that benchmarks run on: the GPU where there is one."""

import torch


def wait() -> None:
    """Wait until the GPU, if there is one, has finished its work."""
    if torch.cuda.is_available():
        torch.cuda.synchronize()
