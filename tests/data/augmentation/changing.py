"""What the tests of augmentation share."""

import torch
from hypothesis import settings
from hypothesis import strategies as st
from torch import Tensor

from fewmask import IGNORE
from fewmask.config.augmentation import Augmentation
from fewmask.data.augmentation.strong import StrongAugmentation
from fewmask.data.augmentation.weak import Change

unhurried = settings(max_examples=50)
sizes = st.tuples(st.integers(16, 48), st.integers(16, 48))


def augment(
    images: Tensor, masks: Tensor | None, inside: Tensor | None, settings: Augmentation
) -> tuple[Tensor, Tensor | None, Tensor | None]:
    """Change images at random, and their masks and padding alike, as the training loop does."""
    change = Change.draw(settings, images)
    masks = None if masks is None else change.warp.masks(masks)
    inside = None if inside is None else change.warp.inside(inside)
    return change.images(images), masks, inside


def random_images(count=4, height=24, width=40, channels=3):
    """Images, float32, of random numbers."""
    generator = torch.Generator().manual_seed(0)
    return torch.rand(count, channels, height, width, generator=generator)


def some_images(count=4, height=24, width=40):
    """Images, float32, of random bytes; a channel of one value, and some of little contrast."""
    generator = torch.Generator().manual_seed(0)
    images = torch.randint(256, (count, 3, height, width), generator=generator)
    images[0, 0] = 64
    images[:, 1] = 50 + images[:, 1] // 2
    return images / 255


def patches(count, height, width, size=6):
    """Masks, int64, of squares of 4 classes, and some pixels that are ignored."""
    generator = torch.Generator().manual_seed(1)
    classes = torch.tensor([0, 1, 2, 3, IGNORE])
    shape = (count, -(-height // size), -(-width // size))
    coarse = classes[torch.randint(5, shape, generator=generator)]
    return coarse.repeat_interleave(size, 1).repeat_interleave(size, 2)[:, :height, :width]


def draw(chosen, count=4, height=24, width=40, seed=0):
    """The strong augmentation of a batch."""
    torch.manual_seed(seed)
    return StrongAugmentation.draw(chosen, count, height, width)


NOTHING = Augmentation(flip=0)

EVERYTHING = Augmentation(
    flip=0.5, vertical_flip=0.5, scale=(0.5, 2.0), rotate=30, crop=(24, 40),
    brightness=0.4, contrast=0.4, saturation=0.4, hue=0.1,
)  # fmt: skip
