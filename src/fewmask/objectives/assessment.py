"""How a network does on pictures to validate or to test on."""

from collections.abc import Callable, Iterable, Iterator
from contextlib import AbstractContextManager
from typing import NamedTuple

import torch
from torch import Tensor, nn

from fewmask.data.batches import Batch
from fewmask.metrics import confusion
from fewmask.objectives.losses import pixel_cross_entropy
from fewmask.seeds import derive

Autocast = Callable[[], AbstractContextManager]
"""What makes the context that a forward pass runs in."""

Outputs = dict[str, Tensor]
"""What a network tells of a batch, by task."""


class Assessment(NamedTuple):
    """What a network does on a set of pictures."""

    confusion: Tensor
    """int64 (N, K, K), one matrix per picture, rows the truth."""
    cross_entropy: float
    """Mean over the labelled pixels of all pictures."""


@torch.no_grad()
def predictions(
    network: nn.Module, batches: Iterable[Batch], autocast: Autocast
) -> Iterator[tuple[Batch, Outputs]]:
    """Every batch with what the network, in evaluation mode, tells of it."""
    was_training = network.training
    network.eval()
    for batch in batches:
        with autocast():
            outputs = network(batch.image, batch.inside)
        yield batch, outputs
    network.train(was_training)


def assess(
    network: nn.Module,
    batches: Iterable[Batch],
    autocast: Autocast,
    keep: Callable[[Batch, Outputs], None] | None = None,
) -> Assessment:
    """Compare a network's predictions with the masks, in evaluation mode.

    ``keep`` is handed every batch with all that the network tells of it.
    """
    matrices, loss, pixels = [], 0.0, 0.0
    for batch, outputs in predictions(network, batches, autocast):
        logits = outputs["segmentation"].float()
        matrices.append(confusion(logits.argmax(dim=1), batch.mask, logits.shape[1]))
        of_pixels, counted = pixel_cross_entropy(logits, batch.mask)
        loss, pixels = loss + of_pixels, pixels + counted
        if keep is not None:
            keep(batch, outputs)
    return Assessment(torch.cat(matrices), float(loss / pixels))


@torch.no_grad()
def mean_loss(
    network: nn.Module,
    batches: Iterable[Batch],
    autocast: Autocast,
    summed: Callable[[Batch], tuple[Tensor | float, Tensor | int]],
) -> float:
    """The mean of a loss that draws at random, in evaluation mode and with the same draws always.

    ``summed`` gives the loss of a batch, summed over what it is the mean of, and how many these
    are. NaN if they are none.
    """
    torch.manual_seed(derive("validation"))
    network.eval()
    total, count = 0.0, 0
    for batch in batches:
        with autocast():
            of_batch, counted = summed(batch)
        total, count = total + of_batch, count + counted
    network.train()
    return float(total / count) if count else float("nan")
