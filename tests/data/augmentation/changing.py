"""What the tests of augmentation share."""

from torch import Tensor

from fewmask.config.augmentation import Augmentation
from fewmask.data.augmentation.weak import Change


def augment(
    images: Tensor, masks: Tensor | None, inside: Tensor | None, settings: Augmentation
) -> tuple[Tensor, Tensor | None, Tensor | None]:
    """Change images at random, and their masks and padding alike, as the training loop does."""
    change = Change.draw(settings, images)
    masks = None if masks is None else change.warp.masks(masks)
    inside = None if inside is None else change.warp.inside(inside)
    return change.images(images), masks, inside
