"""How a network does on images to validate or to test on.

A network that is judged is in evaluation mode, and afterwards what it was. What is found is that of
the images, however they come in batches.
"""

from collections.abc import Callable, Iterable, Iterator
from contextlib import AbstractContextManager, contextmanager
from typing import NamedTuple

import torch
from torch import Tensor, nn

from fewmask.core.seeds import derive
from fewmask.data.batches import Batch
from fewmask.metrics.segmentation import confusion
from fewmask.tasks.segmentation import summed_cross_entropy

Autocast = Callable[[], AbstractContextManager]
"""What makes the context that a forward pass runs in."""

Outputs = dict[str, Tensor]
"""What a network tells of a batch, by task."""


class PooledMean:
    """A mean over the pixels, say, of all images, to which batches of any size can be added."""

    def __init__(self) -> None:
        self._sums = torch.zeros(2, dtype=torch.float64)

    def add(self, total: Tensor, count: Tensor) -> None:
        """Count what was summed over a batch, and over how many values; both scalars."""
        self._sums = self._sums.to(total.device) + torch.stack([total.double(), count.double()])

    @property
    def value(self) -> float:
        """The mean; NaN if it is that of nothing."""
        total, count = self._sums.tolist()
        return total / count if count else float("nan")


class Assessment(NamedTuple):
    """What a network does on a set of images."""

    confusion: Tensor
    """int64 (N, K, K), one matrix per image, rows the truth."""
    cross_entropy: float
    """Mean over the labelled pixels of all images."""


@contextmanager
def evaluating(*modules: nn.Module) -> Iterator[None]:
    """Modules in evaluation mode, until the block ends; then each part is in the mode that it was
    in."""
    modes = [(part, part.training) for module in modules for part in module.modules()]
    try:
        for module in modules:
            module.eval()
        yield
    finally:
        for part, was_training in modes:
            part.training = was_training


def drawn_alike(
    batch: Batch, draw: Callable[[Tensor, Tensor], tuple[Tensor, ...]]
) -> tuple[Tensor, ...]:
    """What ``draw`` makes of images at random: of each the same always, whatever its batch holds.

    Args:
        batch: the images.
        draw: from image (1, 3, H, W) and inside (1, 1, H, W) to tensors (1, ...); it draws from
            torch's generator on the CPU, which afterwards is what it was.

    Returns:
        The tensors, (N, ...) each.
    """
    drawn = []
    with torch.random.fork_rng(devices=[]):
        for i, row in enumerate(batch.rows.tolist()):
            torch.default_generator.manual_seed(derive("validation", row))
            drawn.append(draw(batch.image[i : i + 1], batch.inside[i : i + 1]))
    return tuple(map(torch.cat, zip(*drawn, strict=True)))


@torch.no_grad()
def predictions(
    network: nn.Module, batches: Iterable[Batch], autocast: Autocast
) -> Iterator[tuple[Batch, Outputs]]:
    """Every batch with what the network, in evaluation mode, tells of it."""
    with evaluating(network):
        for batch in batches:
            with autocast():
                outputs = network(batch.image, batch.inside)
            yield batch, outputs


def assess(
    network: nn.Module,
    batches: Iterable[Batch],
    autocast: Autocast,
    keep: Callable[[Batch, Outputs], None] | None = None,
) -> Assessment:
    """Compare a network's predictions with the masks, in evaluation mode.

    ``keep`` is handed every batch with all that the network tells of it.
    """
    matrices, loss = [], PooledMean()
    for batch, outputs in predictions(network, batches, autocast):
        logits = outputs["segmentation"].float()
        matrices.append(confusion(logits.argmax(dim=1), batch.mask, logits.shape[1]))
        loss.add(*summed_cross_entropy(logits, batch.mask))
        if keep is not None:
            keep(batch, outputs)
    return Assessment(torch.cat(matrices), loss.value)
