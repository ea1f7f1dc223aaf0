"""Batches passed through networks in parts, so that the feature maps of one part are in memory.

Losses are computed of the outputs for the whole batch. So their gradients are those of the whole
batch, whatever a loss compares or counts, and whatever weighs the losses: adding up the gradients
of losses of the parts would be the same only for plain means over equally many pixels.
"""

from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.modules.batchnorm import _BatchNorm
from torch.utils.checkpoint import checkpoint


def in_parts(function: Callable[..., Any], parts: int, owner: nn.Module, *batches: Tensor) -> Any:
    """The outputs of ``function`` for batches, of which one part is computed after the other.

    Only images and outputs are kept: the backward pass computes each part again. Batch-norms take
    their statistics over a part, and remember them once.

    Args:
        function: from tensors (N, ...) to tensors (N, ...), or to tuples or dictionaries of them;
            it treats images one by one, except in batch-norm.
        parts: how many there are.
        owner: the module that owns all networks in ``function``.
        batches: they may have different numbers of images, each a multiple of ``parts``.
    """
    if parts == 1:
        return function(*batches)

    def contexts() -> tuple[AbstractContextManager, AbstractContextManager]:
        return nullcontext(), _RememberingNothing(owner)

    outputs = [
        checkpoint(
            function,
            *(batch[i::parts] for batch in batches),
            use_reentrant=False,
            context_fn=contexts,
        )
        for i in range(parts)
    ]
    return _joined(outputs)


def _joined(parts: list[Any]) -> Any:
    """Outputs of all parts, each of every n-th image, as those of the batch."""
    first = parts[0]
    if isinstance(first, dict):
        return {name: _joined([part[name] for part in parts]) for name in first}
    if isinstance(first, tuple):
        return tuple(map(_joined, map(list, zip(*parts, strict=True))))
    return None if first is None else torch.stack(parts, dim=1).flatten(0, 1)


class _RememberingNothing(AbstractContextManager):
    """Batch-norms in training compute with the statistics of their images, and leave those that
    they remember as they are. It is entered once for every backward pass."""

    def __init__(self, owner: nn.Module) -> None:
        self.owner = owner
        self.kept: list[tuple[_BatchNorm, float | None, Tensor]] = []

    def __enter__(self) -> None:
        norms = (one for one in self.owner.modules() if isinstance(one, _BatchNorm))
        self.kept = [(n, n.momentum, n.num_batches_tracked) for n in norms if n.training]
        for norm, _, count in self.kept:
            norm.momentum, norm.num_batches_tracked = 0.0, count.clone()

    def __exit__(self, *_: object) -> None:
        for norm, momentum, count in self.kept:
            norm.momentum, norm.num_batches_tracked = momentum, count
