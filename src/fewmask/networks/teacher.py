"""A network that is the exponential moving average (EMA) of another one."""

import copy
from collections.abc import Iterator
from itertools import chain
from typing import Any, Self

import torch
from torch import Tensor, nn

from fewmask.networks.frozen import Frozen


class Teacher(nn.Module):
    """The EMA of a network's weights, batch-norm statistics included, in evaluation mode.

    It teaches the network that it follows, or is what a training ends with.

    The k-th update, counted from 0, keeps min(1 - 1 / (k + 1), decay) of what there is. So the
    first one copies the other network, the next ones make the plain mean of all so far, and nothing
    of random initial weights remains. Whole numbers, which have no mean, are copied. What is frozen
    in the other network is shared with it.
    """

    def __init__(self, network: nn.Module, decay: float) -> None:
        """A copy of ``network``, without gradients. ``decay``: what an update keeps at most."""
        super().__init__()
        shared = {id(one): one for one in network.modules() if isinstance(one, Frozen)}
        self.network = copy.deepcopy(network, shared).requires_grad_(False)
        self.decay, self.updates = decay, 0
        self.eval()

    def forward(self, *inputs: Tensor) -> Any:
        return self.network(*inputs)

    def train(self, mode: bool = True) -> Self:
        """Stay in evaluation mode, whatever the module is in that this one is a part of."""
        return super().train(False)

    def update(self, network: nn.Module) -> None:
        """Follow ``network``, which is built like this one."""
        follow(self.network, network, min(1 - 1 / (self.updates + 1), self.decay))
        self.updates += 1

    def start_from(self, network: nn.Module) -> None:
        """Have the weights of ``network``, which were loaded after this copy of it was made."""
        self.network.load_state_dict(network.state_dict())

    def get_extra_state(self) -> dict[str, int]:
        return {"updates": self.updates}

    def set_extra_state(self, state: dict[str, int]) -> None:
        self.updates = state["updates"]


@torch.no_grad()
def follow(network: nn.Module, other: nn.Module, kept: float) -> None:
    """Let a network keep a share of its weights, statistics of batch-norms included, and take the
    rest from another one that is built like it. Whole numbers are copied."""
    averaged, followed = [], []
    for mine, theirs in zip(_tensors(network), _tensors(other), strict=True):
        if mine is theirs:
            continue
        if mine.is_floating_point():
            averaged.append(mine)
            followed.append(theirs)
        else:
            mine.copy_(theirs)
    torch._foreach_lerp_(averaged, followed, 1 - kept)  # all at once: there are hundreds


def _tensors(network: nn.Module) -> Iterator[Tensor]:
    return chain(network.parameters(), network.buffers())
