"""Strong views: other colours, then boxes of other images."""

from dataclasses import replace
from functools import reduce
from operator import xor

import torch
from torch import Tensor

from fewmask.config.augmentation import ColourAugmentation
from fewmask.data.augmentation.mixing import Paste, boxes, draw_beta, draw_between
from fewmask.data.augmentation.recolouring import strong_view
from fewmask.data.batches import Batch
from fewmask.objectives.consistency.options import Boxes


def recoloured(batch: Batch, colours: ColourAugmentation | None) -> Batch:
    """Images in other colours, drawn anew at every call; without ``colours`` as they are."""
    if colours is None:
        return batch
    return replace(batch, image=strong_view(colours, batch.image, batch.is_rgb))


def pasted(batch: Batch, paste: Paste) -> Batch:
    """Images, and where they are inside, after pasting."""
    return replace(batch, image=paste(batch.image), inside=paste(batch.inside))


def strong(batch: Batch, colours: ColourAugmentation, mixing: Boxes | None) -> tuple[Batch, Paste]:
    """A strong view of a batch, and what was pasted into it, for what is to be predicted of it."""
    paste = Paste(drawn_boxes(mixing or NOTHING, batch.image))
    return pasted(recoloured(batch, colours), paste), paste


def two_strong(
    batch: Batch, colours: ColourAugmentation, mixing: Boxes | None
) -> tuple[tuple[Batch, ...], tuple[Paste, ...]]:
    """Two strong views of a batch with draws of their own, and what was pasted into each."""
    return tuple(zip(*(strong(batch, colours, mixing) for _ in range(2)), strict=True))


def drawn_boxes(options: Boxes, image: Tensor, count: int = 1) -> Tensor:
    """bool (N, H, W): the pixels that an odd number of boxes covers, in images (N, C, H, W).

    An image has ``count`` boxes, which together have the drawn area, or none.
    """
    images, _, *size = image.shape
    has_boxes = torch.rand(images) < options.probability
    area = draw_between(options.area, images) * has_boxes / count
    drawn = (boxes(area, options.aspect, tuple(size)) for _ in range(count))
    return reduce(xor, drawn).to(image.device, non_blocking=True)


def boxes_that_leave(parameters: tuple[float, float], image: Tensor) -> Tensor:
    """bool (N, H, W): a box as wide, relative to the images, (N, C, H, W), as it is high; what it
    leaves of an image is drawn from a Beta distribution with these ``parameters``."""
    images, _, *size = image.shape
    drawn = boxes(1 - draw_beta(*parameters, images), SQUARE, tuple(size))
    return drawn.to(image.device, non_blocking=True)


SQUARE = (1.0, 1.0)
"""The only aspect of a box."""

NOTHING = Boxes(probability=0)
"""No box."""
