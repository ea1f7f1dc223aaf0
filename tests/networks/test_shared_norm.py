"""Batch-norm over two processes is batch-norm of the whole batch."""

import copy
from functools import partial
from pathlib import Path

import pytest
import torch
from timm.layers import BatchNormAct2d
from torch import nn

from fewmask.core import parallel
from fewmask.networks.frozen import freeze
from fewmask.networks.shared_norm import share_norms
from tests.processes import run_together


def network(kind: type[nn.Module]) -> nn.Sequential:
    """Two batch-norms of a kind; the second is frozen, with statistics of its own."""
    found = nn.Sequential(nn.Conv2d(3, 4, 3), kind(4), nn.Conv2d(4, 5, 1), kind(5)).double()
    generator = torch.Generator().manual_seed(1)
    for one in found.state_dict().values():
        if one.is_floating_point():
            one.copy_(torch.rand(one.shape, generator=generator, dtype=one.dtype) - 0.3)
    found[3].running_var.abs_()
    freeze(found[3])
    return found.train()


def images() -> torch.Tensor:
    generator = torch.Generator().manual_seed(2)
    return torch.randn(4, 3, 6, 6, generator=generator, dtype=torch.float64)


def learn(module: nn.Module, output: Path) -> None:
    """Write the output, the gradients and the tensors after one forward and backward pass."""
    found = parallel.over_shards(module, images())
    (found**3).sum().backward()
    gradients = [one.grad for one in module.parameters() if one.grad is not None]
    parallel.add_up(gradients)
    if parallel.is_first():
        torch.save([found.detach(), gradients, module.state_dict()], output)


def one_of_two(module: nn.Module, output: Path) -> None:
    with parallel.together(2):
        learn(share_norms(module, on_gpu=False), output)


@pytest.mark.parametrize("kind", [nn.BatchNorm2d, BatchNormAct2d])
def test_two_processes_find_what_one_does(kind: type[nn.Module], tmp_path: Path):
    whole = network(kind)
    learn(copy.deepcopy(whole), tmp_path / "one")
    assert run_together(partial(one_of_two, whole, tmp_path / "two"), 2) == [0, 0]
    one, two = (torch.load(tmp_path / name, weights_only=True) for name in ("one", "two"))
    torch.testing.assert_close(two, one)
