"""A memory of vectors by class, and draws of as many members of every class."""

import torch
from torch import Tensor, nn


class Memory(nn.Module):
    """The latest vectors of every class. It is part of the state of a training."""

    vectors: Tensor
    """float32 (K, M, D)."""
    held: Tensor
    """int64 (K): how many of the M there are."""
    next: Tensor
    """int64 (K): the place of the next one, that of the oldest once all places are taken."""

    def __init__(self, classes: int, size: int, channels: int) -> None:
        super().__init__()
        self.register_buffer("vectors", torch.zeros(classes, size, channels))
        self.register_buffer("held", torch.zeros(classes, dtype=torch.int64))
        self.register_buffer("next", torch.zeros(classes, dtype=torch.int64))

    @torch.no_grad()
    def add(self, vectors: Tensor, members: Tensor) -> None:
        """Remember vectors (P, D), in their order, for the classes whose ``members``, bool (K, P),
        they are; of more than fit the last ones."""
        size = self.vectors.shape[1]
        order = members.cumsum(1)
        count = order[:, -1]
        fits = members & (order > count[:, None] - size)
        index, pixel = fits.nonzero(as_tuple=True)
        place = (self.next[index] + order[index, pixel] - 1) % size
        self.vectors[index, place] = vectors[pixel].to(self.vectors.dtype)
        self.next.copy_((self.next + count) % size)
        self.held.copy_((self.held + count).clamp(max=size))

    @torch.no_grad()
    def draw(self, *shape: int) -> Tensor:
        """For every class so many vectors at random, float32 (K, *shape, D); zeros for a class that
        has none."""
        classes = len(self.held)
        drawn = torch.rand(classes, *shape).to(self.held.device, non_blocking=True)
        held = self.held.view(-1, *[1] * len(shape))
        place = (drawn * held).long().minimum((held - 1).clamp(min=0))
        every = torch.arange(classes, device=place.device).view_as(held)
        return self.vectors[every, place]


def draw_members(members: Tensor, number: int) -> Tensor:
    """For every class so many of its members at random, each time any of them: int64 (K, number).

    ``members``: bool (K, P). For a class that has none the index is any.
    """
    order = members.cumsum(1)
    count = order[:, -1:]
    drawn = torch.rand(len(members), number).to(members.device, non_blocking=True)
    wanted = (drawn * count).long().minimum((count - 1).clamp(min=0)) + 1
    return torch.searchsorted(order, wanted).clamp(max=members.shape[1] - 1)
