"""How a network does on pictures whose masks are known."""

from collections.abc import Callable, Iterable
from contextlib import AbstractContextManager
from typing import NamedTuple

import torch
from torch import Tensor, nn

from fewmask.data.batches import Batch
from fewmask.metrics import confusion
from fewmask.objectives.losses import pixel_cross_entropy


class Assessment(NamedTuple):
    """What a network does on a set of pictures."""

    confusion: Tensor
    """int64 (N, K, K), one matrix per picture, rows the truth."""
    cross_entropy: float
    """Mean over the labelled pixels of all pictures."""


@torch.no_grad()
def assess(
    network: nn.Module,
    batches: Iterable[Batch],
    autocast: Callable[[], AbstractContextManager],
    keep: Callable[[Batch, Tensor], None] | None = None,
) -> Assessment:
    """Compare a network's predictions with the masks, in evaluation mode.

    ``keep`` is handed every batch with its class scores, float32 (N, K, H, W).
    """
    was_training = network.training
    network.eval()
    matrices, loss, pixels = [], 0.0, 0.0
    for batch in batches:
        with autocast():
            logits = network(batch.image, batch.inside)["segmentation"].float()
        matrices.append(confusion(logits.argmax(dim=1), batch.mask, logits.shape[1]))
        of_pixels, counted = pixel_cross_entropy(logits, batch.mask)
        loss, pixels = loss + of_pixels, pixels + counted
        if keep is not None:
            keep(batch, logits)
    network.train(was_training)
    return Assessment(torch.cat(matrices), float(loss / pixels))
