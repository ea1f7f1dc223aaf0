"""Strong views: other colours, then boxes of other images."""

from dataclasses import replace

import torch

from fewmask.config.augmentation import ColourAugmentation
from fewmask.data.augmentation.mixing import Paste, boxes, draw_between
from fewmask.data.augmentation.recolouring import strong_view
from fewmask.data.batches import Batch
from fewmask.objectives.consistency.options import Boxes
from fewmask.objectives.consistency.target import Target


def draw_boxes(options: Boxes, batch: Batch) -> Paste:
    """The boxes that are pasted into the images of a batch."""
    count, _, *size = batch.image.shape
    is_pasted = torch.rand(count) < options.probability
    area = draw_between(options.area, count) * is_pasted
    pasted = boxes(area, options.aspect, tuple(size))
    return Paste(pasted.to(batch.image.device, non_blocking=True))


def pasted(batch: Batch, paste: Paste) -> Batch:
    """Images, and where they are inside, after pasting."""
    return replace(batch, image=paste(batch.image), inside=paste(batch.inside))


def strong(
    batch: Batch, target: Target, colours: ColourAugmentation, mixing: Boxes | None
) -> tuple[Batch, Target]:
    """A strong view of a batch, and what is to be predicted of it."""
    view = replace(batch, image=strong_view(colours, batch.image))
    if mixing is None:
        return view, target
    paste = draw_boxes(mixing, batch)
    return pasted(view, paste), target.moved(paste)
