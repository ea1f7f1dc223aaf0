"""What is done to the images of a student, and to what it is to predict of them (French et al.
2020, 3.3)."""

from dataclasses import replace

import torch
from torch import Tensor

from fewmask.data.augmentation.mixing import Blend, Paste, boxes, draw_beta, draw_between, partners
from fewmask.data.augmentation.strong import GREY
from fewmask.data.batches import Batch
from fewmask.objectives.consistency.strong import pasted
from fewmask.objectives.consistency.target import SoftTarget
from fewmask.objectives.mean_teacher.settings import ICT, CutMix, Cutout, OfArea

Perturbed = tuple[Batch, SoftTarget]


def cutmix(options: CutMix, view: Batch, target: SoftTarget) -> Perturbed:
    """A box of the partner, with what its teacher says of it."""
    paste = Paste(_boxes(options, view.image))
    return pasted(view, paste), target.moved(paste)


def cutout(options: Cutout, view: Batch, target: SoftTarget) -> Perturbed:
    """Nothing but the inside of a box; the rest is grey and does not count."""
    kept = _boxes(options, view.image)
    image = view.image.masked_fill(~kept[:, None], GREY)
    return replace(view, image=image), replace(target, valid=target.valid & kept)


def ict(options: ICT, view: Batch, target: SoftTarget) -> Perturbed:
    """Weighted means of images, of probabilities and of confidences; a pixel is inside where it is
    in both images."""
    share = draw_beta(options.alpha, options.alpha, len(view.image))
    blend = Blend(share.to(view.image.device, non_blocking=True))
    mixed = SoftTarget(
        blend(target.probabilities), blend(target.confidence), target.valid & partners(target.valid)
    )
    inside = view.inside.minimum(partners(view.inside))
    return replace(view, image=blend(view.image), inside=inside), mixed


BY_NAME = {"cutmix": cutmix, "cutout": cutout, "ict": ict}


def _boxes(options: OfArea, image: Tensor) -> Tensor:
    """bool (N, H, W): a box in every image, as long and narrow as fits."""
    count, _, *size = image.shape
    any_aspect = (torch.finfo(torch.float32).tiny, torch.finfo(torch.float32).max)
    drawn = boxes(draw_between(options.area, count), any_aspect, tuple(size))
    return drawn.to(image.device, non_blocking=True)
